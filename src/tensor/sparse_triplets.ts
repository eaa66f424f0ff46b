import { type Device, type DType, typedArray } from "../device/mod.ts";
import { showShape } from "../ops/value.ts";
import { requireDType } from "./dtypes.ts";
import { Tensor } from "./tensor.ts";

/** A sparse matrix as triplets (COO) in any order; triplets of one place add up. */
export interface SparseTriplets {
  /** Row of each, `[e]`. */
  readonly rows: Tensor | ArrayLike<number>;
  /** Column of each, `[e]`. */
  readonly columns: Tensor | ArrayLike<number>;
  /** Value of each, `[e]`. */
  readonly values: Tensor | ArrayLike<number>;
  /** Rows and columns of the matrix. */
  readonly shape: readonly [number, number];
  /** Element type of values given as numbers. Default `f32`. */
  readonly dtype?: DType;
}

/**
 * Triplets as tensors, and those of them that were made. Places given as numbers are checked here; in tensors, those outside of the
 * shape are dropped on the device.
 */
export function tripletTensors(device: Device, triplets: SparseTriplets): {
  rows: Tensor;
  columns: Tensor;
  values: Tensor;
  made: Tensor[];
  shape: readonly [number, number];
} {
  const { shape, dtype = "f32" } = triplets;
  if (shape?.length !== 2 || shape.some((s) => !Number.isSafeInteger(s) || s < 0)) {
    throw new RangeError(`Expected "shape" to be two whole sizes from 0, got ${shape ? showShape(shape) : shape}`);
  }
  const lengths = (["rows", "columns", "values"] as const).map((name) => {
    const given = triplets[name];
    if (given instanceof Tensor) {
      if (given.rank === 1) return given.size;
      throw new TypeError(`Expected "${name}" to be a vector, got shape ${showShape(given.shape)}`);
    }
    if (given === null || typeof given !== "object" || !Number.isInteger(given.length)) {
      throw new TypeError(
        `Expected "${name}" to be a tensor or numbers, got ${given === null ? "null" : typeof given}`,
      );
    }
    return given.length;
  });
  if (lengths.some((length) => length !== lengths[0])) {
    throw new TypeError(`Expected "rows", "columns" and "values" of one length, got ${lengths.join(", ")}`);
  }
  (["rows", "columns"] as const).forEach((name, axis) => {
    const given = triplets[name];
    if (given instanceof Tensor) return;
    for (let k = 0; k < given.length; k++) {
      if (Number.isInteger(given[k]) && given[k] >= 0 && given[k] < shape[axis]) continue;
      throw new RangeError(
        `Expected ${name}[${k}] to be a whole number from 0 to ${shape[axis] - 1} for the shape ${showShape(shape)}, ` +
          `got ${given[k]}`,
      );
    }
  });
  requireDType(device, dtype);
  const made: Tensor[] = [];
  const tensor = (given: Tensor | ArrayLike<number>, kind: DType): Tensor => {
    if (given instanceof Tensor) return given;
    const data = typedArray(kind, given.length);
    data.set(given);
    made.push(Tensor.of(device, data, [given.length], kind));
    return made[made.length - 1];
  };
  return {
    rows: tensor(triplets.rows, "u32"),
    columns: tensor(triplets.columns, "u32"),
    values: tensor(triplets.values, dtype),
    made,
    shape: [shape[0], shape[1]],
  };
}
