import { columnStep, rowStep } from "./host_half_step.ts";
import { requireCount, requirePositiveNumber } from "./host_problem.ts";
import {
  fillPlan,
  type HostDual,
  type HostPotentials,
  lineSearch,
  newtonDirection,
  sparsify,
} from "./newton_system.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import type { SinkhornNewtonOptions } from "./sinkhorn_newton_sparse.ts";

/** One iteration of `sinkhornNewtonSparse`. `error` is ‖P·1 − a‖₁ + ‖Pᵀ·1 − b‖₁ after it, in f64, of the plan of its ε. */
export interface NewtonProgress extends SinkhornProgress {
  /** What the iteration was. */
  stage: "sinkhorn" | "newton";
  /** ε of the iteration, in the cost's unit: larger than that asked for on the way down to it. */
  epsilon: number;
  /** Entries kept in the Hessian. */
  nnz?: number;
  /** Conjugate-gradient iterations that its direction took. */
  innerIterations?: number;
  /** Length of the step that was taken. */
  step?: number;
}

/** A step shorter than this says that the plan is far from its final support: from a larger ε there is a shorter way. */
const SHORT = 0.1;
/** How many times larger than any before. */
const RAISE = 4;
/** How many times smaller at once on the way back … */
const FALL = 2;
/** … which goes on when the marginal error is below this share of the mass: the next plan then begins with about the right support. */
const NEAR = 0.01;

/** On the way down entries up to e²⁸ as large are nothing, too: six digits are enough there. */
const COARSE = 28;

/** Both stages of `sinkhornNewtonSparse`; ends with an exact column marginal. */
export async function newtonIterations(
  dual: HostDual,
  target: number,
  total: number,
  options: SinkhornNewtonOptions,
): Promise<HostPotentials & { history: NewtonProgress[] }> {
  const { n, m, a, b, r, c } = dual, { signal, onProgress } = options;
  const warmUp = requireCount("warmUp", options.warmUp ?? 20, 0);
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 200);
  const inner = requirePositiveNumber("innerTolerance", options.innerTolerance ?? 1e-2);
  const density = options.density ?? Math.min(1, 8 / Math.max(n, m));
  if (!(density > 0 && density <= 1)) throw new RangeError(`Expected "density" from 0 (excluded) to 1, got ${density}`);
  let count = Math.max(1, Math.ceil(density * n * m));
  const f = a.map((w) => w > 0 ? 0 : -Infinity), g = b.map((w) => w > 0 ? 0 : -Infinity);
  const history: NewtonProgress[] = [];
  const record = async (entry: Omit<NewtonProgress, "iteration">) => {
    const progress = { iteration: history.length + 1, ...entry };
    history.push(progress);
    onProgress?.(progress);
    // Let signals and other work in.
    if (history.length % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  };
  let at = dual, error = Infinity;
  const sinkhorn = async (epsilon: number, floor = dual.floor) => {
    at = { ...dual, epsilon, floor };
    rowStep(at, { f, g });
    error = columnStep(at, { f, g });
    await record({ stage: "sinkhorn", epsilon, error });
  };
  // The first half goes down from the scale of the costs to ε (ε-scaling), so that potentials far from 0 are reached in few iterations.
  const falling = Math.floor(warmUp / 2), start = Math.max(range(dual.C) / 8, dual.epsilon);
  for (let k = 0; k < warmUp && !(k > falling && error <= target); k++) {
    if (k < falling) await sinkhorn(start * (dual.epsilon / start) ** ((k + 1) / falling), dual.floor + COARSE);
    else await sinkhorn(dual.epsilon);
  }
  if (warmUp === 0) error = fillPlan(dual, { f, g });
  let highest = dual.epsilon;
  // The last measurement is after a column step, so aim below the target.
  for (let k = 0; k < maxIterations && (at.epsilon > dual.epsilon || error > target / 2); k++) {
    if (at.epsilon > dual.epsilon && error < NEAR * total) {
      await sinkhorn(Math.max(dual.epsilon, at.epsilon / FALL));
      continue;
    }
    // A plan that has overflowed, or a marginal that has underflowed, has no Newton step yet.
    const usable = Number.isFinite(error) && r.every((s, i) => s > 0 || a[i] === 0) &&
      c.every((s, j) => s > 0 || b[j] === 0);
    if (!usable) {
      await sinkhorn(at.epsilon);
      continue;
    }
    const kept = sparsify(dual, count), mayRise = highest < start;
    const { df, dg, iterations } = newtonDirection(at, kept, Math.min(inner, error / total), 10 * (n + m));
    const step = lineSearch(at, { f, g }, { f: df, g: dg }, mayRise ? SHORT : 0);
    if (step === 0) {
      if (mayRise) highest = Math.min(start, RAISE * highest);
      await sinkhorn(mayRise ? highest : at.epsilon);
      continue;
    }
    for (let i = 0; i < n; i++) f[i] += step * df[i];
    for (let j = 0; j < m; j++) g[j] += step * dg[j];
    const before = error;
    error = fillPlan(at, { f, g });
    if (options.density === undefined && step === 1 && error > before / 4) count = Math.min(2 * count, n * m);
    const { epsilon } = at, nnz = kept.values.length;
    await record({ stage: "newton", epsilon, error, nnz, innerIterations: iterations, step });
  }
  columnStep(dual, { f, g });
  return { f, g, history };
}

/** Largest minus smallest. */
function range(v: Float64Array): number {
  let low = Infinity, high = -Infinity;
  for (const x of v) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return high - low;
}
