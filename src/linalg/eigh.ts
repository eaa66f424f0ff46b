import type { Tensor } from "../tensor/mod.ts";
import { ConvergenceError } from "./errors.ts";
import { eighByMlMatrix, loadMlMatrix, type MlMatrix } from "./loops/ml_matrix.ts";
import {
  floats,
  lapackWith,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireSquare,
  toTensor,
  toTransposed,
} from "./matrix_stack.ts";

/** A = vectors·diag(values)·vectorsᵀ. */
export interface Eigh {
  /** Eigenvalues, ascending, `[..., n]`. */
  readonly values: Tensor;
  /** Orthonormal eigenvectors in columns, `[..., n, n]`: a view of the transpose, which is stored. */
  readonly vectors: Tensor;
}

/**
 * Eigenvalues and eigenvectors of each symmetric matrix of `[..., n, n]`, of which the lower triangle is read, in the matrix's own
 * precision by divide and conquer (LAPACK's `syevd`); without a LAPACK by tridiagonal QL in f64 (ml-matrix). Throws a `TypeError`
 * for other types than f32 and f64 and matrices that are not square, a `RangeError` if an element is not finite, and a
 * {@linkcode ConvergenceError}.
 */
export async function eigh(a: Tensor): Promise<Eigh> {
  requireSquare(a, "eigh");
  const stack = await readMatrices(a, "eigh"), { device, dtype, data, rows: n, count } = stack;
  const values = floats(dtype, count * n), lapack = lapackWith(device, "syevd");
  const loops = lapack || n === 0 ? undefined : await loadMlMatrix();
  onHost(device, lapack ? "eigh/lapack" : "eigh/loops", () => {
    for (let i = 0; i < count && n > 0; i++) {
      const matrix = nth(data, i, n * n), w = nth(values, i, n);
      if (!lapack) {
        eighByMlMatrix(loops as MlMatrix, matrix, n, w);
        continue;
      }
      // By columns our lower triangle is the upper one; the vectors come out by columns, which are our rows.
      const info = lapack.syevd("V", "U", n, matrix, w);
      requireArguments("syevd", info);
      if (info > 0) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
    }
  });
  return { values: toTensor(stack, values, [n]), vectors: toTransposed(stack, data, [n, n]) };
}
