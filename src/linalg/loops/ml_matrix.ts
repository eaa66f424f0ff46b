import type { FloatArray } from "../../device/mod.ts";
import { transposed } from "../matrix_stack.ts";
import { completeBasis } from "./householder.ts";

const load = () => import("ml-matrix");

/** npm:ml-matrix, whose decompositions come from JAMA. */
export type MlMatrix = Awaited<ReturnType<typeof load>>;

let loaded: Promise<MlMatrix> | undefined;

/** Loads ml-matrix, which is needed only where the system has no LAPACK. */
export function loadMlMatrix(): Promise<MlMatrix> {
  return loaded ??= load();
}

/** A power of two near the largest magnitude, 1 for a matrix of zeros: dividing by it rounds nothing and keeps squares finite. */
function scaleOf(a: FloatArray): number {
  let largest = 0;
  for (const x of a) largest = Math.max(largest, Math.abs(x));
  return largest === 0 ? 1 : 2 ** Math.max(-1000, Math.min(1000, Math.round(Math.log2(largest))));
}

/** The singular value decomposition of a matrix `[m, n]`: u `[m, p]`, s, vᵀ `[q, n]` as `job` asks. */
export function svdByMlMatrix(
  { Matrix, SingularValueDecomposition }: MlMatrix,
  job: "N" | "S" | "A",
  a: FloatArray,
  m: number,
  n: number,
  { u, s, vt }: { u: FloatArray; s: FloatArray; vt: FloatArray },
): void {
  // It is right for tall matrices only.
  const tall = m >= n, scale = scaleOf(a), rows = Math.max(m, n), k = Math.min(m, n), wanted = job !== "N";
  const scaled = Array.from(tall ? a : transposed(a, m, n), (x) => x / scale);
  const found = new SingularValueDecomposition(Matrix.from1DArray(rows, k, scaled), {
    computeLeftSingularVectors: wanted,
    computeRightSingularVectors: wanted,
  });
  s.set(found.diagonal.slice(0, k).map((x) => x * scale));
  if (!wanted) return;
  const long = Float64Array.from(found.leftSingularVectors.to1DArray());
  const short = Float64Array.from(found.rightSingularVectors.to1DArray());
  // Only the first k of the longer vectors are singular vectors; it has no others.
  const basis = job === "A" ? completeBasis(long, rows, k) : long, columns = basis.length / rows;
  u.set(tall ? basis : short);
  vt.set(tall ? transposed(short, k, k) : transposed(basis, rows, columns));
}

/** Eigenvalues, ascending, of the symmetric matrix whose lower triangle is given; its place takes the vectors in rows. */
export function eighByMlMatrix(
  { Matrix, EigenvalueDecomposition }: MlMatrix,
  a: FloatArray,
  n: number,
  w: FloatArray,
): void {
  const scale = scaleOf(a), whole = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) whole[i * n + j] = whole[j * n + i] = a[i * n + j] / scale;
  }
  const found = new EigenvalueDecomposition(Matrix.from1DArray(n, n, Array.from(whole)), { assumeSymmetric: true });
  const values = found.realEigenvalues, order = [...values.keys()].sort((i, j) => values[i] - values[j]);
  order.forEach((column, i) => {
    w[i] = values[column] * scale;
    for (let j = 0; j < n; j++) a[i * n + j] = found.eigenvectorMatrix.get(j, column);
  });
}
