import { EARTH_RADIUS_KM } from "./cost.ts";
import type { RowLook } from "./exact_certificate.ts";
import type { HostCost } from "./host_cost.ts";

/** Lower bounds of costs by name, from the distance of coordinates: on the sphere an arc is at least as long as its chord. */
const FROM_DISTANCE: Record<string, (distance: number) => number> = {
  sqeuclidean: (r) => r * r,
  euclidean: (r) => r,
  greatcircle: (r) => EARTH_RADIUS_KM * Math.max(0, r - 1e-14),
};
/** Dimensions up to which boxes leave out most points. */
const DIMENSIONS = 4;
/** Points of a box that is not split. */
const LEAF = 16;
/** What rounding may do to bounds, relative to the numbers that they are made of. */
const SLACK = 1e-13;

/** Whether {@linkcode prunedRows} can look at the rows of this cost. */
export function canPrune(cost: unknown, d: number): boolean {
  return typeof cost === "string" && Object.hasOwn(FROM_DISTANCE, cost) && d <= DIMENSIONS;
}

/**
 * Looks at rows as if at all their costs, at those of few columns: a k-d tree of the columns' points bounds the least C_ij − g_j of each box by the
 * distance of x_i from the box and the largest g in it, and boxes that cannot have the least are left out. For points of few dimensions the time of all
 * rows is near (n + m) log m. Schmitzer (2016) checks potentials so, with cells on both sides.
 *
 * @param name One of the costs that {@linkcode canPrune} allows.
 * @param points Coordinates of the rows `x` and the columns `y`, row by row.
 */
export function prunedRows(
  name: string,
  cost: HostCost,
  { x, y, d }: { x: ArrayLike<number>; y: ArrayLike<number>; d: number },
  g: Float64Array,
): RowLook {
  const fromDistance = FROM_DISTANCE[name], { m } = cost;
  const order = new Uint32Array(m).map((_, j) => j);
  // Boxes in heap order: the halves of box v are 2v + 1 and 2v + 2; columns of a box are a part of `order`.
  const depth = Math.max(0, Math.ceil(Math.log2(m / LEAF))), boxes = 2 ** (depth + 1) - 1;
  const low = new Float64Array(boxes * d), high = new Float64Array(boxes * d), largest = new Float64Array(boxes);
  const from = new Uint32Array(boxes), to = new Uint32Array(boxes);
  to[0] = m;
  for (let v = 0; v < boxes; v++) {
    if (v > 0) {
      const up = (v - 1) >> 1, middle = (from[up] + to[up]) >> 1;
      from[v] = v % 2 ? from[up] : middle;
      to[v] = v % 2 ? middle : to[up];
    }
    const part = order.subarray(from[v], to[v]);
    let axis = 0, width = -1;
    largest[v] = -Infinity;
    for (const j of part) largest[v] = Math.max(largest[v], g[j]);
    for (let k = 0; k < d; k++) {
      let least = Infinity, most = -Infinity;
      for (const j of part) {
        const at = y[j * d + k];
        if (at < least) least = at;
        if (at > most) most = at;
      }
      low[v * d + k] = least;
      high[v * d + k] = most;
      if (most - least > width) {
        width = most - least;
        axis = k;
      }
    }
    if (2 * v + 1 < boxes) part.sort((p, q) => y[p * d + axis] - y[q * d + axis]);
  }
  const boundOf = (i: number, v: number): number => {
    let square = 0;
    for (let k = 0; k < d; k++) {
      const at = x[i * d + k], out = Math.max(low[v * d + k] - at, at - high[v * d + k], 0);
      square += out * out;
    }
    const bound = fromDistance(Math.sqrt(square));
    return bound - largest[v] - SLACK * (bound + Math.abs(largest[v]));
  };
  const stack = new Int32Array(2 * depth + 4), bounds = new Float64Array(2 * depth + 4);
  /** Calls `visit` for each column that may have C_ij − g_j ≤ the number that the last call gave. */
  const search = (i: number, visit: (j: number) => number): void => {
    let limit = Infinity, count = 0;
    stack[count] = 0;
    bounds[count++] = -Infinity;
    while (count > 0) {
      const v = stack[--count];
      if (bounds[count] > limit) continue;
      if (2 * v + 1 >= boxes) {
        for (let k = from[v]; k < to[v]; k++) limit = visit(order[k]);
        continue;
      }
      // The nearer half comes first.
      const left = boundOf(i, 2 * v + 1), right = boundOf(i, 2 * v + 2), first = left <= right ? 2 * v + 1 : 2 * v + 2;
      stack[count] = first === 2 * v + 1 ? 2 * v + 2 : 2 * v + 1;
      bounds[count++] = Math.max(left, right);
      stack[count] = first;
      bounds[count++] = Math.min(left, right);
    }
  };
  return (i) => {
    let least = Infinity, violation = 0;
    search(i, (j) => {
      const value = cost.at(i, j) - g[j];
      if (value < least) least = value;
      return least + SLACK * Math.abs(least);
    });
    search(i, (j) => {
      violation = Math.max(violation, least + g[j] - cost.at(i, j));
      return least + SLACK * Math.abs(least);
    });
    return { least, violation };
  };
}
