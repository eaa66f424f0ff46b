import { type Tensor, withVjp } from "../tensor/mod.ts";
import { NotPositiveDefiniteError } from "./errors.ts";
import { choleskyPullback } from "./gradients/cholesky.ts";
import { choleskyInPlace } from "./loops/elimination.ts";
import { lapackWith, nth, onHost, readMatrices, requireArguments, requireSquare, toTensor } from "./matrix_stack.ts";

/**
 * The lower triangular l with A = l·lᵀ of each symmetric positive definite matrix of `[..., n, n]`, of which the lower triangle is
 * read, in the matrix's own precision (LAPACK's `potrf`); without a LAPACK in f64. Its gradient is symmetric, as the matrix. Throws a
 * {@linkcode NotPositiveDefiniteError} with the order of the failing minor, a `TypeError` for other types than f32 and f64 and
 * matrices that are not square, and a `RangeError` if an element is not finite.
 */
export async function cholesky(a: Tensor): Promise<Tensor> {
  return (await withVjp("cholesky", { a }, { l: await factored(a) }, choleskyPullback)).l;
}

async function factored(a: Tensor): Promise<Tensor> {
  requireSquare(a, "cholesky");
  const stack = await readMatrices(a, "cholesky"), { device, data, rows: n, count } = stack;
  const lapack = lapackWith(device, "potrf");
  onHost(device, lapack ? "cholesky/lapack" : "cholesky/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), work = lapack ? undefined : Float64Array.from(matrix);
      // By columns our lower triangle is the upper one, and Uᵀ U is L Lᵀ.
      const info = lapack ? lapack.potrf("U", n, matrix) : choleskyInPlace(work!, n);
      requireArguments("potrf", info);
      if (info > 0) {
        const which = count > 1 ? `Matrix ${i}` : "The matrix";
        throw new NotPositiveDefiniteError(
          `${which} is not positive definite: its leading minor of order ${info} is not`,
          info,
        );
      }
      if (work) matrix.set(work);
      for (let row = 0; row < n; row++) matrix.fill(0, row * n + row + 1, (row + 1) * n);
    }
  });
  return toTensor(stack, data, [n, n]);
}
