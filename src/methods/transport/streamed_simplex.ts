import { ArcList, listPricing } from "./arc_list.ts";
import type { PreparedCost } from "./cost.ts";
import type { ExactProblem } from "./exact_certificate.ts";
import { greedyBasis } from "./greedy_basis.ts";
import { nearestArcs } from "./nearest_arcs.ts";
import { improves, networkSimplex, type SimplexSettings } from "./network_simplex.ts";
import type { SpanningTree } from "./spanning_tree.ts";

/** Parts of all columns in which each row's best is looked for: so many arcs of every point are known at first. */
const PARTS = 8;
/** Arcs that a row may add when all pairs are looked at. */
const MORE = 4;
/** Milliseconds after which other work gets its turn. */
const TURN = 40;

/**
 * Exact transport by columns generated on demand, for problems whose costs do not fit into memory: the network simplex method on a list of arcs, to
 * which those of negative reduced cost are added until there are none. The device finds them, streaming over all pairs in its own precision; when it
 * finds none any more the host looks at all pairs in f64, so the verdict is as certain as with stored costs. Sources: Ford and Fulkerson (1958), "A
 * suggested computation for maximal multi-commodity network flows"; for transport Gottschlich and Schuhmacher (2014), "The shortlist method for
 * fast computation of the Earth Mover's Distance".
 *
 * @param problem The problem; weights of the rows and columns that take part as whole numbers in `whole`.
 * @param known Potentials `[n]` and `[m]` that are nearly right, from which the first plan is made.
 */
export async function streamedSimplex(
  problem: ExactProblem,
  prepared: PreparedCost,
  whole: { a: Float64Array; b: Float64Array },
  known: { f: Float64Array; g: Float64Array },
  { maxIterations, signal, onProgress }: SimplexSettings,
): Promise<{ tree: SpanningTree; iterations: number; optimal: boolean }> {
  const { cost, rows, columns } = problem, { n, m } = cost;
  // Numbers among those that take part; −1 for the others.
  const inverse = (part: Uint32Array, count: number) => {
    const found = new Int32Array(count).fill(-1);
    part.forEach((i, k) => found[i] = k);
    return found;
  };
  const rowOf = inverse(rows, n), columnOf = inverse(columns, m);
  const costAt = (i: number, j: number) => cost.at(rows[i], columns[j]);
  const arcs = new ArcList(columns.length);
  /** Adds the arcs that the device finds for potentials; with a tree, only those that improve it. */
  const extend = async (f: Float64Array, g: Float64Array, tree?: SpanningTree): Promise<number> => {
    const { byRow, byColumn } = await nearestArcs(prepared, f, g, PARTS);
    signal?.throwIfAborted();
    let added = 0;
    const consider = (row: number, column: number): void => {
      const i = rowOf[row], j = columnOf[column];
      if (i < 0 || j < 0) return;
      const c = cost.at(row, column);
      if (tree) {
        const p = tree.potential[i], q = tree.potential[tree.n + j];
        if (!improves(c - p - q, c, p, q)) return;
      }
      if (arcs.add(i, j, c)) added++;
    };
    for (const part of byRow) part.forEach((column, row) => consider(row, column));
    for (const part of byColumn) part.forEach((row, column) => consider(row, column));
    return added;
  };
  await extend(known.f, known.g);
  const tree = greedyBasis(arcs, costAt, whole.a, whole.b, {
    f: Float64Array.from(rows, (i) => known.f[i]),
    g: Float64Array.from(columns, (j) => known.g[j]),
  });
  const price = listPricing(tree, arcs);
  let iterations = 0;
  for (;;) {
    const done = await networkSimplex(tree, price, {
      maxIterations: maxIterations - iterations,
      signal,
      onProgress: (progress) => onProgress?.({ iteration: iterations + progress.iteration }),
    });
    iterations += done.iterations;
    if (!done.optimal) return { tree, iterations, optimal: false };
    const f = new Float64Array(n).fill(-Infinity), g = new Float64Array(m).fill(-Infinity);
    rows.forEach((i, k) => f[i] = tree.potential[k]);
    columns.forEach((j, k) => g[j] = tree.potential[tree.n + k]);
    if (await extend(f, g, tree) === 0 && await extendByAll(problem, tree, arcs, signal) === 0) {
      return { tree, iterations, optimal: true };
    }
  }
}

/** Looks at all pairs in f64, and adds for each row the arcs that improve the tree most. */
export async function extendByAll(
  { cost, rows, columns }: Pick<ExactProblem, "cost" | "rows" | "columns">,
  { n, potential }: SpanningTree,
  arcs: ArcList,
  signal: AbortSignal | undefined,
): Promise<number> {
  const best = new Int32Array(MORE), least = new Float64Array(MORE);
  let added = 0, since = performance.now();
  for (let i = 0; i < rows.length; i++) {
    const C = cost.row(rows[i]), f = potential[i];
    let count = 0;
    for (let j = 0; j < columns.length; j++) {
      const c = C[columns[j]], g = potential[n + j], reduced = c - f - g;
      if (!(reduced < 0) || !improves(reduced, c, f, g) || (count === MORE && reduced >= least[MORE - 1])) continue;
      let k = count < MORE ? count++ : MORE - 1;
      for (; k > 0 && least[k - 1] > reduced; k--) {
        least[k] = least[k - 1];
        best[k] = best[k - 1];
      }
      least[k] = reduced;
      best[k] = j;
    }
    for (let k = 0; k < count; k++) if (arcs.add(i, best[k], C[columns[best[k]]])) added++;
    if (performance.now() - since < TURN) continue;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    since = performance.now();
  }
  return added;
}
