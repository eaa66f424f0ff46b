import { byteSize } from "../device/mod.ts";
import { defineOp, type HostArray, hostTypes } from "./define.ts";
import { factorLayout } from "./factor_layout.ts";
import { luBounds } from "./factor_lu_bounds.ts";
import { luCases } from "./factor_lu_cases.ts";
import { luKernels } from "./factor_lu_kernels.ts";
import { type FactorScalar, NOT_FINITE, OUT_OF_RANGE, SMALLEST_PIVOT } from "./factor_passes.ts";

/**
 * Gaussian elimination with row exchanges of each matrix `a` `[..., m, n]`, k = min(m, n): `lu` `[..., m, n]` has the unit lower triangular
 * l below its diagonal and the upper triangular u from it on; row i of l·u is row `order[..., i]` of a, and in step i row i was
 * exchanged with row `pivots[..., i]`. `info` `[...]` is 0; or the number from 1 of the first pivot that is zero, whose column of l is
 * then zero; or {@linkcode NOT_FINITE} if an element of `a` is not finite or {@linkcode OUT_OF_RANGE} if one of `lu` is not or a pivot is below {@linkcode SMALLEST_PIVOT}; `lu` is all NaN then.
 */
export const luFactor = defineOp<Record<string, never>>({
  name: "luFactor",

  contract(inputs) {
    const { batch, m, n, dtype } = factorLayout(inputs, "a", false);
    return {
      lu: { shape: [...batch, m, n], dtype },
      pivots: { shape: [...batch, Math.min(m, n)], dtype: "i32" },
      order: { shape: [...batch, m], dtype: "i32" },
      info: { shape: batch, dtype: "i32" },
    };
  },

  reference({ a }, _, { lu, pivots, order, info }) {
    const [m, n] = lu.shape.slice(-2),
      k = Math.min(m, n),
      part = (x: HostArray, q: number, size: number) => x.data.subarray(q * size, (q + 1) * size);
    for (let q = 0; q < info.data.length; q++) {
      const x = part(lu, q, m * n), rows = part(order, q, m);
      x.set(part(a as HostArray, q, m * n));
      rows.forEach((_, i) => rows[i] = i);
      const finite = x.every(Number.isFinite);
      const found = eliminate(x, m, n, part(pivots, q, k), rows), least = SMALLEST_PIVOT[lu.dtype as FactorScalar];
      info.data[q] = found.info;
      if (!finite) info.data[q] = NOT_FINITE;
      else if (found.least < least || !x.every((v) => isFinite(lu.dtype === "f32" ? Math.fround(v) : v))) {
        info.data[q] = OUT_OF_RANGE;
      }
      if (info.data[q] < 0) x.fill(NaN);
    }
  },

  kernels: luKernels,

  cost(inputs) {
    const { count, m, n, dtype } = factorLayout(inputs, "a", false), k = Math.min(m, n);
    return {
      flops: count * (k * k * (m + n - k) - k ** 3 / 3 + (m - k) * (n - k) * k),
      bytes: 2 * count * m * n * byteSize(dtype),
    };
  },

  error(inputs, _, outputs, u) {
    return luBounds(factorLayout(hostTypes(inputs), "a", false), outputs, u);
  },

  cases: luCases,
});

/** Gives the number of the first pivot that is zero, or 0, and the size of the smallest that is not. */
function eliminate(
  x: Float64Array,
  m: number,
  n: number,
  pivots: Float64Array,
  order: Float64Array,
): { info: number; least: number } {
  let info = 0, least = Infinity;
  for (let k = 0; k < Math.min(m, n); k++) {
    let best = k;
    for (let i = k + 1; i < m; i++) if (Math.abs(x[i * n + k]) > Math.abs(x[best * n + k])) best = i;
    pivots[k] = best;
    [order[k], order[best]] = [order[best], order[k]];
    for (let j = 0; j < n && best !== k; j++) [x[k * n + j], x[best * n + j]] = [x[best * n + j], x[k * n + j]];
    const pivot = x[k * n + k];
    if (pivot === 0) info ||= k + 1;
    else least = Math.min(least, Math.abs(pivot));
    for (let i = k + 1; i < m; i++) {
      const factor = x[i * n + k] = pivot === 0 ? 0 : x[i * n + k] / pivot;
      for (let j = k + 1; j < n; j++) x[i * n + j] -= factor * x[k * n + j];
    }
  }
  return { info, least };
}
