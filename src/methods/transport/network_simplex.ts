import { firstBasis } from "./first_basis.ts";
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

/**
 * The network simplex method for the transportation problem, min Σ C_ij P_ij over P ≥ 0 with row sums a and column sums b: each iteration
 * brings in one arc whose cost is above neither potential's sum, sends mass around the cycle that it closes, and takes out the arc that runs empty.
 * Pricing goes by blocks of rows in turn (block search: Kovács 2015, "Minimum-cost flow algorithms: an experimental evaluation", §3.3; for
 * transport Bonneel, van de Panne, Paris and Heidrich 2011). The leaving arc is the last that blocks, from the top of the cycle along its
 * direction, which keeps the tree strongly feasible (Ahuja, Magnanti and Orlin 1993, "Network Flows", §11.6): no basis comes back.
 *
 * @param C Costs `[n, m]`, finite.
 * @param a Supplies, positive whole numbers: flows are exact.
 * @param b Demands, positive whole numbers of the same sum.
 */
export async function networkSimplex(
  C: Float64Array,
  a: Float64Array,
  b: Float64Array,
  { maxIterations, signal, onProgress }: SimplexSettings,
): Promise<{ tree: SpanningTree; iterations: number; optimal: boolean }> {
  const tree = firstBasis(C, a, b);
  settle(tree, C);
  const price = pricing(tree, C);
  let iterations = 0, settled = true, since = performance.now();
  for (;;) {
    for (let k = 0; k < BATCH; k++) {
      const arc = price();
      if (arc < 0) {
        // Potentials that were only shifted have rounding in them: the verdict is that of fresh ones.
        if (settled) return { tree, iterations, optimal: true };
        settle(tree, C);
        settled = true;
        continue;
      }
      if (iterations >= maxIterations) {
        settle(tree, C);
        return { tree, iterations, optimal: false };
      }
      pivot(tree, C, arc);
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

/** Finds the arc with the most negative reduced cost of a block, from where the last block ended; −1 if there is none at all. */
function pricing({ n, m, potential }: SpanningTree, C: Float64Array): () => number {
  const rows = Math.max(1, Math.min(n, Math.ceil(Math.sqrt(n / m))));
  const g = potential.subarray(n);
  let row = 0;
  return () => {
    let best = -1, least = 0;
    for (let done = 0; done < n;) {
      for (let k = 0; k < rows && done < n; k++, done++) {
        const f = potential[row], base = row * m;
        for (let j = 0; j < m; j++) {
          const cost = C[base + j], reduced = cost - f - g[j];
          if (reduced < least && reduced < -ROUNDING * Math.max(Math.abs(cost), Math.abs(f), Math.abs(g[j]))) {
            least = reduced;
            best = base + j;
          }
        }
        if (++row === n) row = 0;
      }
      if (best >= 0) return best;
    }
    return -1;
  };
}

/** Brings in an arc. */
function pivot(tree: SpanningTree, C: Float64Array, arc: number): void {
  const { n, m, parent, depth, flow, potential } = tree;
  const i = Math.floor(arc / m), j = n + arc % m;
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
  const reduced = C[arc] - potential[i] - potential[j];
  if (back) {
    rehang(tree, outBack, j, i, amount);
    renew(tree, j, reduced);
  } else {
    rehang(tree, out, i, j, amount);
    renew(tree, i, reduced);
  }
}
