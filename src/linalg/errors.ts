export { SingularMatrixError } from "../operators/errors.ts";

/** A matrix that must be positive definite is not. */
export class NotPositiveDefiniteError extends RangeError {
  /** Name of the class, as in stack traces. */
  override readonly name = "NotPositiveDefiniteError";
  /** Order of the smallest leading minor that is not positive. */
  readonly minor: number;

  /** Makes the error from a message and the order of the minor. */
  constructor(message: string, minor: number) {
    super(message);
    this.minor = minor;
  }
}

/** An iteration came to no end. */
export class ConvergenceError extends Error {
  /** Name of the class, as in stack traces. */
  override readonly name = "ConvergenceError";
}

/** A gradient is not determined, because (singular) values coincide and the loss depends on the choice of their vectors. */
export class DegenerateError extends RangeError {
  /** Name of the class, as in stack traces. */
  override readonly name = "DegenerateError";
}
