import { byteSize, type Device, type DType, type Storage } from "../device/mod.ts";

/** Shape and element type of an array: all that a contract needs. */
export interface ArrayType {
  /** Sizes of the axes, row-major. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  /** A plain number with a fraction: it turns integers into floats, but has no say in which float. */
  readonly weak?: true;
}

/** What contracts see of a plain number: nothing if it is whole, else a weak f32 scalar. */
export function numberType(value: number): ArrayType | null {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 32 ? null : FRACTION;
}

const FRACTION: ArrayType = { shape: [], dtype: "f32", weak: true };

/** A strided view of device memory. It does not own the memory: whoever made it releases the storage. */
export interface Value extends ArrayType {
  /** Where the memory is. */
  readonly device: Device;
  /** The memory. */
  readonly storage: Storage;
  /** Elements between neighbours along each axis; 0 for a broadcast axis. */
  readonly strides: readonly number[];
  /** Index of the first element in the storage. */
  readonly offset: number;
}

/** What an op takes: an array, or a number that becomes a uniform of the kernel. */
export type Operand = Value | number;

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (const s of shape) n *= s;
  return n;
}

/** Strides of a dense row-major array. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let k = shape.length - 1; k >= 0; k--) {
    strides[k] = step;
    step *= shape[k];
  }
  return strides;
}

/** True if the elements lie in memory in row-major order without gaps. */
export function isDense(value: Pick<Value, "shape" | "strides">): boolean {
  let step = 1;
  for (let k = value.shape.length - 1; k >= 0; k--) {
    if (value.shape[k] !== 1 && value.strides[k] !== step) return false;
    step *= value.shape[k];
  }
  return true;
}

/** New dense memory on a device. */
export function allocateValue(device: Device, type: ArrayType, label: string): Value {
  const { shape, dtype } = type;
  return {
    device,
    storage: device.allocate(sizeOf(shape) * byteSize(dtype), label),
    dtype,
    shape,
    strides: denseStrides(shape),
    offset: 0,
  };
}

/** A shape for messages: `[3, 4]`. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * The common shape under NumPy's broadcasting rules: axes are aligned at the end, sizes must agree or be 1. Throws a `TypeError`
 * that names the operands and their shapes.
 */
export function broadcastShapes(shapes: Readonly<Record<string, readonly number[]>>): number[] {
  const names = Object.keys(shapes);
  const rank = Math.max(0, ...names.map((n) => shapes[n].length));
  const out = new Array<number>(rank).fill(1);
  for (let back = 1; back <= rank; back++) {
    for (const name of names) {
      const shape = shapes[name];
      const size = back <= shape.length ? shape[shape.length - back] : 1;
      if (size === 1) continue;
      if (out[rank - back] !== 1 && out[rank - back] !== size) {
        const list = names.map((n) => `${n} ${showShape(shapes[n])}`).join(", ");
        throw new TypeError(`Cannot broadcast ${list}: sizes ${out[rank - back]} and ${size} of axis ${-back} differ`);
      }
      out[rank - back] = size;
    }
  }
  return out;
}

/** Strides with which a view is read under a broadcast shape. */
export function broadcastStrides(value: Value, shape: readonly number[]): number[] {
  const lead = shape.length - value.shape.length;
  return shape.map((_, k) => k < lead || value.shape[k - lead] === 1 ? 0 : value.strides[k - lead]);
}

/**
 * Merges neighbouring axes that every operand walks in one stride, and drops axes of size 1: fewer divisions in the kernel, and
 * dense arrays of any rank become rank 1.
 */
export function collapse(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  for (let k = 0; k < shape.length; k++) {
    if (shape[k] === 1) continue;
    const last = outShape.length - 1;
    if (last >= 0 && strides.every((s, q) => outStrides[q][last] === s[k] * shape[k])) {
      outShape[last] *= shape[k];
      strides.forEach((s, q) => outStrides[q][last] = s[k]);
    } else {
      outShape.push(shape[k]);
      strides.forEach((s, q) => outStrides[q].push(s[k]));
    }
  }
  return { shape: outShape, strides: outStrides };
}
