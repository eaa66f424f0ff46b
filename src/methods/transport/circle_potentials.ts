import type { CirclePoints } from "./circle_cut.ts";

/** An entry of a plan around the circle: y lies `turns` further. */
export interface CircleEntry {
  readonly i: number;
  readonly j: number;
  readonly turns: number;
  readonly mass: number;
}

/**
 * Potentials of points on a circle of length 1 from the entries of a best plan in their order, f_i + g_j = c_ij on them: each entry shares a point with the
 * one before, so that one potential follows from the other, once around. At the best cut the round has a gap (two steps that end together,
 * or but for rounding: an entry of next to no mass) where it begins and ends; where it has none, it closes.
 */
export function circlePotentials(
  x: CirclePoints,
  y: CirclePoints,
  entries: readonly CircleEntry[],
  p: number,
): { f: Float64Array; g: Float64Array } {
  const count = entries.length,
    f = new Float64Array(x.at.length).fill(NaN),
    g = new Float64Array(y.at.length).fill(NaN);
  /** The cost between the point of x in one entry and that of y in another, each counted once around more from the beginning on. */
  const cost = (e: number, d: number) => {
    const from = entries[e % count], to = entries[d % count], round = Math.floor(e / count) - Math.floor(d / count);
    return Math.abs(x.at[from.i] + round - (y.at[to.j] + to.turns)) ** p;
  };
  /** Which points change from an entry to the next; at the end of the round x does. */
  const change = (e: number): "x" | "y" | "both" => {
    const here = entries[e], next = entries[(e + 1) % count], wraps = e + 1 === count;
    const other = here.j !== next.j || here.turns !== next.turns + (wraps ? 1 : 0);
    return !other ? "x" : wraps || here.i !== next.i ? "both" : "y";
  };
  const changes = entries.map((_, e) => change(e));
  let last = changes.indexOf("both"), length = count;
  if (last < 0 && count > 1) {
    let least = -1;
    for (let e = 0; e < count; e++) {
      const before = changes[(e + count - 1) % count];
      if (before !== changes[e] && (least < 0 || entries[e].mass < entries[least].mass)) least = e;
    }
    if (least >= 0) {
      last = least;
      length--;
    }
  }
  const first = last + 1;
  f[entries[first % count].i] = 0;
  for (let e = first; e < first + length; e++) {
    const { i, j } = entries[e % count];
    // Both are new after another gap: by way of a pair that has no mass.
    if (Number.isNaN(f[i]) && Number.isNaN(g[j])) f[i] = cost(e, e - 1) - g[entries[(e - 1) % count].j];
    if (Number.isNaN(g[j])) g[j] = cost(e, e) - f[i];
    else if (Number.isNaN(f[i])) f[i] = cost(e, e) - g[j];
  }
  return { f, g };
}
