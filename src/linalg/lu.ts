import type { FloatArray } from "../device/mod.ts";
import { type Tensor, withVjp } from "../tensor/mod.ts";
import { luPullback } from "./gradients/lu.ts";
import { eliminate } from "./loops/elimination.ts";
import {
  floats,
  lapackWith,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  toTensor,
  transposed,
} from "./matrix_stack.ts";

/** A = p·l·u. */
export interface Lu {
  /** Permutation matrix, `[..., m, m]`. */
  readonly p: Tensor;
  /** Unit lower triangular, `[..., m, k]` with k = min(m, n). */
  readonly l: Tensor;
  /** Upper triangular, `[..., k, n]`. */
  readonly u: Tensor;
}

/**
 * LU decomposition with row exchanges of each matrix of `[..., m, n]`, in the matrix's own precision (LAPACK's `getrf`); without a
 * LAPACK in f64. A singular matrix has zeros on the diagonal of u. Throws a `TypeError` for other types than f32 and f64, and a
 * `RangeError` if an element is not finite; its gradient a {@linkcode SingularMatrixError} if the first k columns of the matrix are dependent.
 */
export async function lu(a: Tensor): Promise<Lu> {
  return await withVjp("lu", { a }, { ...await factored(a) }, luPullback);
}

async function factored(a: Tensor): Promise<Lu> {
  const stack = await readMatrices(a, "lu"), { device, dtype, data, rows: m, columns: n, count } = stack;
  const k = Math.min(m, n), pivots = new Int32Array(k), lapack = lapackWith(device, "getrf");
  const p = floats(dtype, count * m * m), l = floats(dtype, count * m * k), u = floats(dtype, count * k * n);
  onHost(device, lapack ? "lu/lapack" : "lu/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, m * n), parts = { p: nth(p, i, m * m), l: nth(l, i, m * k), u: nth(u, i, k * n) };
      if (lapack) {
        // By columns, as LAPACK wants it: with rows and columns exchanged it would exchange columns.
        const columns = transposed(matrix, m, n);
        requireArguments("getrf", lapack.getrf(m, n, columns, pivots));
        split(transposed(columns, n, m), m, n, pivots, parts);
      } else {
        const work = Float64Array.from(matrix);
        eliminate(work, m, n, pivots);
        split(work, m, n, pivots, parts);
      }
    }
  });
  return { p: toTensor(stack, p, [m, m]), l: toTensor(stack, l, [m, k]), u: toTensor(stack, u, [k, n]) };
}

/** Takes factors apart that are stored in one matrix `[m, n]`. */
function split(
  both: FloatArray,
  m: number,
  n: number,
  pivots: Int32Array,
  { p, l, u }: { p: FloatArray; l: FloatArray; u: FloatArray },
): void {
  const k = Math.min(m, n), order = Array.from({ length: m }, (_, i) => i);
  pivots.forEach((row, i) => [order[i], order[row - 1]] = [order[row - 1], order[i]]);
  // Row i of l·u is row order[i] of the matrix.
  order.forEach((row, i) => p[row * m + i] = 1);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < Math.min(i, k); j++) l[i * k + j] = both[i * n + j];
    if (i >= k) continue;
    l[i * k + i] = 1;
    for (let j = i; j < n; j++) u[i * n + j] = both[i * n + j];
  }
}
