/** A matrix that must have an inverse has none. */
export class SingularMatrixError extends RangeError {
  /** Name of the class, as in stack traces. */
  override readonly name = "SingularMatrixError";
}
