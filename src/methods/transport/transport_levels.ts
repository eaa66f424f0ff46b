import { cellLevels, levelsDownTo } from "./cell_levels.ts";
import type { PreparedCost } from "./cost.ts";
import type { ExactProblem, Places } from "./exact_certificate.ts";
import type { HostCost } from "./host_cost.ts";
import { costBetween } from "./level_cost.ts";
import { nearestColumns, nearestRows } from "./nearest_arcs.ts";
import { wholeWeights } from "./whole_weights.ts";

/** A transport problem between cells: `rows` and `columns` are the points that stand for them. */
export interface TransportLevel extends Places {
  /** Number of the level; the finest is 0. */
  readonly level: number;
  /** Weights of the cells in whole units. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** The cells of the next coarser level that they are part of. */
  readonly rowParents: Int32Array;
  readonly columnParents: Int32Array;
}

/** Points by which clouds are cut into cells, row by row. */
export interface Coordinates {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly d: number;
}

/** Potentials of a level's rows and columns. */
export interface Potentials {
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/** The problem from its finest level to one of at most `coarsest` cells on either side, and the unit of the weights. */
export function transportLevels(
  { a, b, rows, columns }: ExactProblem,
  { x, y, d }: Coordinates,
  coarsest: number,
): { levels: TransportLevel[]; unit: number } {
  const depth = levelsDownTo(coarsest, Math.max(rows.length, columns.length));
  const left = cellLevels(x, d, a, rows, depth), right = cellLevels(y, d, b, columns, depth);
  const weights = (all: Float64Array, points: Uint32Array) => Float64Array.from(points, (k) => all[k]);
  let whole = wholeWeights(weights(a, left[0].points), weights(b, right[0].points));
  const { unit } = whole;
  const levels = left.map((side, level): TransportLevel => {
    const other = right[level];
    if (level > 0) {
      const sums = (fine: Float64Array, parents: Int32Array, cells: number) => {
        const sum = new Float64Array(cells);
        fine.forEach((w, k) => sum[parents[k]] += w);
        return sum;
      };
      whole = {
        unit,
        a: sums(whole.a, left[level - 1].parents, side.points.length),
        b: sums(whole.b, right[level - 1].parents, other.points.length),
      };
    }
    return {
      level,
      rows: side.points,
      columns: other.points,
      a: whole.a,
      b: whole.b,
      rowParents: side.parents,
      columnParents: other.parents,
    };
  });
  return { levels, unit };
}

/**
 * Potentials of a finer level from those of a coarser one, by the c-transform f(x) = min_j (c(x, y_j) − g_j): the device streams over all pairs
 * of a fine and a coarse cell.
 */
export async function refinePotentials(
  prepared: PreparedCost,
  cost: HostCost,
  fine: Places,
  coarse: Places,
  { f, g }: Potentials,
): Promise<Potentials> {
  const ofRows = costBetween(prepared, fine.rows, coarse.columns);
  let ofColumns: PreparedCost | undefined;
  try {
    ofColumns = costBetween(prepared, coarse.rows, fine.columns);
    const [[columns], [rows]] = await Promise.all([nearestColumns(ofRows, g, 1), nearestRows(ofColumns, f, 1)]);
    return {
      f: Float64Array.from(fine.rows, (row, i) => cost.at(row, coarse.columns[columns[i]]) - g[columns[i]]),
      g: Float64Array.from(fine.columns, (column, j) => cost.at(coarse.rows[rows[j]], column) - f[rows[j]]),
    };
  } finally {
    for (const t of [...ofRows.owned, ...ofColumns?.owned ?? []]) t.dispose();
  }
}
