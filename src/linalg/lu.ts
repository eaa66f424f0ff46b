import type { FloatArray } from "../device/mod.ts";
import { Tensor, withVjp } from "../tensor/mod.ts";
import { eliminateOnAdapter, indices, luWork } from "./device/eliminate.ts";
import { luPullback } from "./gradients/lu.ts";
import { inRange } from "./in_range.ts";
import { eliminate } from "./loops/elimination.ts";
import {
  floats,
  lapackWith,
  type MatrixStack,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireMatrix,
  toTensor,
  transposed,
} from "./matrix_stack.ts";
import { placeOf, type PlaceOptions } from "./place.ts";

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
 *
 * On a hardware adapter large matrices and large stacks are factored there, by blocks of panels; see {@linkcode PlaceOptions}.
 */
export async function lu(a: Tensor, options: PlaceOptions = {}): Promise<Lu> {
  return await withVjp("lu", { a }, { ...await factored(a, options) }, luPullback);
}

async function factored(a: Tensor, options: PlaceOptions): Promise<Lu> {
  requireMatrix(a, "lu");
  if (placeOf("lu", [a], luWork(a), options) === "adapter") {
    const parts = await onAdapter(a);
    if (parts) return parts;
  }
  const stack = await readMatrices(a, "lu"), { rows: m, columns: n } = stack, k = Math.min(m, n);
  const { p, l, u } = await inRange("lu", a, stack, eliminated);
  return { p: toTensor(stack, p, [m, m]), l: toTensor(stack, l, [m, k]), u: toTensor(stack, u, [k, n]) };
}

function eliminated(
  { device, dtype, data, rows: m, columns: n, count }: MatrixStack,
): { p: FloatArray; l: FloatArray; u: FloatArray } {
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
  return { p, l, u };
}

/** Undefined if an element of the matrix or of its factors is not finite: the host says which, or goes on with them. */
async function onAdapter(a: Tensor): Promise<Lu | undefined> {
  using factors = eliminateOnAdapter(a);
  const [m, n] = a.shape.slice(-2), k = Math.min(m, n), { lu, order, info } = factors;
  if ((await info.data()).some((found) => found < 0)) return undefined;
  using rows = indices(a, [m, 1]), columns = indices(a, [Math.max(m, n)]), batch = order.expandDims(order.rank - 1);
  using inL = columns.slice([0, k]), inU = rows.slice([0, k]), right = columns.slice([0, n]);
  const all = a.shape.slice(0, -2).map(() => null);
  using left = lu.slice(...all, null, [0, k]), upper = lu.slice(...all, [0, k], null);
  return {
    // Row i of l·u is row order[i] of the matrix.
    p: Tensor.map("order == i ? 1 : 0", { order: batch, i: rows }, a.dtype),
    l: Tensor.map("i > j ? x : i == j ? 1 : 0", { x: left, i: rows, j: inL }, a.dtype),
    u: Tensor.map("i <= j ? x : 0", { x: upper, i: inU, j: right }, a.dtype),
  };
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
