import type { FloatArray } from "../device/mod.ts";
import { stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { eighOnDevice } from "./device/eigh.ts";
import { eighWork, runsOnAdapter } from "./device/work.ts";
import { ConvergenceError } from "./errors.ts";
import { type Degenerate, requireDegenerate } from "./gradients/coincident.ts";
import { eighPullback } from "./gradients/eigh.ts";
import { inGeneralPosition } from "./gradients/generic_basis.ts";
import { inRange, unlessOutOfRange } from "./in_range.ts";
import { eighByMlMatrix, loadMlMatrix, type MlMatrix } from "./loops/ml_matrix.ts";
import {
  floats,
  lapackWith,
  type MatrixStack,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireSquare,
  toTensor,
  toTransposed,
} from "./matrix_stack.ts";
import type { PlaceOptions } from "./place.ts";

/** A = vectors·diag(values)·vectorsᵀ. */
export interface Eigh {
  /** Eigenvalues, ascending, `[..., n]`. */
  readonly values: Tensor;
  /** Orthonormal eigenvectors in columns, `[..., n, n]`: a view of the transpose, which is stored. */
  readonly vectors: Tensor;
}

/** Options of {@linkcode eigh}. */
export interface EighOptions extends PlaceOptions {
  /** What its gradient does where eigenvalues coincide, see there. Default `refuse`. */
  degenerate?: Degenerate;
}

/**
 * Eigenvalues and eigenvectors of each symmetric matrix of `[..., n, n]`, of which the lower triangle is read, in the matrix's own
 * precision by divide and conquer (LAPACK's `syevd`); without a LAPACK by tridiagonal QL in f64 (ml-matrix). Throws a `TypeError`
 * for other types than f32 and f64 and matrices that are not square, a `RangeError` if an element is not finite, and a
 * {@linkcode ConvergenceError}.
 *
 * The gradient is symmetric, as the matrix: it is right for symmetric changes. Eigenvectors change by 1/(λ_j − λ_i), without bound as
 * eigenvalues approach each other. Within 4√n·u·‖A‖ they count as one, and a loss has a gradient only if it does not depend on the choice
 * of their vectors: of sums over them, of projections onto all of them, or of a function of the matrix, V·diag(f(λ))·Vᵀ with f(λ) ≠ 0.
 * Any other is refused with a {@linkcode DegenerateError}; or, with `degenerate: "zero"`, that part is left out. A loss of eigenvalues alone
 * is never refused: where it has a kink its gradient is that at a matrix nearby. While they are differentiated, vectors that are not
 * determined are turned into general position. Forward mode needs the change of the vectors themselves, and refuses where eigenvalues
 * coincide whatever the loss.
 *
 * On a hardware adapter large matrices and large stacks are decomposed there, by block Jacobi (Golub & Van Loan, Matrix Computations,
 * §8.5); see {@linkcode PlaceOptions}.
 */
export async function eigh(a: Tensor, options: EighOptions = {}): Promise<Eigh> {
  const { degenerate = "refuse" } = options;
  requireDegenerate(degenerate);
  const { values, ...found } = await factored(a, options);
  let { vectors } = found;
  if (a.tracks) [vectors] = await inGeneralPosition(values, [vectors], a.shape.at(-1)!);
  return await withVjp("eigh", { a }, { values, vectors }, (call) => eighPullback(call, degenerate));
}

async function factored(a: Tensor, options: PlaceOptions): Promise<Eigh> {
  requireSquare(a, "eigh");
  if (runsOnAdapter("eigh", a, eighWork(a), true, options)) {
    using constant = stopGradient(a);
    const found = await unlessOutOfRange(eighOnDevice(constant));
    if (found) return found;
  }
  const stack = await readMatrices(a, "eigh"), n = stack.rows;
  const { values, vectors } = await inRange("eigh", a, stack, factoredOnHost);
  return { values: toTensor(stack, values, [n]), vectors: toTransposed(stack, vectors, [n, n]) };
}

/** Eigenvalues, and eigenvectors in rows, which take the place of the matrix. */
async function factoredOnHost(stack: MatrixStack): Promise<{ values: FloatArray; vectors: FloatArray }> {
  const { device, dtype, data, rows: n, count } = stack;
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
  return { values, vectors: data };
}
