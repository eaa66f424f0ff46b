import type { Tensor } from "../../tensor/mod.ts";
import type { IterationOptions, IterationProgress } from "./options.ts";

/** Why a solver stopped. */
export type StopReason =
  /** The residual that was computed anew is below the tolerance, rounding errors included. */
  | "converged"
  /** The limit of iterations was reached. */
  | "maxIterations"
  /** More iterations do not lower the residual: rounding errors are as large, or a restarted method goes in circles. */
  | "stagnation"
  /** A direction p with pᵀAp ≤ 0 was met: the matrix (or the preconditioner) is not positive definite. */
  | "notPositiveDefinite"
  /** No x solves the system: the residual is orthogonal to the range. */
  | "inconsistent"
  /** The residual grew beyond measure. */
  | "divergence";

/** Options of the solvers of A·x = b. */
export interface SolverOptions extends IterationOptions {
  /** Stops once ‖b − A·x‖ ≤ tolerance·‖b‖ for every column. Default 1e-5 in f32, 1e-10 in f64. */
  tolerance?: number;
  /** Where to start, of the shape of x. Default 0. */
  x0?: Tensor;
}

/** What a solver of A·x = b found, with its certificate. */
export interface IterativeSolution {
  /** The solution, of the shape of b (with n rows where the matrix is not square). */
  readonly x: Tensor;
  /**
   * Whether the residual, computed anew, is below the tolerance with what it may be wrong by: in f64 for stored matrices of up to 2²⁴
   * elements, for operators in their own precision with its rounding error measured.
   */
  readonly converged: boolean;
  /** Why it stopped. */
  readonly reason: StopReason;
  /** Iterations done. */
  readonly iterations: number;
  /** ‖b − A·x‖ / ‖b‖, computed anew at the end: the largest of all columns; of a column of zeros ‖b − A·x‖. */
  readonly residual: number;
  /** What `residual` may be wrong by. */
  readonly residualError: number;
  /** The same for each column (of each matrix). */
  readonly residuals: readonly number[];
  /** Every measurement of the recurrence, which may be more hopeful than `residual`. */
  readonly history: readonly IterationProgress[];
}

const ADVICE: Readonly<Record<Exclude<StopReason, "converged">, string>> = {
  maxIterations: "try a preconditioner, more maxIterations or a larger tolerance",
  stagnation:
    "this is what rounding errors (or the restarts) allow: try a larger tolerance, f64, a preconditioner or restart",
  notPositiveDefinite: "the matrix or the preconditioner is not positive definite: try minres (symmetric) or gmres",
  inconsistent: "the system has no solution; for least squares see lsmr",
  divergence: "the matrix is singular or not what the method is for: try minres (symmetric), gmres or lsmr",
};

/** One warning, with what to try. */
export function warn(method: string, reason: StopReason, iterations: number, what: string, residual: number): void {
  if (reason === "converged") return;
  console.warn(
    `${method} stopped after ${iterations} iterations with ${what} of ${residual.toExponential(1)}: ${ADVICE[reason]}`,
  );
}
