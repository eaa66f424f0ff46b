/**
 * A plain n-dimensional array of f64 numbers: what tensors are compared with. It takes nothing from the library but the names of
 * the dtypes, and visits elements one multi-index at a time.
 */
import type { DType } from "../../../src/device/mod.ts";

/** Numbers in row-major order. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly number[];
}

export type Index = readonly number[];

/** A part of an axis, as `Tensor.slice` takes it. */
export type Part = number | readonly [start: number | null, stop?: number | null, step?: number] | null;

export function count(shape: readonly number[]): number {
  return shape.reduce((n, s) => n * s, 1);
}

/** Every multi-index of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) return yield [];
  for (let k = 0; k < shape[0]; k++) for (const rest of indices(shape.slice(1))) yield [k, ...rest];
}

/** The element at a multi-index. */
export function at({ shape, data }: NdArray, index: Index): number {
  let flat = 0;
  for (let k = 0; k < shape.length; k++) flat = flat * shape[k] + index[k];
  return data[flat];
}

/** The array whose element at each index is `element(index)`. */
export function build(shape: readonly number[], dtype: DType, element: (index: number[]) => number): NdArray {
  return { shape, dtype, data: [...indices(shape)].map(element) };
}

/** The value as a dtype stores it. */
export function stored(x: number, dtype: DType): number {
  switch (dtype) {
    case "bool":
      return x === 0 ? 0 : 1;
    case "i32":
      return Math.trunc(x) | 0;
    case "u32":
      return Math.trunc(x) >>> 0;
    case "f16":
      return new Float16Array([x])[0];
    case "f32":
      return Math.fround(x);
    default:
      return x;
  }
}

/** The common shape, or undefined if there is none. */
export function commonShape(...shapes: (readonly number[])[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length)), out: number[] = [];
  for (let back = 1; back <= rank; back++) {
    const sizes = new Set(shapes.map((s) => s.at(-back) ?? 1).filter((s) => s !== 1));
    if (sizes.size > 1) return undefined;
    out.unshift(sizes.size ? [...sizes][0] : 1);
  }
  return out;
}

/** The index of an operand of this shape for an index of the shape it is broadcast to. */
function aligned(shape: readonly number[], index: Index): number[] {
  return shape.map((size, k) => size === 1 ? 0 : index[index.length - shape.length + k]);
}

/** `f` of the elements of broadcast arrays. */
export function elementwise(dtype: DType, f: (...values: number[]) => number, ...arrays: NdArray[]): NdArray {
  const shape = commonShape(...arrays.map((a) => a.shape));
  if (!shape) throw new Error("The shapes do not broadcast");
  return build(shape, dtype, (index) => f(...arrays.map((a) => at(a, aligned(a.shape, index)))));
}

export function broadcastTo(a: NdArray, shape: readonly number[]): NdArray {
  return build(shape, a.dtype, (index) => at(a, aligned(a.shape, index)));
}

/** The positions that a Python slice of an axis picks. */
export function positions(part: Exclude<Part, number>, size: number): number[] {
  const [start, stop, step = 1] = part ?? [null];
  const out: number[] = [];
  const place = (v: number) => v < 0 ? v + size : v;
  if (step > 0) {
    let k = start === null ? 0 : Math.max(0, place(start));
    const end = stop === null || stop === undefined ? size : Math.min(size, place(stop));
    for (; k < end; k += step) out.push(k);
  } else {
    let k = start === null ? size - 1 : Math.min(size - 1, place(start));
    const end = stop === null || stop === undefined ? -1 : Math.max(-1, place(stop));
    for (; k > end; k += step) out.push(k);
  }
  return out;
}

export function slice(a: NdArray, parts: readonly Part[]): NdArray {
  const picked = a.shape.map((size, k) => {
    const part = parts[k] ?? null;
    return typeof part === "number" ? [part < 0 ? part + size : part] : positions(part, size);
  });
  const kept = [...a.shape.keys()].filter((k) => typeof parts[k] !== "number");
  return build(kept.map((k) => picked[k].length), a.dtype, (index) => {
    return at(a, picked.map((list, k) => list[kept.includes(k) ? index[kept.indexOf(k)] : 0]));
  });
}

export function transpose(a: NdArray, axes: readonly number[]): NdArray {
  return build(axes.map((k) => a.shape[k]), a.dtype, (index) => {
    const source: number[] = [];
    axes.forEach((axis, k) => source[axis] = index[k]);
    return at(a, source);
  });
}

export function reshape(a: NdArray, shape: readonly number[]): NdArray {
  return { ...a, shape };
}

/** `f` of the elements along the axes, in row-major order. */
export function reduce(
  a: NdArray,
  axes: readonly number[],
  keepDims: boolean,
  dtype: DType,
  f: (values: number[]) => number,
): NdArray {
  const kept = [...a.shape.keys()].filter((k) => !axes.includes(k));
  const wide = a.shape.map((size, k) => axes.includes(k) ? 1 : size);
  const reduced = build(wide, dtype, (index) => {
    const values: number[] = [];
    for (const inner of indices(axes.map((k) => a.shape[k]))) {
      const whole = [...index];
      axes.forEach((axis, k) => whole[axis] = inner[k]);
      values.push(at(a, whole));
    }
    return f(values);
  });
  return keepDims ? reduced : { ...reduced, shape: kept.map((k) => a.shape[k]) };
}
