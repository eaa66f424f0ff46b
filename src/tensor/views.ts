import { denseStrides, showShape, sizeOf } from "../ops/value.ts";
import { checkShape } from "./nested.ts";
import type { View } from "./source.ts";

/** A part of an axis: an index (the axis goes away), `[start, stop]`, `[start, stop, step]`, or `null` for all of it. */
export type Range = number | readonly [start: number | null, stop?: number | null, step?: number] | null;

/** A view of a part of each axis, as Python slices: negative positions count from the end, positions beyond it are clipped. */
export function sliceView(view: View, ranges: readonly Range[]): View {
  if (ranges.length > view.shape.length) {
    throw new TypeError(`Cannot slice ${ranges.length} axes of the shape ${showShape(view.shape)}`);
  }
  const shape: number[] = [], strides: number[] = [];
  let offset = view.offset;
  view.shape.forEach((size, k) => {
    const range = ranges[k] ?? null;
    if (typeof range === "number") {
      const at = range < 0 ? range + size : range;
      if (!Number.isInteger(range) || at < 0 || at >= size) {
        throw new RangeError(`Index ${range} is out of range for axis ${k} of the shape ${showShape(view.shape)}`);
      }
      offset += at * view.strides[k];
      return;
    }
    const [start, count, step] = resolveRange(range ?? [null], size);
    offset += start * view.strides[k];
    shape.push(count);
    strides.push(step * view.strides[k]);
  });
  return { shape, strides, offset };
}

/** First position, number of elements and step of a Python slice of an axis. */
export function resolveRange(
  [start, stop, step = 1]: Exclude<Range, number | null>,
  size: number,
): [number, number, number] {
  if (!Number.isInteger(step) || step === 0) throw new RangeError(`Expected a whole step other than 0, got ${step}`);
  const clip = (v: number | null | undefined, otherwise: number) => {
    if (v === null || v === undefined) return otherwise;
    if (!Number.isInteger(v)) throw new RangeError(`Expected whole positions, got ${v}`);
    const at = v < 0 ? v + size : v;
    return step > 0 ? Math.min(Math.max(at, 0), size) : Math.min(Math.max(at, -1), size - 1);
  };
  const first = clip(start, step > 0 ? 0 : size - 1), last = clip(stop, step > 0 ? size : -1);
  const count = Math.max(0, Math.ceil((last - first) / step));
  return [count === 0 ? 0 : first, count, step];
}

/** Axes in another order. */
export function permuteView(view: View, axes: readonly number[]): View {
  const rank = view.shape.length;
  if (axes.length !== rank || new Set(axes).size !== rank || axes.some((a) => !(a >= 0 && a < rank))) {
    throw new RangeError(
      `Expected a permutation of the ${rank} axes of the shape ${showShape(view.shape)}, got [${axes.join(", ")}]`,
    );
  }
  return { shape: axes.map((a) => view.shape[a]), strides: axes.map((a) => view.strides[a]), offset: view.offset };
}

/** Axes of size 1 repeated, and new leading axes. */
export function broadcastView(view: View, shape: readonly number[]): View {
  checkShape(shape);
  const lead = shape.length - view.shape.length;
  if (lead < 0 || view.shape.some((s, k) => s !== 1 && s !== shape[k + lead])) {
    throw new TypeError(`Cannot broadcast the shape ${showShape(view.shape)} to ${showShape(shape)}`);
  }
  const strides = shape.map((_, k) => k < lead || view.shape[k - lead] === 1 ? 0 : view.strides[k - lead]);
  return { shape: [...shape], strides, offset: view.offset };
}

/** The whole shape for one with at most one −1. */
export function resolveShape(shape: readonly number[], count: number, from: readonly number[]): number[] {
  if (!Array.isArray(shape)) checkShape(shape);
  const unknown = shape.indexOf(-1);
  if (unknown >= 0 && shape.includes(-1, unknown + 1)) {
    throw new RangeError(`Expected at most one size of -1, got the shape ${showShape(shape)}`);
  }
  const known = shape.map((s, k) => k === unknown ? 1 : s);
  checkShape(known);
  const rest = sizeOf(known), out = [...known];
  if (unknown >= 0) out[unknown] = rest === 0 ? 0 : count / rest;
  if (!out.every(Number.isInteger) || sizeOf(out) !== count) {
    throw new TypeError(`Cannot reshape ${showShape(from)} (${count} elements) to ${showShape(shape)}`);
  }
  return out;
}

/**
 * The same elements under another shape of the same size, without a copy; undefined where strides cannot express it. Axes are
 * matched in groups of equal size: an old group must be walked in one stride, which the new axes then divide among them.
 */
export function reshapeView(view: View, shape: readonly number[]): View | undefined {
  if (sizeOf(shape) === 0) return { shape, strides: denseStrides(shape), offset: view.offset };
  const old = [...view.shape.keys()].filter((k) => view.shape[k] !== 1);
  const strides = new Array<number>(shape.length).fill(0);
  let first = 0, next = 0;
  while (first < old.length) {
    let last = first, end = next, before = view.shape[old[first]], now = 1;
    while (now !== before) {
      if (now < before) now *= shape[end++];
      else before *= view.shape[old[++last]];
    }
    for (let k = first; k < last; k++) {
      const inner = old[k + 1];
      if (view.strides[old[k]] !== view.shape[inner] * view.strides[inner]) return undefined;
    }
    let step = view.strides[old[last]];
    for (let k = end - 1; k >= next; k--) {
      strides[k] = step;
      step *= shape[k];
    }
    first = last + 1;
    next = end;
  }
  return { shape, strides, offset: view.offset };
}
