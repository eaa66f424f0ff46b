/** Points on a circle of length 1 in order, with the ends of their steps: sums of the weights, which are 1 in all. */
export interface CirclePoints {
  /** Positions in [0, 1), ascending. */
  readonly at: Float64Array;
  /** Where the step of each point ends. */
  readonly ends: Float64Array;
}

/** The cost of one cut, and a slope of the cost there. */
export interface CutCost {
  readonly cost: number;
  readonly slope: number;
}

/** One part of a plan: mass from a point of x to one of y, which lies so many turns further. */
export type Part = (i: number, j: number, turns: number, mass: number) => void;

/** A proved minimum. */
export interface BestCut {
  readonly shift: number;
  readonly cost: number;
  /** Lower bound of the cost of every cut. */
  readonly bound: number;
  readonly iterations: number;
}

/** More steps than this are never needed: each halves the interval at least. */
const MOST_STEPS = 200;

/**
 * The cost ∫₀¹ |F⁻¹(t) − G⁻¹(t − θ)|^p dt of transport along the line around the circle, with quantile functions that go on beyond one turn,
 * F⁻¹(t + 1) = F⁻¹(t) + 1. It is convex in the shift θ of masses, and linear between shifts at which ends of steps meet; the best one is the cost on
 * the circle (Delon, Salomon and Sobolevski, "Fast transport optimization for Monge costs on the circle", 2010, theorem 2).
 */
export function cutCost(x: CirclePoints, y: CirclePoints, shift: number, p: number, part?: Part): CutCost {
  const n = x.at.length, m = y.at.length, turn = Math.floor(shift), within = shift - turn;
  // From t = 0 on: x begins with its first point, y with the one whose step, shifted, goes over 0.
  let j = firstBeyond(y.ends, 1 - within), i = 0, low = 0, cost = 0, slope = 0, turnsY = -1 - turn;
  if (j === m) {
    j = 0;
    turnsY++;
  }
  const power = (d: number) => p === 1 ? Math.abs(d) : p === 2 ? d * d : Math.abs(d) ** p;
  // The end of a step of y moves with the shift: the part before it grows, that after it shrinks.
  const passY = (from: number) => {
    slope += power(from - (y.at[j] + turnsY));
    if (++j === m) {
      j = 0;
      turnsY++;
    }
    slope -= power(from - (y.at[j] + turnsY));
  };
  for (let left = m; i < n || left > 0;) {
    const endX = i < n ? x.ends[i] : 1, endY = y.ends[j] + within + turn + turnsY;
    if (i < n && (endX <= endY || left === 0)) {
      const high = Math.max(low, endX);
      if (high > low) {
        cost += (high - low) * power(x.at[i] - (y.at[j] + turnsY));
        part?.(i, j, turnsY, high - low);
        low = high;
      }
      i++;
      continue;
    }
    const high = i < n ? Math.min(1, Math.max(low, endY)) : low;
    if (high > low) {
      cost += (high - low) * power(x.at[i] - (y.at[j] + turnsY));
      part?.(i, j, turnsY, high - low);
      low = high;
    }
    // At the end of the turn comes the first point of x again.
    passY(i < n ? x.at[i] : x.at[0] + 1);
    left--;
  }
  return { cost, slope };
}

/** The first end beyond t. */
function firstBeyond(ends: Float64Array, t: number): number {
  let low = 0, high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The best shift. Two support lines of the convex cost, one from either side, meet at a lower bound; where the cost attains it the shift is the best.
 * Steps go to where the lines meet (Kelley 1960), or to the middle where that did not halve the interval.
 */
export function bestCut(x: CirclePoints, y: CirclePoints, p: number): BestCut {
  // A whole turn forwards or backwards costs more than none at all.
  let left = { at: -1, ...cutCost(x, y, -1, p) }, right = { at: 1, ...cutCost(x, y, 1, p) };
  let best = left.cost < right.cost ? left : right, bound = -Infinity, halve = false;
  for (let iterations = 1;; iterations++) {
    const width = right.at - left.at;
    // Where the slopes do not have the signs that they have in exact arithmetic, the end is the best shift up to rounding.
    if (left.slope >= 0 || right.slope <= 0) {
      const end = left.slope >= 0 ? left : right;
      return { shift: best.at, cost: best.cost, bound: Math.max(bound, end.cost), iterations };
    }
    const meet = left.at + (right.cost - left.cost + right.slope * -width) / (left.slope - right.slope);
    const line = left.cost + left.slope * (meet - left.at);
    bound = Math.max(bound, Math.min(line, best.cost));
    const at: number = halve ? left.at + width / 2 : Math.min(right.at, Math.max(left.at, meet));
    const here = { at, ...cutCost(x, y, at, p) };
    if (here.cost < best.cost) best = here;
    const done = here.slope === 0 || best.cost <= bound + 2 ** -50 * Math.abs(best.cost);
    if (here.slope === 0) bound = Math.max(bound, here.cost);
    if (done || at === left.at || at === right.at || iterations === MOST_STEPS) {
      return { shift: best.at, cost: best.cost, bound: Math.min(bound, best.cost), iterations };
    }
    if (here.slope < 0) left = here;
    else right = here;
    halve = !halve && right.at - left.at > width / 2;
  }
}
