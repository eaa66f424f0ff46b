import type { InputTypes } from "./define.ts";
import { type ArrayType, showShape } from "./value.ts";

/** The type of the array `name`. Throws a `TypeError` if it is a plain number or absent. */
export function requireArray(inputs: InputTypes, name: string): ArrayType {
  const type = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  if (type) return type;
  throw new TypeError(`Expected "${name}" to be an array, got ${type === null ? "a number" : "nothing"}`);
}

/** Throws a `RangeError` unless `axis` is an axis of the shape, not counted from the end. */
export function requireAxis(axis: number, shape: readonly number[]): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < shape.length) return;
  throw new RangeError(`Expected "axis" to be an axis of the shape ${showShape(shape)}, got ${axis}`);
}

/** Throws a `RangeError` unless every size is a whole number from 0. */
export function requireShape(shape: readonly number[]): void {
  if (shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return;
  throw new RangeError(`Expected "shape" to be whole sizes from 0, got ${showShape(shape)}`);
}

/** Throws a `TypeError` unless the array holds positions: i32 or u32. */
export function requireIndices(type: ArrayType, name: string): void {
  if (type.dtype === "i32" || type.dtype === "u32") return;
  throw new TypeError(`Expected "${name}" to be i32 or u32, got ${type.dtype}`);
}
