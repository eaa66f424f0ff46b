/** Cells per cell of the next coarser level: two halvings. */
const HALVINGS = 2;

/** A weighted cloud in cells: at the finest level each point is one, at the next some four of those are, and so on. */
export interface CellLevel {
  /** The point that stands for each cell. */
  readonly points: Uint32Array;
  /** The cell of the next coarser level that each cell is part of. */
  readonly parents: Int32Array;
}

/**
 * Cells of a weighted cloud by halving: the points of a cell are split at the median of the coordinate in which it is widest, as in a k-d tree,
 * so that cells have equal numbers of points, in any dimension and with any duplicates. The finest level has one cell for each point that takes
 * part, each coarser one a quarter as many, down to `depth` levels. A cell is stood for by the point nearest to its center of mass.
 *
 * @param points Coordinates `[n, d]`, row by row.
 * @param weights Positive at the `members`.
 * @returns Levels from the finest to the coarsest.
 */
export function cellLevels(
  points: ArrayLike<number>,
  d: number,
  weights: Float64Array,
  members: Uint32Array,
  depth: number,
): CellLevel[] {
  const order = members.slice(), splits = Math.ceil(Math.log2(Math.max(1, order.length)));
  // Boundaries of the cells after so many halvings.
  const byHalvings: Uint32Array[] = [Uint32Array.of(0, order.length)];
  for (let h = 0; h < splits; h++) {
    const from = byHalvings[h], to: number[] = [0];
    for (let c = 0; c + 1 < from.length; c++) {
      const start = from[c], end = from[c + 1];
      if (end - start > 1) {
        sortWidest(points, d, order.subarray(start, end));
        to.push((start + end) >> 1);
      }
      to.push(end);
    }
    byHalvings.push(Uint32Array.from(to));
  }
  const levels: CellLevel[] = [];
  for (let l = 0; l < depth; l++) {
    const starts = byHalvings[Math.max(0, splits - l * HALVINGS)], cells = starts.length - 1;
    const coarser = byHalvings[Math.max(0, splits - (l + 1) * HALVINGS)];
    const level = { points: new Uint32Array(cells), parents: new Int32Array(cells) };
    for (let c = 0, parent = 0; c < cells; c++) {
      const cell = order.subarray(starts[c], starts[c + 1]);
      level.points[c] = centralPoint(points, d, weights, cell);
      while (coarser[parent + 1] <= starts[c]) parent++;
      level.parents[c] = parent;
    }
    levels.push(level);
  }
  return levels;
}

/** Levels at which a cloud of so many points has no more than `most` cells, counted from the finest. */
export function levelsDownTo(most: number, points: number): number {
  const splits = Math.ceil(Math.log2(Math.max(1, points)));
  let levels = 1;
  for (let cells = points; cells > most; levels++) cells = 2 ** Math.max(0, splits - levels * HALVINGS);
  return levels;
}

/** Sorts a cell by the coordinate in which it is widest; equal ones by number. */
function sortWidest(points: ArrayLike<number>, d: number, cell: Uint32Array): void {
  let axis = 0, width = -1;
  for (let k = 0; k < d; k++) {
    let low = Infinity, high = -Infinity;
    for (const i of cell) {
      const v = points[i * d + k];
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (high - low > width) {
      width = high - low;
      axis = k;
    }
  }
  cell.sort((p, q) => points[p * d + axis] - points[q * d + axis] || p - q);
}

/** The point of a cell that is nearest to its center of mass. */
function centralPoint(points: ArrayLike<number>, d: number, weights: Float64Array, cell: Uint32Array): number {
  if (cell.length <= 2) return cell.length === 2 && weights[cell[1]] > weights[cell[0]] ? cell[1] : cell[0];
  const total = cell.reduce((s, i) => s + weights[i], 0), center = new Float64Array(d);
  for (const i of cell) for (let k = 0; k < d; k++) center[k] += weights[i] / total * points[i * d + k];
  let best = cell[0], least = Infinity;
  for (const i of cell) {
    let square = 0;
    for (let k = 0; k < d; k++) square += (points[i * d + k] - center[k]) ** 2;
    if (square < least) {
      least = square;
      best = i;
    }
  }
  return best;
}
