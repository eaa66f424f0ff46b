import type { ArcList } from "./arc_list.ts";
import { type SpanningTree, treeOf } from "./spanning_tree.ts";

/**
 * A first plan along a list of arcs: those of least reduced cost C_ij − f_i − g_j first, each taking as much as it can. What is left over goes from
 * each source to the open target of least C_ij − g_j. Amounts carry infinitesimal units as in `firstBasis`, so the tree is strongly feasible.
 */
export function greedyBasis(
  arcs: ArcList,
  costAt: (i: number, j: number) => number,
  a: Float64Array,
  b: Float64Array,
  { f, g }: { f: Float64Array; g: Float64Array },
): SpanningTree {
  const n = a.length, m = b.length, root = n + m - 1;
  const made = {
    sources: new Int32Array(root),
    targets: new Int32Array(root),
    flow: new Float64Array(root),
    cost: new Float64Array(root),
  };
  const have = a.slice(), unit = new Float64Array(n).fill(1);
  const left = b.slice(), units = new Float64Array(m).fill(-1);
  units[m - 1] = n + m - 1;
  const doneSource = new Uint8Array(n), doneTarget = new Uint8Array(m);
  let count = 0;
  const send = (i: number, j: number, cost: number): void => {
    made.sources[count] = i;
    made.targets[count] = j;
    made.cost[count] = cost;
    const fills = have[i] > left[j] || (have[i] === left[j] && unit[i] > units[j]);
    made.flow[count++] = fills ? left[j] : have[i];
    if (fills) {
      have[i] -= left[j];
      unit[i] -= units[j];
      doneTarget[j] = 1;
    } else {
      left[j] -= have[i];
      units[j] -= unit[i];
      doneSource[i] = 1;
    }
  };
  const reduced = Float64Array.from(
    { length: arcs.count },
    (_, e) => arcs.costs[e] - f[arcs.sources[e]] - g[arcs.targets[e]],
  );
  const order = new Uint32Array(arcs.count).map((_, e) => e).sort((p, q) => reduced[p] - reduced[q]);
  for (const e of order) {
    const i = arcs.sources[e], j = arcs.targets[e];
    if (!doneSource[i] && !doneTarget[j]) send(i, j, arcs.costs[e]);
  }
  const open = Int32Array.from([...doneTarget.keys()].filter((j) => !doneTarget[j]));
  let length = open.length;
  for (let i = 0; i < n; i++) {
    while (!doneSource[i]) {
      let best = 0, least = Infinity;
      for (let k = 0; k < length; k++) {
        const value = costAt(i, open[k]) - g[open[k]];
        if (value < least) {
          least = value;
          best = k;
        }
      }
      const j = open[best];
      send(i, j, costAt(i, j));
      if (doneTarget[j]) {
        open.copyWithin(best, best + 1, length);
        length--;
      }
    }
  }
  return treeOf(n, m, root, made);
}
