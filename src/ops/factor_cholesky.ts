import { byteSize } from "../device/mod.ts";
import { defineOp, type HostArray, hostTypes } from "./define.ts";
import { choleskyCases } from "./factor_cholesky_cases.ts";
import { choleskyKernels } from "./factor_cholesky_kernels.ts";
import { factorLayout } from "./factor_layout.ts";
import { lowerInverse, magnitudes, masked, matrixOf, times, transposeOf } from "./factor_matrix.ts";
import { type FactorScalar, NOT_FINITE, OUT_OF_RANGE, SMALLEST_PIVOT } from "./factor_passes.ts";
import { sizeOf } from "./value.ts";

/**
 * The lower triangular l with a = l·lᵀ of each matrix `a` `[..., n, n]`, of which the lower triangle is read. `info` `[...]` is 0, or the
 * order of the leading minor that is not positive, or {@linkcode NOT_FINITE} if an element of `a` is not finite, or {@linkcode OUT_OF_RANGE} if a pivot is below
 * {@linkcode SMALLEST_PIVOT}; l is NaN then.
 */
export const choleskyFactor = defineOp<Record<string, never>>({
  name: "choleskyFactor",

  contract(inputs) {
    const { batch, n, dtype } = factorLayout(inputs, "a", true);
    return { l: { shape: [...batch, n, n], dtype }, info: { shape: batch, dtype: "i32" } };
  },

  reference({ a }, _, { l, info }) {
    const n = l.shape[l.shape.length - 1], size = n * n;
    for (let q = 0; q < info.data.length; q++) {
      const x = (a as HostArray).data.subarray(q * size, (q + 1) * size), y = l.data.subarray(q * size, (q + 1) * size);
      const least = SMALLEST_PIVOT[l.dtype as FactorScalar];
      info.data[q] = x.every(Number.isFinite) ? eliminate(x, y, n) : NOT_FINITE;
      // Of a matrix without a factor, the pivots before the one that is not positive.
      const pivots = info.data[q] === 0 ? n : info.data[q] - 1;
      for (let i = 0; i < pivots; i++) if (y[i * n + i] ** 2 < least) info.data[q] = OUT_OF_RANGE;
      if (info.data[q] !== 0) y.fill(NaN);
    }
  },

  kernels: choleskyKernels,

  cost(inputs) {
    const { count, n, dtype } = factorLayout(inputs, "a", true);
    return { flops: count * n ** 3 / 3, bytes: 2 * count * n * n * byteSize(dtype) };
  },

  /**
   * The computed l̂ is the factor of a + Δ with |Δ| ≤ γ |l||lᵀ|, γ = (n + 1) u to first order (Higham 2002, Theorem 10.3), and a
   * quotient and a square root of a driver err by a few u. So l̂ − l = l Φ(l⁻¹ Δ l⁻ᵀ), where Φ takes the lower triangle and half of the
   * diagonal.
   */
  error(inputs, _, { l, info }, u) {
    const { n } = factorLayout(hostTypes(inputs), "a", true), bounds = new Float64Array(sizeOf(l.shape)), size = n * n;
    for (let q = 0; q < info.data.length; q++) {
      if (info.data[q] !== 0) continue;
      const factor = matrixOf(n, n, (i, j) => l.data[q * size + i * n + j]), large = magnitudes(factor);
      const inverse = magnitudes(lowerInverse(factor)), product = times(large, transposeOf(large));
      const middle = masked(times(times(inverse, product), transposeOf(inverse)), (i, j) => i >= j);
      const bound = times(large, middle).data;
      for (let k = 0; k < size; k++) bounds[q * size + k] = Math.floor(k / n) < k % n ? 0 : 2 * (n + 16) * u * bound[k];
    }
    return { l: bounds, info: new Float64Array(info.data.length) };
  },

  cases: choleskyCases,
});

/** Cholesky's algorithm by rows: gives the order of the first minor that is not positive, or 0. */
function eliminate(a: Float64Array, l: Float64Array, n: number): number {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j];
      for (let k = 0; k < j; k++) rest -= l[i * n + k] * l[j * n + k];
      if (i > j) l[i * n + j] = rest / l[j * n + j];
      else if (rest > 0) l[i * n + i] = Math.sqrt(rest);
      else return i + 1;
    }
  }
  return 0;
}
