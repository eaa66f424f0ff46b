import type { LinearOperator } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { joinSolution, unrolled } from "./differentiate.ts";
import { type Geometry, matrixGeometry } from "./geometry.ts";
import { numberOf, readArguments } from "./host_problem.ts";
import { liveCost, liveFormula } from "./live_cost.ts";
import { type OperatorCost, readCostOperator } from "./operator_cost.ts";
import type { Problem } from "./problem.ts";
import { quantumOf } from "./renew_potential.ts";
import { requireFinite, requireOperatorOptions, requireOptions } from "./sinkhorn_input.ts";
import { chooseForm, requireForm, type SinkhornForm } from "./sinkhorn_form.ts";
import { costUnit, requireCarried } from "./sinkhorn_limits.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import { SinkhornResult } from "./sinkhorn_result.ts";
import { solveInStages } from "./sinkhorn_solve.ts";
import { iterateSymmetric } from "./symmetric_iterations.ts";
import { readStart, splitPotential, type StartPotential } from "./sinkhorn_start.ts";
import { prepareWeights, requirePositive, type Weights, weightTensors } from "./weights.ts";

/** Costs that are not negative. */
const NONNEGATIVE: readonly unknown[] = ["sqeuclidean", "euclidean", "greatcircle"];

/** Options of {@linkcode sinkhorn}. */
export interface SinkhornOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** Regularization ε, in units that `epsilonScale` says; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
  /**
   * `relative` (default): `epsilon` is a fraction of the largest cost, which counts as a constant where it is differentiated.
   * `absolute`: it has the cost's unit.
   */
  epsilonScale?: "relative" | "absolute";
  /**
   * How the iterations see the cost; see {@linkcode SinkhornForm}. Default `auto`: on the host's processors (the CPU device, or
   * beside a software adapter) `kernel` up to 16 million pairs (64 MB in f32, and the costs as many), else `streaming` for points (`stored` for few points of many coordinates, on an adapter) and `stored` for a cost matrix.
   */
  form?: SinkhornForm | "auto";
  /**
   * Potentials `[f, g]` to start from, such as those of a similar problem or a larger ε; f follows from g in the first half-step.
   * Default 0.
   */
  potentials?: readonly [f: StartPotential, g: StartPotential];
  /**
   * Solves in stages, each from the potentials of the one before: from ε = the largest cost down by this factor, between 0 and 1, to
   * `epsilon`. All stages count in `iterations`. Default: no stages. Source: Schmitzer (2019), section 3.2.
   */
  epsilonScaling?: number;
  /** Iterations (both potentials renewed once) before giving up. Default 10,000. */
  maxIterations?: number;
  /** Stops once the marginal error is below this; see {@linkcode SinkhornResult.marginalError}. Default 1e-5 of the total mass. */
  tolerance?: number;
  /**
   * How the solution is differentiated: `implicit` (default), by the conditions that it satisfies, in memory O(n + m); or `unrolled`, through
   * plain iterations (slower, and memory grows with their number), to compare. See {@linkcode SinkhornResult.value}.
   */
  differentiate?: "implicit" | "unrolled";
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement of the marginal error. */
  onProgress?: (progress: SinkhornProgress) => void;
}

/**
 * Entropic optimal transport between two weighted point clouds, or for a cost matrix:
 *
 *   min ⟨P, C⟩ − ε H(P)  over P ≥ 0 with P·1 = a, Pᵀ·1 = b,  H(P) = −Σ P (log P − 1),
 *
 * whose solution is P_ij = exp((f_i + g_j − C_ij)/ε). Sinkhorn's iterations in one of several forms (`form`), all with
 * potentials as their result, so that no ε is too small for the iterations to be run. For many points nothing of size n×m is ever stored: memory is O(n + m). Source: Cuturi, "Sinkhorn Distances" (2013); Peyré and Cuturi, "Computational
 * Optimal Transport" (2019), sections 4.1 to 4.4.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or the cost as a matrix `[n, m]` or an operator if `y` is left out: operators of low rank and of
 * pairwise formulas, and their multiples, transposes and sums, stream as points do; others of up to 16 million entries are stored.
 * @param y Points `[m, d]` (or `[m]`).
 * @returns Cost ⟨P, C⟩, dual value, potentials `[f, g]`, the plan as an operator, and what was reached; see {@linkcode SinkhornResult}.
 * Where points, weights, the cost matrix or `epsilon` are being differentiated (by `grad`, `vjp`, `jvp`), its tensors are.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, ε ≤ 0 and ε that the dtype cannot carry (in f32 below
 * 8e-6 of the largest cost), naming the smallest that it can.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0, 0], [1, 0]]), y = gpu.tensor([[0, 1], [1, 1]]);
 * const { cost, converged } = await transport.sinkhorn(x, y, { epsilon: 0.05 });
 * console.log(cost.toFixed(3), converged); // 1.000 true
 * ```
 */
export function sinkhorn(x: Tensor, y: Tensor, options?: SinkhornOptions): Promise<SinkhornResult>;
/** Entropic optimal transport for a cost matrix or a cost operator `[n, m]`. */
export function sinkhorn(
  cost: Tensor | LinearOperator,
  options?: Omit<SinkhornOptions, "cost">,
): Promise<SinkhornResult>;
export async function sinkhorn(
  x: Tensor | LinearOperator,
  second?: Tensor | SinkhornOptions,
  third?: SinkhornOptions,
): Promise<SinkhornResult> {
  const { y, options } = readArguments<SinkhornOptions>(second, third);
  return await solveEntropic(x, y, options);
}

/** As {@linkcode sinkhorn}; `symmetric` if the points and weights of both sides are the same. */
export async function solveEntropic(
  source: Tensor | LinearOperator,
  y: Tensor | undefined,
  options: SinkhornOptions,
  symmetric = false,
): Promise<SinkhornResult> {
  const regularization = options.epsilon && await numberOf("epsilon", options.epsilon);
  const plain = { ...options, epsilon: regularization };
  const operator = isOperator(source) ? source : undefined;
  const settings = operator ? requireOperatorOptions(y, plain) : requireOptions(source as Tensor, y, plain);
  options.signal?.throwIfAborted();
  const read = operator && readCostOperator(operator), x = read?.like ?? source as Tensor;
  const owned = [...read?.owned ?? []];
  const keep = <T extends Tensor>(t: T): T => {
    owned.push(t);
    return t;
  };
  try {
    const live = read?.prepared ? liveFormula(read.prepared) : await liveCost(x, y, options.cost);
    const { prepared, tensors: cost, geometryOf } = live;
    if (!read) owned.push(...live.owned);
    requireForm(options.form ?? "auto", prepared !== undefined, settings.unrolled);
    // The iterations take constants: the solution is joined to its tensors afterwards.
    const constants = stopGradient(cost), bare = geometryOf(constants);
    for (const t of Object.values(constants)) keep(t);
    const [weights, { largest, magnitude }] = await Promise.all([
      prepareWeights(options.a, options.b, bare.n, bare.m),
      largestCost(
        bare,
        givenTensors(x, y, read),
        y !== undefined && NONNEGATIVE.includes(options.cost ?? "sqeuclidean"),
      ),
    ]);
    const unit = costUnit(settings.relative, largest), epsilon = settings.epsilon * unit;
    requireCarried(epsilon, magnitude, x.dtype, unit);
    const { signal, onProgress } = options, all = { ...settings, epsilon, largest: magnitude, signal, onProgress };
    const rounding = {
      magnitude,
      signed: largest < magnitude || !prepared || read !== undefined,
      roundings: roundingsOf(prepared ? x : undefined),
    };
    const problem: Problem = {
      cost,
      geometryOf,
      ...weightTensors(options.a, options.b, weights, x, keep),
      epsilon: options.epsilon instanceof Tensor ? keep(options.epsilon.mul(unit)) : epsilon,
    };
    if (settings.unrolled) {
      requirePositive(weights);
      const target = settings.tolerance * weights.total;
      const { iterations, error, ...joined } = await unrolled(problem, { ...all, target });
      const state = {
        ...joined,
        form: prepared ? "streaming" as const : "stored" as const,
        rounding,
        iterations,
        error,
        converged: error <= target,
        history: [{ iteration: iterations, error }],
      };
      return await SinkhornResult.from(bare, state, weights, problem, owned, (value) => {
        value.dispose();
        return Promise.resolve(joined);
      });
    }
    const given = options.potentials && await readStart(options.potentials, bare.n, bare.m, weights.b);
    const form = options.form === undefined || options.form === "auto"
      ? chooseForm({ n: bare.n, m: bare.m, dimension: prepared ? x.shape[1] ?? 1 : undefined, device: x.device })
      : options.form;
    // What the iterations read: a cost matrix that is stored for them if it was not given.
    using matrix = prepared && form === "stored" ? bare.costs() : undefined;
    const start = given && splitPotential(given, epsilon, quantumOf(magnitude, epsilon), x);
    const stored = matrix ? matrixGeometry(matrix) : bare;
    const found = symmetric
      ? await iterateSymmetric(stored, weights, x, all)
      : await solveInStages(form, stored, weights, x, all, options.epsilonScaling, start);
    const state = { ...found, form, rounding };
    return await SinkhornResult.from(
      bare,
      state,
      weights,
      problem,
      owned,
      (value) => joinSolution(problem, state, value),
    );
  } catch (error) {
    for (const tensor of owned) tensor.dispose();
    throw error;
  }
}

function isOperator(source: Tensor | LinearOperator): source is LinearOperator {
  return !(source instanceof Tensor) && typeof source?.applyTransposed === "function";
}

/** What must be finite, by name. */
function givenTensors(x: Tensor, y: Tensor | undefined, read: OperatorCost | undefined): [string, Tensor][] {
  if (y) return [["x", x], ["y", y]];
  if (!read?.prepared) return [["the cost matrix", x]];
  const parts = Object.values(read.prepared.inputs).filter((v) => v instanceof Tensor);
  return parts.map((v) => ["what the cost operator is made of", v]);
}

/** The largest cost and the largest of their absolute values; refuses points and costs that are not finite. */
async function largestCost(
  geometry: Geometry,
  given: readonly [name: string, t: Tensor][],
  nonnegative: boolean,
): Promise<{ largest: number; magnitude: number }> {
  using perRow = geometry.maxCost();
  using absolute = nonnegative ? undefined : geometry.maxCost(true);
  const [rows, sizes] = await Promise.all([
    perRow.data(),
    absolute?.data(),
    ...given.map(([name, t]) => requireFinite(name, t)),
  ]);
  let largest = -Infinity, magnitude = -Infinity;
  rows.forEach((c, i) => {
    const size = sizes ? sizes[i] : c;
    if (!Number.isFinite(c)) throw new RangeError(`Expected finite costs, got ${c} in row ${i}`);
    if (!Number.isFinite(size)) throw new RangeError(`Expected finite costs, got ${-size} in row ${i}`);
    if (c > largest) largest = c;
    if (size > magnitude) magnitude = size;
  });
  return { largest, magnitude };
}

/** Roundings in a cost of points (squares of differences and their sum, or a few functions), or in a stored one. */
function roundingsOf(x: Tensor | undefined): number {
  return x ? 8 + (x.shape[1] ?? 1) : 1;
}
