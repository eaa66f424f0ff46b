import type { Device } from "../../device/mod.ts";
import { ConvergenceError } from "../errors.ts";
import { eighByMlMatrix, loadMlMatrix } from "../loops/ml_matrix.ts";
import { lapackWith, requireArguments } from "../matrix_stack.ts";

/** Eigenvalues, ascending, and eigenvectors in rows, of a small symmetric matrix on the host, of which the lower triangle is read. */
export async function smallEigh(
  device: Device,
  a: Float64Array<ArrayBuffer>,
  n: number,
): Promise<{ values: Float64Array; vectors: Float64Array }> {
  const values = new Float64Array(n), vectors = a.slice(), lapack = lapackWith(device, "syevd");
  if (!vectors.every(Number.isFinite)) throw new RangeError("A product with the matrix is not finite");
  if (n === 0) return { values, vectors };
  if (!lapack) eighByMlMatrix(await loadMlMatrix(), vectors, n, values);
  else {
    // By columns our lower triangle is the upper one; the vectors come out by columns, which are our rows.
    const info = lapack.syevd("V", "U", n, vectors, values);
    requireArguments("syevd", info);
    if (info > 0) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
  }
  return { values, vectors };
}
