import { Tensor } from "../../tensor/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import type { AscentProgress } from "./ascend.ts";
import type { Cost } from "./cost.ts";
import { joinValue } from "./envelope.ts";
import { absoluteEpsilon, asResult, type Freeable, numberOf, readArguments } from "./host_problem.ts";
import { requireCount, requirePositiveNumber, tensorLike } from "./host_problem.ts";
import { readCost } from "./matrix_cost.ts";
import { type Problem, tensorsOf, withTensors } from "./problem.ts";
import { maximizeSparseDual } from "./sparse_dual.ts";
import { sparsePlan } from "./sparse_plan.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/** Options of {@linkcode sparseTransport}. */
export interface SparseTransportOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /**
   * Strength γ of the term γ/2 ‖P‖², in units that `epsilonScale` says, per unit of mass; a tensor of one number to differentiate by it (largest
   * cost and total mass count as constants). Default 0.1.
   */
  gamma?: number | Tensor;
  /** `relative` (default): `gamma` is a fraction of the largest cost; `absolute`: it has the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /** At most so many entries per column; default n, no limit: quadratic regularization. */
  k?: number;
  /** Steps before giving up. Default 1000. */
  maxIterations?: number;
  /** Stops once the marginal error is below this fraction of the total mass. Default 1e-6. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (progress: AscentProgress) => void;
}

/** What {@linkcode sparseTransport} found. */
export interface SparseTransportResult extends Freeable {
  /** Transport cost ⟨P, C⟩. */
  readonly cost: number;
  /** ⟨P, C⟩ + γ/2 ‖P‖² of the plan; it is the price of a plan for the weights only as far as `marginalError` is 0. */
  readonly primal: number;
  /** The semi-dual value: no plan for the weights with at most k entries per column is cheaper, up to rounding. */
  readonly dual: number;
  /** primal − dual = −⟨f, a − P·1⟩: 0 where the marginals are met, and of either sign. */
  readonly gap: number;
  /**
   * The dual value as a tensor of one number, to differentiate by points, cost matrix, weights (with the total held) and `gamma`: by the cost its
   * derivative is the relaxed plan. For k < n it is refused where that misses the weights.
   */
  readonly value: Tensor;
  /** The plan, sparse, with exact column sums and at most k entries per column. */
  readonly plan: LinearOperator;
  /**
   * The plan of the semi-dual's convex hull, whose columns are means of columns with at most k entries: it proves the dual value to be the largest as
   * far as `relaxedError` is 0. The plan itself, unless columns have ties.
   */
  readonly relaxed: LinearOperator;
  /** ‖relaxed·1 − a‖₁. */
  readonly relaxedError: number;
  /** Potential f `[n]` of the rows; 0 where a weight is zero. */
  readonly potential: Tensor;
  /** γ in the cost's unit. */
  readonly gamma: number;
  /** Entries of each column. */
  readonly nnzPerColumn: Uint32Array;
  /** ‖P·1 − a‖₁, measured. Where the k-th and next candidates of a column tie, no such plan may have the weights: it stays above 0. */
  readonly marginalError: number;
  /** Steps done. */
  readonly iterations: number;
  /** Whether `marginalError` went below the tolerance. */
  readonly converged: boolean;
  /** Every step. */
  readonly history: readonly AscentProgress[];
}

/**
 * Transport with quadratic regularization, and with at most k entries in each column of the plan:
 *
 *   min ⟨P, C⟩ + γ/2 ‖P‖²  over P ≥ 0 with P·1 = a, Pᵀ·1 = b, ‖P_j‖₀ ≤ k,
 *
 * by its semi-dual max_f ⟨f, a⟩ − Σ_j max_t {⟨t, f − C_j⟩ − γ/2 |t|²} over columns t of mass b_j with at most k entries: the inner maximum is exact
 * (the k best, projected on the simplex), the outer one by L-BFGS and at kinks a
 * bundle method, in f64 on the host. k = n is quadratic regularization with a plan that is sparse
 * by itself, k = 1 the unregularized semi-dual. For 1 < k < n the dual is that of the convex hull: its plan may miss the row weights, which
 * `marginalError` says, where `relaxed` has them. Sources: Blondel, Seguy and Rolet, "Smooth and Sparse Optimal Transport" (2018); Liu, Puigcerver and Blondel,
 * "Sparsity-Constrained Optimal Transport" (2023), sections 3 and 4.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, γ ≤ 0, k outside 1…n.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([20, 2], { seed: 1 }), y = gpu.random.normal([30, 2], { seed: 2 });
 * using result = await transport.sparseTransport(x, y, { k: 4 });
 * console.log(result.nnzPerColumn.every((count) => count <= 4)); // true
 * ```
 */
export function sparseTransport(x: Tensor, y: Tensor, options?: SparseTransportOptions): Promise<SparseTransportResult>;
/** The same for a cost matrix `[n, m]`. */
export function sparseTransport(
  costMatrix: Tensor,
  options?: Omit<SparseTransportOptions, "cost">,
): Promise<SparseTransportResult>;
export async function sparseTransport(
  x: Tensor,
  second?: Tensor | SparseTransportOptions,
  third?: SparseTransportOptions,
): Promise<SparseTransportResult> {
  const { y, options } = readArguments<SparseTransportOptions>(second, third);
  const { owned, tensor, live, n, m, C, largest } = await readCost(x, y, options.cost);
  const keep = (t: Tensor): Tensor => {
    owned.push(t);
    return t;
  };
  try {
    const { a, b, total } = await prepareWeights(options.a, options.b, n, m);
    const { gamma: given = 0.1, epsilonScale } = options, strength = await numberOf("gamma", given);
    requirePositiveNumber("gamma", strength);
    const gamma = absoluteEpsilon({ epsilon: strength, epsilonScale }, largest) / total;
    const k = requireCount("k", options.k ?? n);
    if (k > n) throw new RangeError(`Expected "k" of at most ${n} rows, got ${k}`);
    const target = requirePositiveNumber("tolerance", options.tolerance ?? 1e-6) * total;
    const maxIterations = requireCount("maxIterations", options.maxIterations ?? 1000);
    const { signal, onProgress } = options;
    const found = await maximizeSparseDual({ n, m, C, a, b, gamma, k }, { target, maxIterations, signal, onProgress });
    const { entries, mean, meanError: relaxedError, counts: nnzPerColumn } = found, sums = new Float64Array(n);
    let cost = 0, square = 0;
    for (const { row, column, value } of entries) {
      cost += value * C[row * m + column];
      square += value * value;
      sums[row] += value;
    }
    const marginalError = sums.reduce((e, v, i) => e + Math.abs(v - a[i]), 0), converged = marginalError <= target;
    const primal = cost + gamma / 2 * square, dual = found.value, iterations = found.history.length;
    if (!converged) {
      console.warn(
        `sparseTransport stopped after ${iterations} iterations with a marginal error of ${
          marginalError.toExponential(1)
        }: try ${iterations < maxIterations ? "" : "more maxIterations, "}a larger gamma or k`,
      );
    }
    const f = tensorLike(tensor, found.f), plan = sparsePlan(tensor, [n, m], entries);
    const relaxed = sparsePlan(tensor, [n, m], mean);
    const value = tensorLike(tensor, Float64Array.of(dual), []);
    const problem: Problem = {
      cost: live.tensors,
      geometryOf: live.geometryOf,
      ...weightTensors(options.a, options.b, { a, b }, tensor, keep),
      epsilon: given instanceof Tensor ? given : gamma,
    };
    const places = {
      rows: Uint32Array.from(mean, (e) => e.row),
      columns: Uint32Array.from(mean, (e) => e.column),
    };
    const solution = {
      f: keep(tensorLike(tensor, found.alpha)),
      g: keep(tensorLike(tensor, found.beta)),
      mass: keep(tensorLike(tensor, Float64Array.from(mean, (e) => e.value))),
      // By the given γ, whose unit is a constant.
      slope: keep(tensorLike(tensor, Float64Array.of(found.halfSquare * gamma / strength), [])),
    };
    await joinValue("sparseTransport", value, tensorsOf(problem), solution, (inputs, { f, g, mass, slope }, wanted) => {
      if (k < n && relaxedError > target) {
        throw new RangeError(
          `"sparseTransport" has no derivative here: its relaxed plan misses the weights by ${
            relaxedError.toExponential(1)
          }, try more maxIterations or a larger gamma or k`,
        );
      }
      const { a, b, cost, epsilon } = withTensors(problem, inputs), terms = [a.mul(f).sum(), b.mul(g).sum()];
      if ([...wanted].some((name) => name.startsWith("cost."))) terms.push(live.planCostOf(cost, places, mass));
      if (epsilon instanceof Tensor) terms.push(epsilon.reshape([]).mul(slope));
      return terms.reduce((s, t) => s.add(t));
    });
    const fields = {
      ...{
        cost,
        primal,
        dual,
        gap: primal - dual,
        value,
        plan,
        relaxed,
        relaxedError,
        potential: f,
        gamma,
        nnzPerColumn,
        marginalError,
      },
      ...{ iterations, converged, history: found.history },
    };
    return asResult("SparseTransportResult", fields, [
      ["transport cost ⟨P, C⟩", cost.toPrecision(6)],
      ["primal − dual", (primal - dual).toExponential(1)],
      ["marginal error (L1)", marginalError.toExponential(1)],
      ...(relaxedError < marginalError ? [["relaxed plan's", relaxedError.toExponential(1)] as [string, string]] : []),
      ["iterations", `${iterations}${converged ? "" : " (not converged)"}`],
      ["γ", gamma.toPrecision(4)],
      ["plan", `${n} × ${m}, ${entries.length} entries, at most ${Math.max(...nnzPerColumn)} per column`],
    ], [plan, relaxed, f, value]);
  } finally {
    // The result keeps no cost.
    for (const t of owned) t.dispose();
  }
}
