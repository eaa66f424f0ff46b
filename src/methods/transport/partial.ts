import { dense, type LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { solveStored } from "./exact_solve.ts";
import {
  absoluteEpsilon,
  asResult,
  type Freeable,
  readCost,
  requireCount,
  requirePositiveNumber,
  tensorLike,
} from "./host_problem.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import { partialScaling } from "./partial_scaling.ts";
import { sparsePlan } from "./sparse_plan.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of {@linkcode partial}. */
export interface PartialOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Most that each row gives, `[n]`; default equal, of sum 1. */
  a?: Weights;
  /** Most that each column takes, `[m]`, of any sum; default equal, of sum 1. */
  b?: Weights;
  /** Mass to transport, up to the smaller total; default half of that. */
  mass?: number;
  /** `entropic` (default): regularized by ε; `exact`: without regularization, by the network simplex method. */
  method?: "entropic" | "exact";
  /** Regularization ε of `entropic`, in units that `epsilonScale` says. Default 0.01. */
  epsilon?: number;
  /** `relative` (default): `epsilon` is a fraction of the largest cost; `absolute`: it has the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /** Iterations (or pivots) before giving up. Default 10,000; exact 1,000 (n + m). */
  maxIterations?: number;
  /** `entropic` stops once {@linkcode PartialResult.marginalError} is below this fraction of the mass. Default 1e-8. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement of `entropic`. */
  onProgress?: (progress: SinkhornProgress) => void;
}

/** What {@linkcode partial} found. */
export interface PartialResult extends Freeable {
  /** Transport cost ⟨P, C⟩. */
  readonly cost: number;
  /** What is minimized: ⟨P, C⟩ − ε H(P); the cost itself where the method is exact. */
  readonly primal: number;
  /** ⟨a, f⟩ + ⟨b, g⟩ + λ·mass − ε ΣP with f, g ≤ 0: no allowed plan is cheaper, up to rounding. */
  readonly dual: number;
  /** primal − dual. */
  readonly gap: number;
  /** Mass of the plan, measured. */
  readonly mass: number;
  /** The plan as an operator `[n, m]`: stored, or sparse where the method is exact. */
  readonly plan: LinearOperator;
  /** Prices f `[n]` and g `[m]` of the bounds, 0 or less, and 0 where a bound is not reached (and for weights of 0). */
  readonly potentials: [f: Tensor, g: Tensor];
  /** Price λ of mass: what a little more would cost. */
  readonly level: number;
  /** ε in the cost's unit; 0 where the method is exact. */
  readonly epsilon: number;
  /** Iterations, or pivots, done. */
  readonly iterations: number;
  /** Whether `marginalError` went below the tolerance; for `exact`, whether the plan is proved optimal up to rounding. */
  readonly converged: boolean;
  /** L1: what exceeds a bound, what falls short of one with a price, and the error of the mass; measured. */
  readonly marginalError: number;
  /** Every measurement. */
  readonly history: readonly SinkhornProgress[];
}

/**
 * Partial transport: the cheapest way to move a given mass, with rows giving at most a and columns taking at most b,
 *
 *   min ⟨P, C⟩ [− ε H(P)]  over P ≥ 0 with P·1 ≤ a, Pᵀ·1 ≤ b, ΣP = mass.
 *
 * `entropic` maximizes the dual over each potential in turn, in the log domain (the projections of Benamou, Carlier, Cuturi, Nenna and Peyré,
 * "Iterative Bregman Projections for Regularized Transportation Problems" (2015), section 5). `exact` adds a point on either side that takes
 * what is not moved (Chapel, Alaya and Gasso, "Partial Optimal Transport with Applications on Positive-Unlabeled Learning" (2020), section 3).
 * Both work in f64 on the host with the n×m costs stored.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, ε ≤ 0, a mass that is not above 0 and up to the smaller total.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([0, 1, 100]), y = gpu.tensor([2, 3]);
 * using result = await transport.partial(x, y, {
 *   cost: "abs(x[i] - y[j])", a: [1, 1, 1], b: [1, 1], mass: 1, method: "exact",
 * });
 * console.log(result.cost); // 1, from 1 to 2
 * ```
 */
export function partial(x: Tensor, y: Tensor, options?: PartialOptions): Promise<PartialResult>;
/** The same for a cost matrix `[n, m]`. */
export function partial(costMatrix: Tensor, options?: Omit<PartialOptions, "cost">): Promise<PartialResult>;
export async function partial(
  x: Tensor,
  second?: Tensor | PartialOptions,
  third?: PartialOptions,
): Promise<PartialResult> {
  const y = second instanceof Tensor ? second : undefined;
  const options = (y ? third : second as PartialOptions | undefined) ?? {}, { method = "entropic" } = options;
  options.signal?.throwIfAborted();
  if (method !== "entropic" && method !== "exact") {
    throw new TypeError(`Expected "method" to be "entropic" or "exact", got ${JSON.stringify(method)}`);
  }
  const { owned, n, m, C, largest } = await readCost(x, y, options.cost);
  for (const t of owned) t.dispose();
  // Each side by itself: the totals may differ.
  const [{ a, total }, { b, total: other }] = await Promise.all([
    prepareWeights(options.a, undefined, n, m),
    prepareWeights(undefined, options.b, n, m),
  ]);
  const most = Math.min(total, other), mass = options.mass ?? most / 2;
  if (!(mass > 0 && mass <= most * (1 + 1e-12))) {
    throw new RangeError(`Expected "mass" above 0 and at most ${most}, the smaller total of the weights, got ${mass}`);
  }
  if (method === "exact") return await solveExactly(x, { n, m, C, a, b, mass }, options);
  const epsilon = absoluteEpsilon(options, largest);
  const tolerance = requirePositiveNumber("tolerance", options.tolerance ?? 1e-8);
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 10_000),
    { signal, onProgress } = options;
  const settings = { maxIterations, target: tolerance * mass, signal, onProgress };
  const { P, f, g, level, cost, primal, dual, reached, error, history, iterations } = await partialScaling(
    { n, m, C, a, b, mass, epsilon },
    settings,
  );
  const converged = error <= settings.target;
  if (!converged) {
    console.warn(
      `partial stopped after ${iterations} iterations with a marginal error of ${error.toExponential(1)}: ` +
        "try more maxIterations, a larger epsilon or tolerance",
    );
  }
  return show({
    ...{ cost, primal, dual, gap: primal - dual, mass: reached, level, epsilon, iterations, converged },
    ...{ marginalError: error, history, potentials: [tensorLike(x, f), tensorLike(x, g)] },
    plan: dense(tensorLike(x, P, [n, m]), { owns: true }),
  });
}

type Fields = Omit<PartialResult, keyof Freeable>;

function show(fields: Fields): PartialResult {
  return asResult("PartialResult", fields, [
    ["transport cost ⟨P, C⟩", fields.cost.toPrecision(6)],
    ["mass", fields.mass.toPrecision(6)],
    ["primal − dual", fields.gap.toExponential(1)],
    ["marginal error (L1)", fields.marginalError.toExponential(1)],
    ["iterations", `${fields.iterations}${fields.converged ? "" : " (not converged)"}`],
  ], [fields.plan, ...fields.potentials]);
}

/** By the balanced problem with one more point on each side, free to reach, and between them a cost that no plan pays. */
async function solveExactly(
  like: Tensor,
  { n, m, C, a, b, mass }: { n: number; m: number; C: Float64Array; a: Float64Array; b: Float64Array; mass: number },
  options: PartialOptions,
): Promise<PartialResult> {
  const width = m + 1,
    extended = new Float64Array((n + 1) * width),
    total = (w: Float64Array) => w.reduce((s, v) => s + v, 0);
  let highest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      extended[i * width + j] = C[i * m + j];
      highest = Math.max(highest, Math.abs(C[i * m + j]));
    }
  }
  extended[extended.length - 1] = 2 * highest + 1;
  const rest = [total(b) - mass, total(a) - mass].map((v) => Math.max(0, v));
  const weights = { a: Float64Array.of(...a, rest[0]), b: Float64Array.of(...b, rest[1]) };
  const taking = (w: Float64Array) => Uint32Array.from(Array.from(w.keys()).filter((k) => w[k] > 0));
  const cost = {
    n: n + 1,
    m: width,
    C: extended,
    at: (i: number, j: number) => extended[i * width + j],
    row: (i: number) => extended.subarray(i * width, (i + 1) * width),
  };
  const problem = { cost, ...weights, rows: taking(weights.a), columns: taking(weights.b) };
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 1000 * (n + m + 2));
  const { certificate, iterations, optimal } = await solveStored(problem, { maxIterations, signal: options.signal });
  const entries: { row: number; column: number; value: number }[] = [],
    r = new Float64Array(n),
    c = new Float64Array(m);
  let price = 0, moved = 0;
  certificate.rows.forEach((row, k) => {
    const column = certificate.columns[k], value = certificate.values[k];
    if (row === n || column === m) return;
    entries.push({ row, column, value });
    price += value * C[row * m + column];
    moved += value;
    r[row] += value;
    c[column] += value;
  });
  // The prices of the bounds: with those of the added points the potentials are 0 or less.
  const [fEnd, gEnd] = [certificate.f[n], certificate.g[m]], level = -(fEnd + gEnd);
  const f = certificate.f.slice(0, n).map((v) => Math.min(0, v + gEnd));
  const g = certificate.g.slice(0, m).map((v) => Math.min(0, v + fEnd));
  const dual = a.reduce((s, w, i) => s + w * f[i], 0) + b.reduce((s, w, j) => s + w * g[j], 0) + level * mass;
  const error = r.reduce((s, v, i) => s + Math.max(0, v - a[i]), 0) +
    c.reduce((s, v, j) => s + Math.max(0, v - b[j]), 0) +
    Math.abs(moved - mass);
  const scale = (total(a) + total(b)) * (highest + Math.abs(level)), gap = price - dual;
  // Sums of n + m terms of this scale.
  const converged = optimal && Math.abs(gap) <= (n + m + 8) * 2 ** -52 * scale + certificate.violation * mass;
  if (!converged) {
    console.warn(
      `partial stopped after ${iterations} pivots within ${
        gap.toExponential(1)
      } of the optimum: try more maxIterations`,
    );
  }
  return show({
    ...{ cost: price, primal: price, dual, gap, mass: moved, level, epsilon: 0, iterations, converged },
    ...{ marginalError: error, history: [], potentials: [tensorLike(like, f), tensorLike(like, g)] },
    plan: sparsePlan(like, [n, m], entries),
  });
}
