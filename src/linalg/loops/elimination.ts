import type { FloatArray } from "../../device/mod.ts";

/** Gaussian elimination with row exchanges of a matrix `[m, n]` in place, as LAPACK's `getrf`: gives `info`; pivots count from 1. */
export function eliminate(a: Float64Array, m: number, n: number, pivots: Int32Array): number {
  let info = 0;
  for (let k = 0; k < Math.min(m, n); k++) {
    let best = k;
    for (let i = k + 1; i < m; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i;
    pivots[k] = best + 1;
    const pivot = a[best * n + k];
    if (pivot === 0) {
      info ||= k + 1;
      continue;
    }
    if (best !== k) {
      for (let j = 0; j < n; j++) [a[k * n + j], a[best * n + j]] = [a[best * n + j], a[k * n + j]];
    }
    for (let i = k + 1; i < m; i++) {
      const factor = a[i * n + k] /= pivot;
      if (factor === 0) continue;
      for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return info;
}

/** The Cholesky factor L of the lower triangle of a matrix `[n, n]`, in its place, as LAPACK's `potrf`: gives `info`. */
export function choleskyInPlace(a: Float64Array, n: number): number {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j];
      for (let k = 0; k < j; k++) rest -= a[i * n + k] * a[j * n + k];
      if (i > j) a[i * n + j] = rest / a[j * n + j];
      else if (rest > 0) a[i * n + i] = Math.sqrt(rest);
      else return i + 1;
    }
  }
  return 0;
}

/** Which triangle of a matrix is read, and how. */
export interface TriangleUse {
  /** The lower triangle, else the upper one. */
  readonly lower: boolean;
  /** Whether its transpose is meant. */
  readonly transpose: boolean;
  /** Whether the diagonal is all ones, whatever is stored there. */
  readonly unitDiagonal: boolean;
}

/**
 * Solves with a triangle of `a` `[n, n]` for `r` right-hand sides in the rows of `b` `[n, r]`, in their place, as LAPACK's `trtrs`:
 * gives `info`.
 */
export function substitute(a: FloatArray, n: number, b: FloatArray, r: number, use: TriangleUse): number {
  const { lower, transpose, unitDiagonal } = use;
  for (let i = 0; i < n && !unitDiagonal; i++) if (a[i * n + i] === 0) return i + 1;
  const forward = lower !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    for (let k = forward ? 0 : i + 1; k < (forward ? i : n); k++) {
      const factor = transpose ? a[k * n + i] : a[i * n + k];
      if (factor === 0) continue;
      for (let c = 0; c < r; c++) b[i * r + c] -= factor * b[k * r + c];
    }
    if (unitDiagonal) continue;
    for (let c = 0; c < r; c++) b[i * r + c] /= a[i * n + i];
  }
  return 0;
}
