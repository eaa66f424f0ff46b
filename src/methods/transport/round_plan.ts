import { routeSurplus } from "./route_surplus.ts";
import type { Coordinates } from "./transport_levels.ts";

/** A plan of nearly the right marginals, by arcs. */
export interface RoughPlan {
  readonly sources: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** Zero or more. */
  readonly mass: Float64Array;
}

/** Points in cells so small that what is left is paired in any order. */
const CELL = 4;

/**
 * The plan with its marginals put right: surplus is passed on along the arcs that carry most; then rows and columns that send or get too much are
 * scaled down (Altschuler, Weed and Rigollet 2017, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration",
 * algorithm 2); what is missing then goes along arcs that are there, those named first first, and the rest between points near to each other:
 * within the smallest cell of a halving of both clouds together that has points of both kinds.
 *
 * @param a Weights of the sources, `b` of the targets, of one sum.
 * @param points Where the sources `x` and targets `y` are.
 * @param order Numbers of arcs, those that are to take what is missing first.
 * @returns Entries, one for each arc with mass.
 */
export function roundPlan(
  { sources, targets, mass }: RoughPlan,
  a: Float64Array,
  b: Float64Array,
  points: Coordinates,
  order: Uint32Array,
): { i: number; j: number; mass: number }[] {
  const m = b.length, plan = mass.slice(), extra = new Map<number, number>();
  const scaleDown = (ends: ArrayLike<number>, weights: Float64Array) => {
    const sums = new Float64Array(weights.length);
    plan.forEach((v, e) => sums[ends[e]] += v);
    plan.forEach((v, e) => plan[e] = sums[ends[e]] > weights[ends[e]] ? v * (weights[ends[e]] / sums[ends[e]]) : v);
  };
  routeSurplus({ sources, targets, mass: plan }, a, b, order);
  scaleDown(sources, a);
  scaleDown(targets, b);
  const left = a.slice(), right = b.slice();
  plan.forEach((v, e) => {
    left[sources[e]] -= v;
    right[targets[e]] -= v;
  });
  for (const e of order) {
    const v = Math.min(left[sources[e]], right[targets[e]]);
    if (!(v > 0)) continue;
    plan[e] += v;
    left[sources[e]] -= v;
    right[targets[e]] -= v;
  }
  pairNear(left, right, points, (i, j, v) => extra.set(i * m + j, (extra.get(i * m + j) ?? 0) + v));
  const entries: { i: number; j: number; mass: number }[] = [];
  plan.forEach((v, e) => {
    const key = sources[e] * m + targets[e], more = extra.get(key) ?? 0;
    extra.delete(key);
    if (v + more > 0) entries.push({ i: sources[e], j: targets[e], mass: v + more });
  });
  for (const [key, v] of extra) entries.push({ i: Math.floor(key / m), j: key % m, mass: v });
  return entries;
}

/** Pairs what is left of either side, near to each other first; uses it up. */
function pairNear(
  left: Float64Array,
  right: Float64Array,
  { x, y, d }: Coordinates,
  pair: (i: number, j: number, mass: number) => void,
): void {
  const n = left.length;
  const coordinate = (v: number, k: number) => v < n ? x[v * d + k] : y[(v - n) * d + k];
  const all: number[] = [];
  left.forEach((v, i) => v > 0 && all.push(i));
  right.forEach((v, j) => v > 0 && all.push(n + j));
  const match = (nodes: readonly number[]): number[] => {
    const rows = nodes.filter((v) => v < n), columns = nodes.filter((v) => v >= n);
    let r = 0, c = 0;
    while (r < rows.length && c < columns.length) {
      const i = rows[r], j = columns[c] - n, v = Math.min(left[i], right[j]);
      pair(i, j, v);
      left[i] -= v;
      right[j] -= v;
      if (left[i] <= 0) r++;
      if (right[j] <= 0) c++;
    }
    return [...rows.slice(r), ...columns.slice(c)];
  };
  const within = (nodes: number[]): number[] => {
    if (nodes.length <= CELL) return match(nodes);
    let axis = 0, width = -1;
    for (let k = 0; k < d; k++) {
      let low = Infinity, high = -Infinity;
      for (const v of nodes) {
        const at = coordinate(v, k);
        if (at < low) low = at;
        if (at > high) high = at;
      }
      if (high - low > width) {
        width = high - low;
        axis = k;
      }
    }
    nodes.sort((v, w) => coordinate(v, axis) - coordinate(w, axis) || v - w);
    const middle = nodes.length >> 1;
    return match([...within(nodes.slice(0, middle)), ...within(nodes.slice(middle))]);
  };
  within(all);
}
