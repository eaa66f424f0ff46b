import { stopGradient, Tensor } from "../../tensor/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import type { Cost } from "./cost.ts";
import { joinValue } from "./envelope.ts";
import type { Geometry } from "./geometry.ts";
import { absoluteEpsilon, asResult, type Freeable, numberOf, readArguments } from "./host_problem.ts";
import { requireCount, requirePositiveNumber, requireProblem, tensorLike } from "./host_problem.ts";
import { liveCost } from "./live_cost.ts";
import { DUAL_PART, type MarginalPenalty, penaltyInputs, penaltyParts } from "./marginal_penalty.ts";
import { type Problem, type Tensors, tensorsOf, withTensors } from "./problem.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import { iterateUnbalanced, type UnbalancedSide } from "./unbalanced_iterations.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of {@linkcode unbalanced}. */
export interface UnbalancedOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal, of sum 1. */
  a?: Weights;
  /** Weights of the columns, `[m]`, of any sum; default equal, of sum 1. */
  b?: Weights;
  /** Regularization ε, in units that `epsilonScale` says; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
  /** How marginals are held to the weights: Kullback–Leibler divergence (default) or total variation Σ |r − a|. */
  penalty?: "kl" | "tv";
  /**
   * Strength ρ of the penalties, in the unit of `epsilon`; one number, or one each for rows and columns. `Infinity` holds a side to its weights.
   * With `tv` mass moves where it costs less than 2ρ. Default 1.
   */
  rho?: number | readonly [rows: number, columns: number];
  /** `relative` (default): `epsilon` and `rho` are fractions of the largest cost; `absolute`: they have the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /**
   * What the entropy is relative to: `product` (default), ε KL(P | a⊗b), where the solution hardly depends on how finely the points sample
   * a mass; or `counting`, ε Σ P (log P − 1), as in `sinkhorn` and POT's `sinkhorn_unbalanced`. It matters, because the total mass is free.
   */
  reference?: "product" | "counting";
  /** Iterations (both potentials renewed once) before giving up. Default 10,000. */
  maxIterations?: number;
  /** Stops once {@linkcode UnbalancedResult.marginalError} is below this part of the mean of the two totals. Default 1e-5. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement. */
  onProgress?: (progress: SinkhornProgress) => void;
}

/** What {@linkcode unbalanced} found. */
export interface UnbalancedResult extends Freeable {
  /** Transport cost ⟨P, C⟩. */
  readonly cost: number;
  /** ⟨P, C⟩, the entropy and both penalties. */
  readonly primal: number;
  /** The dual value at the potentials: no plan is cheaper, up to rounding. */
  readonly dual: number;
  /** primal − dual; summed point by point (Fenchel and Young), so that it has its digits. */
  readonly gap: number;
  /**
   * The dual value as a tensor of one number, to differentiate by points, cost matrix, weights and (the largest cost counting as a constant) `epsilon`: its
   * derivative is that at fixed potentials, exact at the solution. Not twice.
   */
  readonly value: Tensor;
  /** Total mass of the plan. */
  readonly mass: number;
  /** The plan's row sums `[n]` and column sums `[m]`. */
  readonly masses: [rows: Tensor, columns: Tensor];
  /** Dual potentials f `[n]` and g `[m]`; −∞ for points that take no part. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** The plan as an operator `[n, m]`: α_i β_j exp((f_i + g_j − C_ij)/ε), with α⊗β the reference. */
  readonly plan: LinearOperator;
  /** ε in the cost's unit. */
  readonly epsilon: number;
  /** ρ of both sides in the cost's unit. */
  readonly rho: [rows: number, columns: number];
  /** Iterations done. */
  readonly iterations: number;
  /** Whether `marginalError` went below the tolerance. */
  readonly converged: boolean;
  /** L1 distance of the row sums from those that the potentials ask for (a e^(−f/ρ) for KL), measured; the columns' is 0 up to rounding. */
  readonly marginalError: number;
  /** Every measurement. */
  readonly history: readonly SinkhornProgress[];
}

/**
 * Unbalanced entropic transport: marginals may differ from the weights, at a price,
 *
 *   min ⟨P, C⟩ + ε KL(P | α⊗β) + ρ_a D(P·1 | a) + ρ_b D(Pᵀ·1 | b)  over P ≥ 0,
 *
 * with D the Kullback–Leibler divergence or total variation. Scaling iterations in the log domain, streaming over pairs as `sinkhorn` does; the
 * constant that may be moved between the potentials is set to its best after each, without which iterations for large ρ/ε are slow.
 * Sources: Chizat, Peyré, Schmitzer and Vialard (2018); Séjourné, Feydy, Vialard, Trouvé and Peyré, "Sinkhorn Divergences for Unbalanced
 * Optimal Transport" (2019); the constant: Séjourné, Vialard and Peyré, "Faster Unbalanced Optimal Transport" (2022), section 3.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, ε ≤ 0, ρ ≤ 0, and totals that differ where both are held.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([0, 1, 100]), y = gpu.tensor([0.1, 1.1]); // one outlier
 * const { masses, gap } = await transport.unbalanced(x, y, {
 *   cost: "(x[i] - y[j])^2", penalty: "tv", rho: 1, epsilon: 0.01, epsilonScale: "absolute", a: [1, 1, 1], b: [1, 1],
 * });
 * console.log((await masses[0].array()).map((m: number) => m.toFixed(2)), gap < 1e-4); // ["1.00", "1.00", "0.00"] true
 * ```
 */
export function unbalanced(x: Tensor, y: Tensor, options?: UnbalancedOptions): Promise<UnbalancedResult>;
/** The same for a cost matrix `[n, m]`. */
export function unbalanced(costMatrix: Tensor, options?: Omit<UnbalancedOptions, "cost">): Promise<UnbalancedResult>;
export async function unbalanced(
  x: Tensor,
  second?: Tensor | UnbalancedOptions,
  third?: UnbalancedOptions,
): Promise<UnbalancedResult> {
  const { y, options } = readArguments<UnbalancedOptions>(second, third);
  requireProblem(x, y, options.cost);
  const { kind, rhos, reference, tolerance, maxIterations } = requireUnbalanced(options);
  await Promise.all([requireFinite(y ? "x" : "the cost matrix", x), y && requireFinite("y", y)]);
  const strength = options.epsilon === undefined ? undefined : await numberOf("epsilon", options.epsilon);
  const live = await liveCost(x, y, options.cost), owned = [...live.owned];
  const keep = <T extends Tensor>(t: T): T => {
    owned.push(t);
    return t;
  };
  try {
    const constants = stopGradient(live.tensors), bare = live.geometryOf(constants);
    for (const t of Object.values(constants)) keep(t);
    const { n, m } = bare;
    // Each side by itself: the totals may differ.
    const [{ a }, { b }] = await Promise.all([
      prepareWeights(options.a, undefined, n, m),
      prepareWeights(undefined, options.b, n, m),
    ]);
    const totals = [sum(a), sum(b)];
    if (rhos[0] === Infinity && rhos[1] === Infinity && Math.abs(totals[0] - totals[1]) > 1e-5 * totals[0]) {
      throw new RangeError(
        `Expected weights of one sum where rho is Infinity on both sides, got ${totals.join(" and ")}`,
      );
    }
    const largest = await largestCost(bare), epsilon = absoluteEpsilon({ ...options, epsilon: strength }, largest);
    const unit = (options.epsilonScale ?? "relative") === "relative" && largest > 0 ? largest : 1;
    const side = (weights: Float64Array, rho: number): UnbalancedSide => {
      const penalty: MarginalPenalty = { kind, rho: rho * unit };
      const takesPart = (w: number) => w > 0 || (reference === "counting" && kind === "tv" && rho < Infinity);
      const l = weights.map((w) => reference === "product" && w > 0 ? Math.log(w) : 0);
      return {
        penalty,
        weights,
        logReference: l,
        a: keep(tensorLike(x, weights)),
        l: keep(tensorLike(x, l)),
        live: keep(tensorLike(x, weights.map((w) => takesPart(w) ? 1 : 0))),
      };
    };
    const rows = side(a, rhos[0]), columns = side(b, rhos[1]);
    const scale = (totals[0] + totals[1]) / 2, { signal, onProgress } = options;
    const settings = { epsilon, largest, maxIterations, target: tolerance * scale, signal, onProgress };
    const state = await iterateUnbalanced(bare, rows, columns, settings);
    const { f, g } = state;
    for (const t of [f.coarse, f.fine, g.coarse, g.fine]) keep(t);
    const masses: [Tensor, Tensor] = [bare.marginal("rows", f, g, epsilon), bare.marginal("columns", f, g, epsilon)];
    for (const t of masses) keep(t);
    using costs = bare.rowCost(f, g, epsilon);
    const [r, c, perRow] = await Promise.all([...masses, costs].map((t) => t.data()));
    const value = (h: ArrayLike<number>, p: ArrayLike<number>, { logReference: l }: UnbalancedSide) =>
      Float64Array.from(l, (l, k) => h[k] === -Infinity ? -Infinity : h[k] + epsilon * (p[k] - l));
    const [F, p, G, q] = await Promise.all([f.coarse, f.fine, g.coarse, g.fine].map((t) => t.data()));
    const fs = value(F, p, rows), gs = value(G, q, columns);
    const cost = sum(perRow), mass = sum(r);
    // ε KL(P | α⊗β) without its constant is ⟨P·1, f⟩ + ⟨Pᵀ·1, g⟩ − ⟨P, C⟩ − ε ΣP; the rest of primal and dual is by points.
    let gap = 0,
      penalties = 0,
      dual = -epsilon * mass + (reference === "product" ? epsilon * totals[0] * totals[1] : 0);
    for (const [s, v, potential] of [[rows, r, fs], [columns, c, gs]] as const) {
      potential.forEach((h, k) => {
        const [primalPart, dualPart] = penaltyParts(s.penalty, v[k], s.weights[k], h === -Infinity ? 0 : h);
        if (h === -Infinity) {
          // No mass, whatever the potential: for TV and weight 0 both parts are 0.
          return;
        }
        gap += v[k] * h + primalPart - dualPart;
        penalties += primalPart;
        dual += dualPart;
      });
    }
    if (!state.converged) {
      console.warn(
        `unbalanced stopped after ${state.iterations} iterations with a marginal error of ${
          state.error.toExponential(1)
        }: try more maxIterations, a larger epsilon or tolerance`,
      );
    }
    const potentials: [Tensor, Tensor] = [keep(tensorLike(x, fs)), keep(tensorLike(x, gs))];
    const given = [options.a, options.b].map((w, k) => w instanceof Tensor ? w : [rows, columns][k].a);
    const problem: Problem = {
      cost: live.tensors,
      geometryOf: live.geometryOf,
      ...{ a: given[0], b: given[1] },
      epsilon: options.epsilon instanceof Tensor ? options.epsilon : epsilon,
    };
    // The entropy's term is what is left of the primal value.
    const slope = keep(tensorLike(x, Float64Array.of((dual + gap - cost - penalties) / (strength ?? 0.01)), []));
    const held = { f: potentials[0], g: potentials[1], F: f.coarse, p: f.fine, G: g.coarse, q: g.fine, slope };
    const number = keep(tensorLike(x, Float64Array.of(dual), [])), product = reference === "product";
    await joinValue("unbalanced", number, tensorsOf(problem), held, (inputs, held) => {
      const own = withTensors(problem, inputs);
      const value = dualTensor(own, [rows, columns], held, epsilon, product);
      return own.epsilon instanceof Tensor ? value.add(own.epsilon.reshape([]).mul(held.slope)) : value;
    });
    const plan = bare.plan(f, g, epsilon), pair: [number, number] = [rows.penalty.rho, columns.penalty.rho];
    const fields = {
      ...{ cost, primal: dual + gap, dual, gap, mass, masses, potentials, plan, epsilon, rho: pair },
      value: number,
      iterations: state.iterations,
      converged: state.converged,
      marginalError: state.error,
      history: state.history,
    };
    return asResult("UnbalancedResult", fields, [
      ["transport cost ⟨P, C⟩", cost.toPrecision(6)],
      ["mass", mass.toPrecision(6)],
      ["primal − dual", gap.toExponential(1)],
      ["marginal error (L1)", state.error.toExponential(1)],
      ["iterations", `${state.iterations}${state.converged ? "" : " (not converged)"}`],
      ["ε, ρ", `${epsilon.toPrecision(4)}, ${pair.map((v) => v.toPrecision(4)).join(" and ")}`],
    ], [plan, ...owned]);
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
}

/** The dual value at fixed potentials and ε, as a function of the cost's tensors and of the weights. */
function dualTensor(
  { a, b, cost, geometryOf }: Problem,
  sides: readonly [UnbalancedSide, UnbalancedSide],
  { f, g, F, p, G, q }: Tensors,
  epsilon: number,
  product: boolean,
): Tensor {
  // The reference moves with the weights.
  const fine = (p: Tensor, w: Tensor, { logReference }: UnbalancedSide) =>
    product ? Tensor.map("w > 0 ? p - l + log(w) : 0", { w, p, l: tensorLike(p, logReference) }) : p;
  const mass = geometryOf(cost)
    .marginal("rows", { coarse: F, fine: fine(p, a, sides[0]) }, { coarse: G, fine: fine(q, b, sides[1]) }, epsilon)
    .sum();
  const part = (a: Tensor, h: Tensor, { penalty }: UnbalancedSide) => {
    const { perRho, rho } = penaltyInputs(penalty, epsilon);
    return Tensor.reduce("sum", DUAL_PART[penalty.kind], { a, h, perRho, rho });
  };
  return Tensor.map("s + t - eps * (mass - k * u * v)", {
    ...{ s: part(a, f, sides[0]), t: part(b, g, sides[1]), eps: epsilon, mass },
    ...{ k: product ? 1 : 0, u: a.sum(), v: b.sum() },
  });
}

function requireUnbalanced(options: UnbalancedOptions) {
  const { penalty: kind = "kl", rho = 1, reference = "product", tolerance = 1e-5, maxIterations = 10_000 } = options;
  if (kind !== "kl" && kind !== "tv") {
    throw new TypeError(`Expected "penalty" to be "kl" or "tv", got ${JSON.stringify(kind)}`);
  }
  if (reference !== "product" && reference !== "counting") {
    throw new TypeError(`Expected "reference" to be "product" or "counting", got ${JSON.stringify(reference)}`);
  }
  const rhos = typeof rho === "number" ? [rho, rho] : rho;
  if (rhos.length !== 2 || !rhos.every((r) => typeof r === "number" && r > 0)) {
    throw new RangeError(`Expected "rho" to be positive (one number, or two), got ${rho}`);
  }
  requirePositiveNumber("tolerance", tolerance);
  requireCount("maxIterations", maxIterations);
  return { kind, rhos, reference, tolerance, maxIterations };
}

async function largestCost(geometry: Geometry): Promise<number> {
  if (geometry.n === 0 || geometry.m === 0) {
    throw new RangeError(
      `Cannot transport between ${geometry.n} and ${geometry.m} points: both sides need at least one`,
    );
  }
  using perRow = geometry.maxCost();
  let largest = -Infinity;
  (await perRow.data()).forEach((c, i) => {
    if (!Number.isFinite(c)) throw new RangeError(`Expected finite costs, got ${c} in row ${i}`);
    largest = Math.max(largest, c);
  });
  return largest;
}

function sum(v: ArrayLike<number>): number {
  let s = 0;
  for (let k = 0; k < v.length; k++) s += v[k];
  return s;
}
