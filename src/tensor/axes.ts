import { showShape } from "../ops/value.ts";

/** An axis counted from the front; negative ones count from the end. Throws a `RangeError` that names the shape. */
export function normalizeAxis(axis: number, rank: number, shape: readonly number[]): number {
  const k = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || k < 0 || k >= rank) {
    const range = rank === 0 ? "no axis" : `an axis from ${-rank} to ${rank - 1}`;
    throw new RangeError(`Expected ${range} for the shape ${showShape(shape)}, got ${axis}`);
  }
  return k;
}

/** Ascending axes; none given means all. Throws a `RangeError` on repeated ones. */
export function normalizeAxes(axis: number | readonly number[] | null | undefined, shape: readonly number[]): number[] {
  if (axis === undefined || axis === null) return [...shape.keys()];
  const list = typeof axis === "number" ? [axis] : axis;
  const axes = list.map((a) => normalizeAxis(a, shape.length, shape)).sort((a, b) => a - b);
  if (axes.some((a, k) => k > 0 && a === axes[k - 1])) {
    throw new RangeError(`Expected each axis once, got [${list.join(", ")}]`);
  }
  return axes;
}
