import { choleskyFactor } from "../ops/factor_cholesky.ts";
import { sizeOf } from "../ops/value.ts";
import { type Tensor, withVjp } from "../tensor/mod.ts";
import { NotPositiveDefiniteError } from "./errors.ts";
import { choleskyPullback } from "./gradients/cholesky.ts";
import { choleskyInPlace } from "./loops/elimination.ts";
import { lapackWith, nth, onHost, readMatrices, requireArguments, requireSquare, toTensor } from "./matrix_stack.ts";
import { placeOf, type PlaceOptions, type Work } from "./place.ts";
import { runOnAdapter } from "./run_on_adapter.ts";

/**
 * The lower triangular l with A = l·lᵀ of each symmetric positive definite matrix of `[..., n, n]`, of which the lower triangle is
 * read, in the matrix's own precision (LAPACK's `potrf`); without a LAPACK in f64. Its gradient is symmetric, as the matrix. Throws a
 * {@linkcode NotPositiveDefiniteError} with the order of the failing minor, a `TypeError` for other types than f32 and f64 and
 * matrices that are not square, and a `RangeError` if an element is not finite.
 *
 * On a hardware adapter large matrices and large stacks are factored there, by blocks; see {@linkcode PlaceOptions}.
 */
export async function cholesky(a: Tensor, options: PlaceOptions = {}): Promise<Tensor> {
  return (await withVjp("cholesky", { a }, { l: await factored(a, options) }, choleskyPullback)).l;
}

async function factored(a: Tensor, options: PlaceOptions): Promise<Tensor> {
  requireSquare(a, "cholesky");
  if (placeOf("cholesky", [a], workOf(a), options) === "adapter") {
    const l = await onAdapter(a);
    if (l) return l;
  }
  const stack = await readMatrices(a, "cholesky"), { device, data, rows: n, count } = stack;
  const lapack = lapackWith(device, "potrf");
  onHost(device, lapack ? "cholesky/lapack" : "cholesky/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), work = lapack ? undefined : Float64Array.from(matrix);
      // By columns our lower triangle is the upper one, and Uᵀ U is L Lᵀ.
      const info = lapack ? lapack.potrf("U", n, matrix) : choleskyInPlace(work!, n);
      requireArguments("potrf", info);
      requirePositive(info, i, count);
      if (work) matrix.set(work);
      for (let row = 0; row < n; row++) matrix.fill(0, row * n + row + 1, (row + 1) * n);
    }
  });
  return toTensor(stack, data, [n, n]);
}

/** Refuses a matrix of which a leading minor is not positive. */
function requirePositive(info: number, which: number, count: number): void {
  if (info <= 0) return;
  const what = count > 1 ? `Matrix ${which}` : "The matrix";
  throw new NotPositiveDefiniteError(
    `${what} is not positive definite: its leading minor of order ${info} is not`,
    info,
  );
}

/** Three dispatches for each block of 64 columns, which are eliminated in workgroup memory: that takes a fifth of a step over all rows. */
function workOf(a: Tensor): Work {
  const n = a.shape[a.rank - 1], count = sizeOf(a.shape.slice(0, -2));
  return { flops: count * n ** 3 / 3, dispatches: 6 + n / 20, steps: n / 5, largest: a.size };
}

/** Undefined if an element is not finite: the host says which. */
async function onAdapter(a: Tensor): Promise<Tensor | undefined> {
  const { l, info } = runOnAdapter(choleskyFactor, { a }, {});
  using found = info;
  try {
    const data = await found.data();
    if (data.every((k) => k === 0)) return l;
    if (data.every((k) => k >= 0)) data.forEach((k, i) => requirePositive(k, i, data.length));
  } catch (error) {
    l.dispose();
    throw error;
  }
  l.dispose();
}
