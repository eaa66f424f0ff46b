import type { SinkhornProgress } from "./sinkhorn_iterations.ts";

/** A partial transport problem on the host. */
export interface PartialProblem {
  readonly n: number;
  readonly m: number;
  readonly C: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly mass: number;
  readonly epsilon: number;
}

/** Iterations between measurements. */
const CHECK = 10;

/**
 * Maximizes the dual ⟨a, f⟩ + ⟨b, g⟩ + λ·mass − ε ΣP over f ≤ 0, g ≤ 0 and λ in turn, P = exp((f + g + λ − C)/ε): each maximum is in closed
 * form, f_i = min(0, ε log a_i − ε log Σ_j exp((g_j + λ − C_ij)/ε)), and λ gives P its mass.
 */
export async function partialScaling(
  { n, m, C, a, b, mass, epsilon }: PartialProblem,
  { maxIterations, target, signal, onProgress }: {
    maxIterations: number;
    target: number;
    signal?: AbortSignal;
    onProgress?: (progress: SinkhornProgress) => void;
  },
) {
  const f = a.map((w) => w > 0 ? 0 : -Infinity), g = b.map((w) => w > 0 ? 0 : -Infinity), P = new Float64Array(n * m);
  const columnSums = new Float64Array(m), history: SinkhornProgress[] = [];
  let level = 0;
  const logSum = (count: number, of: (k: number) => number): number => {
    let top = -Infinity, s = 0;
    for (let k = 0; k < count; k++) top = Math.max(top, of(k));
    if (top === -Infinity) return top;
    for (let k = 0; k < count; k++) s += Math.exp((of(k) - top) / epsilon);
    return top + epsilon * Math.log(s);
  };
  /** Without f and g: the mass that λ = 0 would give, for a start. */
  level = epsilon * Math.log(mass) - logSum(n * m, (k) => f[Math.floor(k / m)] + g[k % m] - C[k]);
  const step = () => {
    for (let i = 0; i < n; i++) {
      if (a[i] > 0) f[i] = Math.min(0, epsilon * Math.log(a[i]) - level - logSum(m, (j) => g[j] - C[i * m + j]));
    }
    for (let j = 0; j < m; j++) {
      columnSums[j] = logSum(n, (i) => f[i] - C[i * m + j]);
      if (b[j] > 0) g[j] = Math.min(0, epsilon * Math.log(b[j]) - level - columnSums[j]);
    }
    level = epsilon * Math.log(mass) - logSum(m, (j) => g[j] + columnSums[j]);
  };
  /** What a bound with weight w and price h is missed by: the gradient of the dual, projected on h ≤ 0. */
  const missed = (sum: number, w: number, h: number) => h < 0 ? Math.abs(sum - w) : Math.max(0, sum - w);
  const measure = () => {
    const r = new Float64Array(n), c = new Float64Array(m);
    let cost = 0, reached = 0;
    for (let i = 0, k = 0; i < n; i++) {
      for (let j = 0; j < m; j++, k++) {
        const p = P[k] = Math.exp((f[i] + g[j] + level - C[k]) / epsilon);
        r[i] += p;
        c[j] += p;
        cost += p * C[k];
      }
      reached += r[i];
    }
    let error = Math.abs(reached - mass), prices = 0, bounds = 0;
    const side = (w: Float64Array, h: Float64Array, sums: Float64Array) =>
      w.forEach((w, k) => {
        if (w === 0) return;
        error += missed(sums[k], w, h[k]);
        prices += h[k] * sums[k];
        bounds += h[k] * w;
      });
    side(a, f, r);
    side(b, g, c);
    // ε Σ P (log P − 1) = ⟨P·1, f⟩ + ⟨Pᵀ·1, g⟩ + λ ΣP − ⟨P, C⟩ − ε ΣP.
    const primal = prices + level * reached - epsilon * reached, dual = bounds + level * mass - epsilon * reached;
    return { cost, primal, dual, reached, error };
  };
  for (let iterations = 1;; iterations++) {
    step();
    if (iterations % CHECK !== 0 && iterations < maxIterations) continue;
    const measured = measure(), progress = { iteration: iterations, error: measured.error };
    history.push(progress);
    onProgress?.(progress);
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    if (measured.error <= target || iterations >= maxIterations) {
      const price = (h: Float64Array) => h.map((v) => v === -Infinity ? 0 : v);
      return { P, f: price(f), g: price(g), level, ...measured, history, iterations };
    }
  }
}
