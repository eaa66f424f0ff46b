/**
 * A spanning tree of the n + m points of a transport problem, rooted: the basis of the network simplex method. Sources are the nodes 0 … n − 1,
 * targets n … n + m − 1; every arc goes from a source to a target. The arc between a node and its parent is stored with the node.
 */
export interface SpanningTree {
  readonly n: number;
  readonly m: number;
  readonly root: number;
  /** Parent of each node; −1 at the root. */
  readonly parent: Int32Array;
  /** Number of arcs up to the root. */
  readonly depth: Int32Array;
  /** First child of each node, −1 for none; children of one node are linked both ways. */
  readonly child: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Mass on the arc to the parent: whole numbers. */
  readonly flow: Float64Array;
  /** Cost of the arc to the parent. */
  readonly cost: Float64Array;
  /** Potentials: f of sources, g of targets, with f_i + g_j = C_ij on the arcs of the tree. */
  readonly potential: Float64Array;
}

/** Arcs of a first plan. */
export interface TreeArcs {
  readonly sources: Int32Array;
  /** From 0 to m − 1. */
  readonly targets: Int32Array;
  readonly flow: Float64Array;
  readonly cost: Float64Array;
}

/** The tree of n + m − 1 arcs, from its root. The arcs must form one. */
export function treeOf(n: number, m: number, root: number, arcs: TreeArcs): SpanningTree {
  const nodes = n + m, count = nodes - 1;
  const whole = (fill = -1) => new Int32Array(nodes).fill(fill);
  const tree: SpanningTree = {
    n,
    m,
    root,
    parent: whole(),
    depth: whole(0),
    child: whole(),
    next: whole(),
    previous: whole(),
    flow: new Float64Array(nodes),
    cost: new Float64Array(nodes),
    potential: new Float64Array(nodes),
  };
  // Arcs by node.
  const starts = new Int32Array(nodes + 1), list = new Int32Array(2 * count);
  for (let e = 0; e < count; e++) {
    starts[arcs.sources[e] + 1]++;
    starts[n + arcs.targets[e] + 1]++;
  }
  for (let v = 0; v < nodes; v++) starts[v + 1] += starts[v];
  const at = starts.slice();
  for (let e = 0; e < count; e++) {
    list[at[arcs.sources[e]]++] = e;
    list[at[n + arcs.targets[e]]++] = e;
  }
  const queue = new Int32Array(nodes);
  queue[0] = root;
  for (let head = 0, tail = 1; head < tail; head++) {
    const v = queue[head];
    for (let k = starts[v]; k < starts[v + 1]; k++) {
      const e = list[k], w = v < n ? n + arcs.targets[e] : arcs.sources[e];
      if (w === tree.parent[v]) continue;
      tree.flow[w] = arcs.flow[e];
      tree.cost[w] = arcs.cost[e];
      tree.depth[w] = tree.depth[v] + 1;
      hang(tree, w, v);
      queue[tail++] = w;
    }
  }
  settle(tree);
  return tree;
}

/** Makes `node` a child of `parent`. */
export function hang({ parent, child, next, previous }: SpanningTree, node: number, under: number): void {
  const first = child[under];
  parent[node] = under;
  next[node] = first;
  previous[node] = -1;
  if (first >= 0) previous[first] = node;
  child[under] = node;
}

/** Takes `node` off the children of its parent. */
export function unhang({ parent, child, next, previous }: SpanningTree, node: number): void {
  const before = previous[node], after = next[node];
  if (before >= 0) next[before] = after;
  else child[parent[node]] = after;
  if (after >= 0) previous[after] = before;
}

/**
 * Hangs the part of the tree below the arc of `top` under another node: `node` of that part becomes its top, as a child of `under` by an arc
 * with this flow and cost. Depths of the part are not renewed.
 */
export function rehang(
  tree: SpanningTree,
  top: number,
  node: number,
  under: number,
  flow: number,
  cost: number,
): void {
  for (let v = node, up = under, f = flow, c = cost;;) {
    const parent = tree.parent[v], ownFlow = tree.flow[v], ownCost = tree.cost[v];
    unhang(tree, v);
    hang(tree, v, up);
    tree.flow[v] = f;
    tree.cost[v] = c;
    if (v === top) return;
    up = v;
    v = parent;
    f = ownFlow;
    c = ownCost;
  }
}

/** Renews the depths below `top`, and adds `shift` to the potentials of its kind of node and −shift to those of the other kind. */
export function renew({ n, parent, depth, child, next, potential }: SpanningTree, top: number, shift: number): void {
  const sources = top < n ? shift : -shift;
  for (let v = top;;) {
    depth[v] = depth[parent[v]] + 1;
    potential[v] += v < n ? sources : -sources;
    if (child[v] >= 0) {
      v = child[v];
      continue;
    }
    while (v !== top && next[v] < 0) v = parent[v];
    if (v === top) return;
    v = next[v];
  }
}

/** Computes all potentials anew from the root's, 0: what many shifts have left of rounding is gone. */
export function settle({ root, parent, child, next, cost, potential }: SpanningTree): void {
  potential[root] = 0;
  for (let v = root;;) {
    if (v !== root) potential[v] = cost[v] - potential[parent[v]];
    if (child[v] >= 0) {
      v = child[v];
      continue;
    }
    while (v !== root && next[v] < 0) v = parent[v];
    if (v === root) return;
    v = next[v];
  }
}
