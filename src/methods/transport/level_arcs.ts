import { ArcList } from "./arc_list.ts";
import type { PreparedCost } from "./cost.ts";
import { finiteCost, type HostCost } from "./host_cost.ts";
import { costBetween } from "./level_cost.ts";
import { nearestArcs } from "./nearest_arcs.ts";
import { improves } from "./network_simplex.ts";
import type { Potentials, TransportLevel } from "./transport_levels.ts";

/** Parts of all columns in which each row's best is looked for. */
const PARTS = 8;

/** The arcs of a level that are known to matter, and the search for more. */
export class LevelArcs implements Disposable {
  /** The arcs, from numbers of rows to numbers of columns of the level. */
  readonly list: ArcList;
  readonly #level: TransportLevel;
  readonly #cost: HostCost;
  readonly #between: PreparedCost;

  /** No arcs yet. `cost` and `prepared` are those of all points. */
  constructor(level: TransportLevel, cost: HostCost, prepared: PreparedCost) {
    this.list = new ArcList(level.columns.length);
    this.#level = level;
    this.#cost = cost;
    this.#between = costBetween(prepared, level.rows, level.columns);
  }

  /** The cost of an arc in f64. */
  costAt(row: number, column: number): number {
    return finiteCost(this.#cost, this.#level.rows[row], this.#level.columns[column]);
  }

  /** Adds an arc, if it is new. */
  add(row: number, column: number): boolean {
    return this.list.add(row, column, this.costAt(row, column));
  }

  /**
   * Looks over all pairs on the device, and adds for each row and each column the arcs of least reduced cost, one in each eighth of the others; with
   * `improving` only those of negative reduced cost.
   *
   * @returns How many were new, and the dual value of the potentials made allowed, as far as the device's precision finds the least costs.
   */
  async look({ f, g }: Potentials, { improving }: { improving: boolean }): Promise<{ added: number; dual: number }> {
    const { byRow, byColumn } = await nearestArcs(this.#between, f, g, PARTS), { a, b } = this.#level;
    const least = new Float64Array(a.length).fill(Infinity);
    let added = 0;
    const consider = (row: number, column: number): void => {
      const c = this.costAt(row, column);
      if (c - g[column] < least[row]) least[row] = c - g[column];
      if (improving && !improves(c - f[row] - g[column], c, f[row], g[column])) return;
      if (this.list.add(row, column, c)) added++;
    };
    for (const part of byRow) part.forEach((column, row) => consider(row, column));
    for (const part of byColumn) part.forEach((row, column) => consider(row, column));
    let dual = 0;
    for (let i = 0; i < a.length; i++) dual += a[i] * least[i];
    for (let j = 0; j < b.length; j++) dual += b[j] * g[j];
    return { added, dual };
  }

  /** Frees what the device holds. */
  [Symbol.dispose](): void {
    for (const t of this.#between.owned) t.dispose();
  }
}
