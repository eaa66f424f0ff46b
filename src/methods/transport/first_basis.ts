import { type SpanningTree, treeOf } from "./spanning_tree.ts";

/**
 * A first plan: each source sends to its cheapest target that still takes mass (the row minimum rule). Every amount is disturbed by one
 * infinitesimal unit that its node sends to the root, kept as a second number, so that no step uses up a row and a column at once: the
 * n + m − 1 arcs form a tree, and every arc without mass points towards its root. Such a tree is strongly feasible (Cunningham 1976, "A network
 * simplex method"): with the right leaving arcs the simplex method then never comes back to a basis.
 *
 * @param C Costs `[n, m]`.
 * @param a Supplies, positive whole numbers.
 * @param b Demands, positive whole numbers of the same sum.
 */
export function firstBasis(C: Float64Array, a: Float64Array, b: Float64Array): SpanningTree {
  const n = a.length, m = b.length, root = n + m - 1;
  const sources = new Int32Array(root), targets = new Int32Array(root), flow = new Float64Array(root);
  const cost = new Float64Array(root);
  const left = b.slice(), units = new Float64Array(m).fill(-1);
  units[m - 1] = n + m - 1;
  // Open targets, in order.
  const open = Int32Array.from({ length: m }, (_, j) => j);
  let count = m, arcs = 0;
  for (let i = 0; i < n; i++) {
    for (let have = a[i], unit = 1;;) {
      let best = 0, least = Infinity;
      for (let k = 0; k < count; k++) {
        const own = C[i * m + open[k]];
        if (own < least) {
          least = own;
          best = k;
        }
      }
      const j = open[best];
      sources[arcs] = i;
      targets[arcs] = j;
      cost[arcs] = least;
      const fills = have > left[j] || (have === left[j] && unit > units[j]);
      flow[arcs++] = fills ? left[j] : have;
      if (!fills) {
        left[j] -= have;
        units[j] -= unit;
        break;
      }
      have -= left[j];
      unit -= units[j];
      open.copyWithin(best, best + 1, count);
      count--;
    }
  }
  return treeOf(n, m, root, { sources, targets, flow, cost });
}
