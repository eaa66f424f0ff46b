import { rehang, renew, settle, type SpanningTree } from "./spanning_tree.ts";

/** Pivots between two looks at the clock. */
const BATCH = 64;
/** Milliseconds after which other work gets its turn. */
const TURN = 40;
/** A reduced cost that is negative by less than this, relative to the terms it is the difference of, is rounding. */
const ROUNDING = 16 * 2 ** -53;

/** How the simplex method runs. */
export interface SimplexSettings {
  readonly maxIterations: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { iteration: number }) => void;
}

/** An arc that may come in. */
export interface Arc {
  source: number;
  /** From 0 to m − 1. */
  target: number;
  cost: number;
}

/** Writes an arc of negative reduced cost to `found`; false if there is none. */
export type Pricing = (found: Arc) => boolean;

/**
 * The network simplex method for the transportation problem, min Σ C_ij P_ij over P ≥ 0 with row sums a and column sums b: each iteration
 * brings in one arc that costs less than its potentials' sum, sends mass around the cycle that it closes, and takes out the arc that runs empty.
 * The leaving arc is the last that blocks, from the top of the cycle along its direction, which keeps the tree strongly feasible (Ahuja, Magnanti
 * and Orlin 1993, "Network Flows", §11.6): no basis comes back.
 *
 * @param tree A strongly feasible tree, which is changed.
 * @param price Finds arcs.
 */
export async function networkSimplex(
  tree: SpanningTree,
  price: Pricing,
  { maxIterations, signal, onProgress }: SimplexSettings,
): Promise<{ iterations: number; optimal: boolean }> {
  const arc: Arc = { source: 0, target: 0, cost: 0 };
  let iterations = 0, settled = true, since = performance.now();
  for (;;) {
    for (let k = 0; k < BATCH; k++) {
      if (!price(arc)) {
        // Potentials that were only shifted have rounding in them: the verdict is that of fresh ones.
        if (settled) return { iterations, optimal: true };
        settle(tree);
        settled = true;
        continue;
      }
      if (iterations >= maxIterations) {
        settle(tree);
        return { iterations, optimal: false };
      }
      pivot(tree, arc);
      settled = false;
      iterations++;
    }
    if (performance.now() - since < TURN) continue;
    onProgress?.({ iteration: iterations });
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    since = performance.now();
  }
}

/** Whether a reduced cost is negative beyond rounding. */
export function improves(reduced: number, cost: number, f: number, g: number): boolean {
  return reduced < -ROUNDING * Math.max(Math.abs(cost), Math.abs(f), Math.abs(g));
}

/**
 * Finds the most negative reduced cost of a block of rows, from where the last block ended (block search: Kovács 2015, "Minimum-cost flow
 * algorithms: an experimental evaluation", §3.3; for transport Bonneel, van de Panne, Paris and Heidrich 2011). Costs `[n, m]`.
 */
export function densePricing({ n, m, potential }: SpanningTree, C: Float64Array): Pricing {
  const rows = Math.max(1, Math.min(n, Math.ceil(Math.sqrt(n / m)))), g = potential.subarray(n);
  let row = 0;
  return (found) => {
    let best = -1, least = 0;
    for (let done = 0; done < n;) {
      for (let k = 0; k < rows && done < n; k++, done++) {
        const f = potential[row], base = row * m;
        for (let j = 0; j < m; j++) {
          const cost = C[base + j], reduced = cost - f - g[j];
          if (reduced < least && improves(reduced, cost, f, g[j])) {
            least = reduced;
            best = base + j;
          }
        }
        if (++row === n) row = 0;
      }
      if (best >= 0) {
        found.source = Math.floor(best / m);
        found.target = best % m;
        found.cost = C[best];
        return true;
      }
    }
    return false;
  };
}

/** Brings in an arc. */
function pivot(tree: SpanningTree, { source, target, cost }: Arc): void {
  const { n, parent, depth, flow, potential } = tree, i = source, j = n + target;
  // The top of the cycle, and on the way up what blocks. The cycle goes from the top down to i, over to j and up again: it lowers the flow of
  // sources' arcs on i's side and of targets' arcs on j's side.
  let p = i, q = j, least = Infinity, out = -1, leastBack = Infinity, outBack = -1;
  while (p !== q) {
    if (depth[p] >= depth[q]) {
      if (p < n && flow[p] < least) {
        least = flow[p];
        out = p;
      }
      p = parent[p];
    } else {
      if (q >= n && flow[q] <= leastBack) {
        leastBack = flow[q];
        outBack = q;
      }
      q = parent[q];
    }
  }
  const top = p, back = leastBack <= least, amount = back ? leastBack : least;
  if (amount > 0) {
    for (let v = i; v !== top; v = parent[v]) flow[v] += v < n ? -amount : amount;
    for (let v = j; v !== top; v = parent[v]) flow[v] += v < n ? amount : -amount;
  }
  const reduced = cost - potential[i] - potential[j];
  if (back) {
    rehang(tree, outBack, j, i, amount, cost);
    renew(tree, j, reduced);
  } else {
    rehang(tree, out, i, j, amount, cost);
    renew(tree, i, reduced);
  }
}
