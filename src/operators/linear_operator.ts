import type { Device } from "../device/mod.ts";
import type { Tensor } from "../tensor/mod.ts";

/** A matrix known by how it acts. Solvers take it in place of a stored matrix. */
export interface LinearOperator {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  /** The device that its arrays are on. */
  readonly device: Device;
  /** A·v for v of shape `[columns]` or `[columns, k]`. */
  apply(v: Tensor): Tensor;
  /** Aᵀ·u for u of shape `[rows]` or `[rows, k]`. */
  applyTransposed(u: Tensor): Tensor;
  /** Row `i`, of shape `[columns]`. */
  row(i: number): Tensor;
  /** The stored matrix. Throws a `RangeError` if it would not fit in `maxBytes` (default 256 MB). */
  toDense(options?: { maxBytes?: number }): Tensor;
}

/** Bytes that `toDense` makes without being asked twice. */
const DENSE_BYTES = 256e6;

/** Refuses a product with a vector or matrix that does not fit, and a dense form that is too large. */
export function requireProduct(shape: readonly [number, number], v: Tensor, transposed: boolean): void {
  const want = transposed ? shape[0] : shape[1];
  if (v.rank < 1 || v.rank > 2 || v.shape[0] !== want) {
    const name = transposed ? "the transposed operator" : "the operator";
    throw new TypeError(
      `Cannot apply ${name} [${shape.join(", ")}] to [${v.shape.join(", ")}]: expected [${want}] or [${want}, k]`,
    );
  }
}

/** Refuses a dense form over the limit. */
export function requireDense(shape: readonly [number, number], device: Device, maxBytes: number = DENSE_BYTES): void {
  const bytes = shape[0] * shape[1] * 4, limit = Math.min(maxBytes, device.info.limits.bindingBytes);
  if (bytes > limit) {
    throw new RangeError(
      `Cannot store the operator [${shape.join(", ")}]: it takes ${Math.ceil(bytes / 1e6)} MB, allowed are ${
        Math.floor(limit / 1e6)
      } MB; ` +
        "use apply or row",
    );
  }
}

/** Refuses a row number out of range. */
export function requireRow(shape: readonly [number, number], i: number): void {
  if (!Number.isInteger(i) || i < 0 || i >= shape[0]) {
    throw new RangeError(`Row ${i} is out of range for the operator [${shape.join(", ")}]`);
  }
}
