import { type SpanningTree, treeOf } from "./spanning_tree.ts";

/** Finer and coarser problem: the cells of the coarser one, and what is in them. */
export interface Refinement {
  /** Optimal basis of the coarser problem. */
  readonly coarse: SpanningTree;
  /** The coarser cell of each source and of each target. */
  readonly sourceParents: Int32Array;
  readonly targetParents: Int32Array;
}

/**
 * A first plan that follows a coarser one: what a cell sends to another is divided among the cells within them. The coarser tree is taken apart
 * from its leaves: a leaf's mass all goes along its one arc, so its finer cells send to those at the other end, the cheapest first, until they
 * are used up. Every step uses up a source or a target, so the arcs form a tree; amounts carry infinitesimal units as in `firstBasis`, so it is
 * strongly feasible.
 *
 * @param costAt Costs between sources and targets.
 * @param a Supplies, positive whole numbers.
 * @param b Demands, positive whole numbers of the same sum.
 */
export function refinedBasis(
  { coarse, sourceParents, targetParents }: Refinement,
  costAt: (i: number, j: number) => number,
  a: Float64Array,
  b: Float64Array,
): SpanningTree {
  const n = a.length, m = b.length, root = n + m - 1, nodes = coarse.n + coarse.m;
  const sources = new Int32Array(root), targets = new Int32Array(root), flow = new Float64Array(root);
  const cost = new Float64Array(root);
  const have = a.slice(), unit = new Float64Array(n).fill(1);
  const left = b.slice(), units = new Float64Array(m).fill(-1);
  units[m - 1] = n + m - 1;
  // What is still open in each cell of the coarser tree.
  const open: number[][] = Array.from({ length: nodes }, () => []);
  sourceParents.forEach((cell, i) => open[cell].push(i));
  targetParents.forEach((cell, j) => open[coarse.n + cell].push(j));
  let count = 0;
  const drop = (list: number[], node: number) => list.splice(list.indexOf(node), 1);
  /** Sends between the open ones of two cells until those of `leaf` are used up, or of the other. */
  const send = (rows: number[], columns: number[], leaf: number[]): void => {
    while (leaf.length > 0 && rows.length > 0 && columns.length > 0) {
      // The most recently taken up source or target stays until it is used up: its partner is the cheapest.
      let i = rows[0], j = columns[0], least = Infinity;
      for (const r of rows === leaf ? [leaf[0]] : rows) {
        for (const c of columns === leaf ? [leaf[0]] : columns) {
          const value = costAt(r, c);
          if (value < least) {
            least = value;
            i = r;
            j = c;
          }
        }
      }
      const fills = have[i] > left[j] || (have[i] === left[j] && unit[i] > units[j]);
      sources[count] = i;
      targets[count] = j;
      cost[count] = least;
      flow[count++] = fills ? left[j] : have[i];
      if (fills) {
        have[i] -= left[j];
        unit[i] -= units[j];
        drop(columns, j);
      } else {
        left[j] -= have[i];
        units[j] -= unit[i];
        drop(rows, i);
      }
      if (count === root) return;
    }
  };
  // Nodes of the coarser tree, those far from the root first.
  const byDepth = Uint32Array.from({ length: nodes }, (_, v) => v).sort((v, w) => coarse.depth[w] - coarse.depth[v]);
  for (const v of byDepth) {
    if (v === coarse.root) continue;
    const up = coarse.parent[v];
    if (v < coarse.n) send(open[v], open[up], open[v]);
    else send(open[up], open[v], open[v]);
  }
  // Infinitesimal amounts of the finer plan may be left where those of the coarser one went elsewhere.
  const rows = open.slice(0, coarse.n).flat(), columns = open.slice(coarse.n).flat();
  if (count < root) send(rows, columns, rows);
  return treeOf(n, m, root, { sources, targets, flow, cost });
}
