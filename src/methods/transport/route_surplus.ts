/** Trees that surplus is routed along, at most. */
const TREES = 8;
/** Surplus, as part of the total, that is left to others. */
const ENOUGH = 1e-12;

/** A graph of arcs from sources to targets with masses. */
export interface MassGraph {
  readonly sources: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** Changed in place; stays zero or more. */
  readonly mass: Float64Array;
}

/**
 * Moves the masses of a plan so that its marginals come nearer to the weights, along trees of those arcs that carry most: every node of a tree,
 * from the leaves on, passes its surplus on to its parent, by as much as the arc between them can carry. A small error of the marginals is spread
 * so over many small changes of a good plan, where new arcs between far points would cost much. What an arc could not carry is left to the next
 * tree.
 *
 * @param order Numbers of the arcs, in which those without mass are taken to connect what is apart.
 */
export function routeSurplus(
  { sources, targets, mass }: MassGraph,
  a: Float64Array,
  b: Float64Array,
  order: Uint32Array,
): void {
  const n = a.length, nodes = n + b.length, total = a.reduce((s, w) => s + w, 0);
  // What a source has yet to send, and what a target has got too much: both are to flow off.
  const surplus = new Float64Array(nodes);
  for (let pass = 0; pass < TREES; pass++) {
    a.forEach((w, i) => surplus[i] = w);
    b.forEach((w, j) => surplus[n + j] = -w);
    mass.forEach((v, e) => {
      surplus[sources[e]] -= v;
      surplus[n + targets[e]] += v;
    });
    if (surplus.reduce((s, v) => s + Math.abs(v), 0) <= ENOUGH * total) return;
    const { visited, parent, arc } = spanningForest({ sources, targets, mass }, n, nodes, order);
    for (let k = nodes - 1; k >= 0; k--) {
      const v = visited[k], e = arc[v];
      if (e < 0) continue;
      const more = Math.max(v < n ? surplus[v] : -surplus[v], -mass[e]), moved = v < n ? more : -more;
      mass[e] += more;
      surplus[v] -= moved;
      surplus[parent[v]] += moved;
    }
  }
}

/** A spanning forest of most mass (Kruskal's algorithm), and its nodes in an order in which parents come first. */
function spanningForest(
  { sources, targets, mass }: MassGraph,
  n: number,
  nodes: number,
  order: Uint32Array,
): { visited: Int32Array; parent: Int32Array; arc: Int32Array } {
  const group = new Int32Array(nodes).map((_, v) => v);
  const find = (v: number): number => {
    while (group[v] !== v) v = group[v] = group[group[v]];
    return v;
  };
  // A stable sort: arcs of equal mass keep their order.
  const byMass = order.slice().sort((p, q) => mass[q] - mass[p]);
  const first = new Int32Array(nodes).fill(-1), next = new Int32Array(4 * nodes).fill(-1), ends = next.slice();
  const through = next.slice();
  let links = 0;
  const link = (v: number, w: number, e: number): void => {
    ends[links] = w;
    through[links] = e;
    next[links] = first[v];
    first[v] = links++;
  };
  for (const e of byMass) {
    const v = sources[e], w = n + targets[e], p = find(v), q = find(w);
    if (p === q) continue;
    group[p] = q;
    link(v, w, e);
    link(w, v, e);
  }
  const parent = new Int32Array(nodes).fill(-1), arc = parent.slice(), seen = new Uint8Array(nodes);
  const visited = new Int32Array(nodes);
  let tail = 0;
  for (let start = 0, head = 0; start < nodes; start++) {
    if (seen[start]) continue;
    seen[start] = 1;
    visited[tail++] = start;
    for (; head < tail; head++) {
      const v = visited[head];
      for (let l = first[v]; l >= 0; l = next[l]) {
        const w = ends[l];
        if (seen[w]) continue;
        seen[w] = 1;
        parent[w] = v;
        arc[w] = through[l];
        visited[tail++] = w;
      }
    }
  }
  return { visited, parent, arc };
}
