import { type DType, type TypedArray, typedArray } from "../device/mod.ts";
import { showShape, sizeOf } from "../ops/value.ts";

/** Numbers or booleans in nested arrays of equal lengths: `[[1, 2], [3, 4]]`. */
export type Nested = number | boolean | readonly Nested[] | ArrayLike<number>;

/** Data, shape and dtype of nested arrays or a typed array; refuses ragged nesting and sizes that do not fit. */
export function fromNested(
  data: Nested | TypedArray | BigInt64Array | Uint8Array,
  shape: readonly number[] | undefined,
  dtype: DType | undefined,
): { data: TypedArray; shape: readonly number[]; dtype: DType } {
  if (ArrayBuffer.isView(data)) return fromTyped(data, shape, dtype);
  const found = shapeOf(data as Nested), flat: (number | boolean)[] = [];
  flatten(data as Nested, found, 0, flat);
  const own = dtype ?? (flat.length > 0 && flat.every((v) => typeof v === "boolean") ? "bool" : "f32");
  const out = typedArray(own, flat.length);
  fill(out, flat, own);
  return { data: out, shape: fit(shape, found, flat.length), dtype: own };
}

function fromTyped(data: ArrayBufferView, shape: readonly number[] | undefined, dtype: DType | undefined) {
  const natural: DType | undefined = data instanceof Float32Array
    ? "f32"
    : data instanceof Float64Array
    ? "f32"
    : data instanceof Int32Array || data instanceof Int16Array || data instanceof Int8Array
    ? "i32"
    : data instanceof Uint32Array || data instanceof Uint16Array || data instanceof Uint8Array ||
        data instanceof Uint8ClampedArray
    ? "u32"
    : typeof Float16Array !== "undefined" && data instanceof Float16Array
    ? "f16"
    : undefined;
  if (!natural) throw new TypeError(`Expected numbers, got a ${data.constructor.name}`);
  const values = data as unknown as ArrayLike<number>, own = dtype ?? natural;
  const out = typedArray(own, values.length);
  if (own === "bool") fill(out, values, own);
  else out.set(values);
  return { data: out, shape: fit(shape, [values.length], values.length), dtype: own };
}

function fill(out: TypedArray, values: ArrayLike<number | boolean>, dtype: DType): void {
  for (let k = 0; k < values.length; k++) out[k] = dtype === "bool" ? Number(Boolean(values[k])) : Number(values[k]);
}

function fit(shape: readonly number[] | undefined, found: readonly number[], count: number): readonly number[] {
  if (!shape) return found;
  checkShape(shape);
  if (sizeOf(shape) !== count) {
    throw new TypeError(`Cannot fill the shape ${showShape(shape)} (${sizeOf(shape)} elements) with ${count} numbers`);
  }
  return [...shape];
}

/** Refuses sizes that are not whole and non-negative. */
export function checkShape(shape: readonly number[]): void {
  if (!Array.isArray(shape)) throw new TypeError(`Expected a shape like [3, 4], got ${JSON.stringify(shape)}`);
  for (const s of shape) {
    if (!Number.isInteger(s) || s < 0) {
      throw new RangeError(`Expected whole, non-negative sizes, got the shape ${showShape(shape)}`);
    }
  }
}

function isList(data: Nested): data is ArrayLike<Nested & number> {
  return typeof data === "object" && data !== null && (Array.isArray(data) || ArrayBuffer.isView(data));
}

function shapeOf(data: Nested): number[] {
  const shape: number[] = [];
  for (let level: Nested = data; isList(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return shape;
}

function flatten(data: Nested, shape: readonly number[], depth: number, out: (number | boolean)[]): void {
  if (depth === shape.length) {
    if (typeof data !== "number" && typeof data !== "boolean") {
      throw new TypeError(
        isList(data)
          ? `Cannot make a tensor of ragged arrays: nesting is deeper in some places than ${depth}`
          : `Expected numbers or booleans, got ${data === null ? "null" : typeof data}${
            typeof data === "string" ? ` ${JSON.stringify(data)}` : ""
          }`,
      );
    }
    out.push(data);
    return;
  }
  if (!isList(data) || data.length !== shape[depth]) {
    throw new TypeError(
      `Cannot make a tensor of ragged arrays: expected ${shape[depth]} elements along axis ${depth}, got ${
        isList(data) ? data.length : "a number"
      }`,
    );
  }
  for (let k = 0; k < data.length; k++) flatten(data[k], shape, depth + 1, out);
}

/** Numbers in row-major order as nested arrays of a shape. */
export function toNested(data: ArrayLike<number>, shape: readonly number[], bool: boolean): NestedArray {
  let at = 0;
  const build = (depth: number): NestedArray => {
    if (depth === shape.length) return bool ? data[at++] !== 0 : data[at++];
    return Array.from({ length: shape[depth] }, () => build(depth + 1)) as NestedArray;
  };
  return build(0);
}

/** What `array()` gives: a number (or boolean) for rank 0, else nested arrays. */
// deno-lint-ignore no-explicit-any
export type NestedArray = any;
