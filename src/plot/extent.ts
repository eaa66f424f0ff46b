import type { Scalar } from "./data.ts";

/** What an axis or a colour ramp must show. */
export interface Extent {
  readonly min: number;
  readonly max: number;
  /** The smallest distance from zero of a number that is not zero. */
  readonly smallest: number;
  readonly integers: boolean;
  /** Whether there are three different numbers at least, all of them powers of two. */
  readonly powersOfTwo: boolean;
}

/** The extent of the numbers in `values`; `domain` replaces its ends. Undefined if neither is known. */
export function extentOf(values: readonly Scalar[], domain?: readonly [number, number]): Extent | undefined {
  let [min, max, smallest, integers] = [Infinity, -Infinity, Infinity, true];
  const different = new Set<number>();
  for (const value of values) {
    if (typeof value !== "number") continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value !== 0) smallest = Math.min(smallest, Math.abs(value));
    integers &&= Number.isInteger(value);
    if (different.size < 3) different.add(value);
  }
  if (min > max) {
    // Numbers that vega computes are known by the domain alone.
    if (domain === undefined) return undefined;
    const ends = domain.map(Math.abs).filter((end) => end > 0);
    return { min: domain[0], max: domain[1], smallest: Math.min(1, ...ends), integers: false, powersOfTwo: false };
  }
  const powersOfTwo = different.size === 3 &&
    values.every((v) => typeof v !== "number" || (v > 0 && Number.isInteger(Math.log2(v))));
  [min, max] = domain ?? [min, max];
  return { min, max, smallest: smallest === Infinity ? 1 : smallest, integers, powersOfTwo };
}
