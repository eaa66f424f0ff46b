/** Numbers that look random and are the same in every run: mulberry32, uniform on [0, 1). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of `items`. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)];
}

/** A point of each interval, away from its ends; the last interval is repeated up to `count`. */
export function pointIn(
  random: () => number,
  intervals: readonly (readonly [number, number])[],
  count: number,
): number[] {
  return Array.from({ length: count }, (_, k) => {
    const [lo, hi] = intervals[Math.min(k, intervals.length - 1)];
    return lo + (hi - lo) * (0.02 + 0.96 * random());
  });
}
