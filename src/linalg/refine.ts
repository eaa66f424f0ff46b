import type { Device, FloatArray } from "../device/mod.ts";
import { roundoff } from "../device/mod.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";

/** Option of functions that solve systems. */
export interface RefineOptions {
  /**
   * Improves the solution by steps of iterative refinement, with residuals in f64 on the host, as long as they help and at most 10 times (Wilkinson 1963;
   * Moler 1967). Of an f32 system that is not nearly singular for f32, the solution is then right to the last digits of f32; of an f64 system the
   * backward error shrinks, row by row. Default false.
   */
  refine?: boolean;
}

/** Steps after which refinement ends at the latest; each should gain as many digits as the factors have left. */
const STEPS = 10;

/**
 * Refines the columns `xt` `[r, n]` of solutions of A·x = b in their place. `correct` replaces right-hand sides `[r, n]` in the type of xt by solutions, with
 * factors in whatever precision. A column is left alone as soon as a step does not halve its residual.
 */
export function refineSolutions(
  device: Device,
  a: HostMatrix,
  b: FloatArray,
  xt: FloatArray,
  correct: (rt: FloatArray) => void,
): void {
  const n = a.columns, r = n === 0 ? 0 : xt.length / n, unit = roundoff(xt instanceof Float32Array ? "f32" : "f64");
  const x = hostMatrix(r, n, Float64Array.from(xt));
  const residualOf = (t: HostMatrix) => {
    // Of the columns of x as rows: (A·x)ᵀ = xᵀ·Aᵀ.
    const found = multiply(device, t, a, { transposeB: true });
    for (let c = 0; c < r; c++) {
      for (let i = 0; i < n; i++) found.data[c * n + i] = b[i * r + c] - found.data[c * n + i];
    }
    return found;
  };
  const row = (t: HostMatrix, c: number) => t.data.subarray(c * n, (c + 1) * n);
  let residual = residualOf(x), open = Array.from({ length: r }, (_, c) => c);
  for (let step = 0; step < STEPS && open.length > 0; step++) {
    const work = xt.slice().fill(0), next = hostMatrix(r, n, x.data.slice());
    // To norm 1: a small residual may be out of the range of f32.
    const sizes = open.map((c) => frobenius(row(residual, c)));
    open.forEach((c, k) => sizes[k] > 0 && work.set(row(residual, c).map((v) => v / sizes[k]), c * n));
    correct(work);
    const small = open.map((c, k) => {
      const into = row(next, c), before = frobenius(into);
      const change = Float64Array.from(work.subarray(c * n, (c + 1) * n), (v) => v * sizes[k]);
      change.forEach((v, i) => into[i] += v);
      return frobenius(change) <= unit / 4 * before;
    });
    const after = residualOf(next);
    open = open.filter((c, k) => {
      const size = frobenius(row(after, c));
      // NaN is no help either.
      if (!(size < sizes[k])) return false;
      row(x, c).set(row(next, c));
      return size <= sizes[k] / 2 && !small[k];
    });
    residual = after;
  }
  xt.set(x.data);
}
