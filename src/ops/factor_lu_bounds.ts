import type { HostArray } from "./define.ts";
import type { FactorLayout } from "./factor_layout.ts";
import { lowerInverse, magnitudes, masked, type Matrix, matrixOf, times, transposeOf } from "./factor_matrix.ts";
import { sizeOf } from "./value.ts";

/**
 * The computed factors are those of p·a + Δ with |Δ| ≤ γ |l||u|, γ = k u to first order (Higham 2002, Theorem 9.3), and
 * quotients of a driver err by a few u. With the leading triangles l₁ and u₁, G = l₁⁻¹ Δ₁₁ u₁⁻¹ splits into what l₁ and u₁ err by, relatively: l₁ low(G) and
 * up(G) u₁; what is below errs by (Δ₂₁ + l₂ up(G) u₁) u₁⁻¹, what is right of them by l₁⁻¹ (Δ₁₂ + l₁ low(G) u₂). Nothing is said of a
 * singular matrix. Pivots are to be the same: cases must not have near ties.
 */
export function luBounds(
  { m, n }: FactorLayout,
  { lu, pivots, order, info }: Readonly<Record<string, HostArray>>,
  u: number,
): Record<string, Float64Array> {
  const k = Math.min(m, n), bounds = new Float64Array(sizeOf(lu.shape));
  for (let q = 0; q < info.data.length; q++) {
    const at = (i: number, j: number) => Math.abs(lu.data[q * m * n + i * n + j]);
    const own = bounds.subarray(q * m * n, (q + 1) * m * n);
    if (info.data[q] !== 0) {
      own.fill(info.data[q] < 0 ? 0 : Infinity);
      continue;
    }
    const lower = matrixOf(m, k, (i, j) => i > j ? at(i, j) : i === j ? 1 : 0);
    const upper = matrixOf(k, n, (i, j) => i <= j ? at(i, j) : 0);
    const signed = (i: number, j: number) => lu.data[q * m * n + i * n + j];
    const l1 = matrixOf(k, k, (i, j) => i > j ? signed(i, j) : i === j ? 1 : 0);
    const u1 = matrixOf(k, k, (i, j) => i <= j ? signed(i, j) : 0);
    const left = magnitudes(lowerInverse(l1)), right = transposeOf(magnitudes(lowerInverse(transposeOf(u1))));
    const delta = times(lower, upper), gamma = 2 * (k + 16) * u;
    const part = (a: Matrix, i0: number, i1: number, j0: number, j1: number) =>
      matrixOf(i1 - i0, j1 - j0, (i, j) => a.data[(i + i0) * a.columns + j + j0]);
    const g = times(times(left, part(delta, 0, k, 0, k)), right);
    const inLower = times(magnitudes(l1), masked(g, (i, j) => i > j));
    const inUpper = times(masked(g, (i, j) => i <= j), magnitudes(u1));
    const put = (a: Matrix, i0: number, j0: number) => {
      for (let i = 0; i < a.rows; i++) {
        for (let j = 0; j < a.columns; j++) own[(i + i0) * n + j + j0] = gamma * a.data[i * a.columns + j];
      }
    };
    put(matrixOf(k, k, (i, j) => (i > j ? inLower : inUpper).data[i * k + j]), 0, 0);
    if (m > k) {
      const below = times(part(lower, k, m, 0, k), inUpper), own = part(delta, k, m, 0, k);
      put(times(matrixOf(m - k, k, (i, j) => below.data[i * k + j] + own.data[i * k + j]), right), k, 0);
    }
    if (n > k) {
      const beside = times(inLower, part(upper, 0, k, k, n)), own = part(delta, 0, k, k, n);
      put(times(left, matrixOf(k, n - k, (i, j) => beside.data[i * (n - k) + j] + own.data[i * (n - k) + j])), 0, k);
    }
  }
  const exact = (x: HostArray) => x.data.map(() => 0);
  // Where an element is not finite, so are comparisons.
  const steps = (x: HostArray, each: number) =>
    x.data.map((_, i) => info.data[Math.floor(i / each)] < 0 ? Infinity : 0);
  return { lu: bounds, pivots: steps(pivots, k), order: steps(order, m), info: exact(info) };
}
