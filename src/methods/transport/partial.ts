import { dense, type LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { joinValue, type Lagrangian } from "./envelope.ts";
import { absoluteEpsilon, asResult, type Freeable, numberOf, readArguments } from "./host_problem.ts";
import { requireCount, requirePositiveNumber, tensorLike } from "./host_problem.ts";
import type { LiveCost } from "./live_cost.ts";
import { readCost } from "./matrix_cost.ts";
import { type Problem, type Tensors, tensorsOf, withTensors } from "./problem.ts";
import { quantumOf } from "./renew_potential.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import { solvePartialExactly } from "./partial_exact.ts";
import { partialScaling } from "./partial_scaling.ts";
import { splitPotential } from "./sinkhorn_start.ts";
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
  /** Mass to transport, up to the smaller total; default half of that. A tensor of one number to differentiate by it. */
  mass?: number | Tensor;
  /** `entropic` (default): regularized by ε; `exact`: without regularization, by the network simplex method. */
  method?: "entropic" | "exact";
  /** Regularization ε of `entropic`, in units that `epsilonScale` says; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
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
  /**
   * The dual value as a tensor of one number, to differentiate by points, cost matrix, weights, `mass` and (`entropic`, the largest cost counting as a
   * constant) `epsilon`: by the cost its derivative is the plan, by the weights the potentials, by the mass the level. Where all of the smaller total is
   * moved there is none by the mass, and by the weights up to a constant.
   */
  readonly value: Tensor;
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
  const { y, options } = readArguments<PartialOptions>(second, third), { method = "entropic" } = options;
  if (method !== "entropic" && method !== "exact") {
    throw new TypeError(`Expected "method" to be "entropic" or "exact", got ${JSON.stringify(method)}`);
  }
  const read = await readCost(x, y, options.cost), { owned, n, m, C, largest } = read;
  try {
    // Each side by itself: the totals may differ.
    const [{ a, total }, { b, total: other }] = await Promise.all([
      prepareWeights(options.a, undefined, n, m),
      prepareWeights(undefined, options.b, n, m),
    ]);
    const most = Math.min(total, other), mass = await massOf(options.mass, most);
    const problem = { n, m, C, a, b, mass };
    if (method === "exact") {
      const { entries, ...found } = await solvePartialExactly(problem, options);
      const plan = sparsePlan(x, [n, m], entries);
      const masses = tensorLike(x, Float64Array.from(entries, (e) => e.value));
      owned.push(masses);
      const places = {
        rows: Uint32Array.from(entries, (e) => e.row),
        columns: Uint32Array.from(entries, (e) => e.column),
      };
      return await show(
        x,
        read.live,
        problem,
        options,
        { ...found, plan },
        { mass: masses },
        (cost, { mass }) => read.live.planCostOf(cost, places, mass),
      );
    }
    const strength = options.epsilon === undefined ? undefined : await numberOf("epsilon", options.epsilon);
    const epsilon = absoluteEpsilon({ ...options, epsilon: strength }, largest);
    const tolerance = requirePositiveNumber("tolerance", options.tolerance ?? 1e-8);
    const maxIterations = requireCount("maxIterations", options.maxIterations ?? 10_000);
    const { signal, onProgress } = options, settings = { maxIterations, target: tolerance * mass, signal, onProgress };
    const found = await partialScaling({ ...problem, epsilon }, settings), { error, P, iterations } = found;
    const converged = error <= settings.target;
    if (!converged) {
      console.warn(
        `partial stopped after ${iterations} iterations with a marginal error of ${error.toExponential(1)}: ` +
          "try more maxIterations, a larger epsilon or tolerance",
      );
    }
    const plan = dense(tensorLike(x, P, [n, m]), { owns: true });
    const quantum = quantumOf(C.reduce((s, c) => Math.max(s, Math.abs(c)), 0), epsilon);
    const split = (h: Float64Array, w: Float64Array, level: number) =>
      splitPotential(h.map((v, k) => w[k] > 0 ? v + level : -1e30), epsilon, quantum, x);
    const f = split(found.f, a, found.level), g = split(found.g, b, 0);
    // ∂/∂ε is Σ P (log P − 1), which is what primal and cost differ by over ε.
    const slope = tensorLike(x, Float64Array.of((found.primal - found.cost) / (strength ?? 0.01)), []);
    const held = { F: f.coarse, p: f.fine, G: g.coarse, q: g.fine, slope };
    owned.push(...Object.values(held));
    const fields = { ...found, mass: found.reached, marginalError: error, epsilon, converged, plan };
    return await show(x, read.live, problem, options, fields, held, (cost, { F, p, G, q }) => {
      // At held potentials the derivative of ε ΣP by the cost is −P.
      const geometry = read.live.geometryOf(cost);
      return geometry.marginal("rows", { coarse: F, fine: p }, { coarse: G, fine: q }, epsilon).sum().mul(-epsilon);
    });
  } finally {
    for (const t of owned) t.dispose();
  }
}

/** The mass, if the weights have it. */
async function massOf(given: number | Tensor | undefined, most: number): Promise<number> {
  const mass = given === undefined ? most / 2 : await numberOf("mass", given);
  if (mass > 0 && mass <= most * (1 + 1e-12)) return mass;
  throw new RangeError(`Expected "mass" above 0 and at most ${most}, the smaller total of the weights, got ${mass}`);
}

type Fields = Omit<PartialResult, keyof Freeable | "potentials" | "value" | "gap"> & {
  f: Float64Array;
  g: Float64Array;
};

/** The result, its value joined to what it depends on; `costPart` has the derivative P by the cost. */
async function show(
  x: Tensor,
  live: LiveCost,
  { a, b, mass }: { a: Float64Array; b: Float64Array; mass: number },
  options: PartialOptions,
  found: Fields,
  held: Tensors,
  costPart: (cost: Tensors, held: Tensors) => Tensor,
): Promise<PartialResult> {
  const { cost, primal, dual, mass: reached, level, epsilon, iterations, converged, marginalError, history } = found;
  const potentials: [Tensor, Tensor] = [tensorLike(x, found.f), tensorLike(x, found.g)];
  const value = tensorLike(x, Float64Array.of(dual), []), { plan } = found;
  const totals = [a, b].map((w) => w.reduce((s, v) => s + v, 0));
  using ownA = tensorLike(x, a);
  using ownB = tensorLike(x, b);
  const problem: Problem = {
    cost: live.tensors,
    geometryOf: live.geometryOf,
    a: options.a instanceof Tensor ? options.a : ownA,
    b: options.b instanceof Tensor ? options.b : ownB,
    epsilon: options.method !== "exact" && options.epsilon instanceof Tensor ? options.epsilon : epsilon,
  };
  const given = { ...tensorsOf(problem), ...(options.mass instanceof Tensor ? { mass: options.mass } : {}) };
  const lagrangian: Lagrangian = (inputs, { f, g, ...held }, wanted) => {
    if (wanted.has("mass") && mass >= Math.min(...totals) * (1 - 1e-12)) {
      throw new RangeError(`"partial" has no derivative by a mass of ${mass}: it is all that can be moved`);
    }
    const { a, b, cost, epsilon } = withTensors(problem, inputs), terms = [a.mul(f).sum(), b.mul(g).sum()];
    if ([...wanted].some((name) => name.startsWith("cost."))) terms.push(costPart(cost, held));
    if (epsilon instanceof Tensor) terms.push(epsilon.reshape([]).mul(held.slope));
    if (inputs.mass) terms.push(inputs.mass.reshape([]).mul(level));
    // By default the mass is half of the smaller total.
    if (options.mass === undefined) terms.push((totals[0] <= totals[1] ? a : b).sum().mul(level / 2));
    return terms.reduce((s, t) => s.add(t));
  };
  await joinValue("partial", value, given, { ...held, f: potentials[0], g: potentials[1] }, lagrangian);
  return asResult("PartialResult", {
    ...{ cost, primal, dual, gap: primal - dual, value, mass: reached, plan, potentials, level, epsilon, iterations },
    ...{ converged, marginalError, history },
  }, [
    ["transport cost ⟨P, C⟩", cost.toPrecision(6)],
    ["mass", reached.toPrecision(6)],
    ["primal − dual", (primal - dual).toExponential(1)],
    ["marginal error (L1)", marginalError.toExponential(1)],
    ["iterations", `${iterations}${converged ? "" : " (not converged)"}`],
  ], [plan, value, ...potentials]);
}
