import type { Tensor } from "../../tensor/mod.ts";
import { type Cost, prepareCost } from "./cost.ts";
import { ExactResult } from "./exact_result.ts";
import { solveStored, solveStreamed } from "./exact_solve.ts";
import { hostCosts, hostMatrix } from "./host_cost.ts";
import { readArguments } from "./host_problem.ts";
import { joinPlan } from "./plan_value.ts";
import { requireOptions } from "./sinkhorn_input.ts";
import { prepareWeights, type Weights, withWeight } from "./weights.ts";

/** Costs up to which `auto` stores them: 512 MiB in f64. */
const STORED = 2 ** 26;

/** Options of {@linkcode exact}. */
export interface ExactOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /**
   * `stored`: all costs in memory, 8nm bytes. `streamed`, for points: only those that matter; the device looks over all pairs for them, again and
   * again, and the host once in the end. `auto` (default): streamed from 2²⁶ costs between points on.
   */
  costs?: "auto" | "stored" | "streamed";
  /** Pivots before giving up. Default 1,000 (n + m); random problems take some 10 (n + m). */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called some 25 times per second. */
  onProgress?: (progress: { iteration: number }) => void;
}

/**
 * Optimal transport between two weighted point clouds, or for a cost matrix, without regularization:
 *
 *   min ⟨P, C⟩  over P ≥ 0 with P·1 = a, Pᵀ·1 = b,
 *
 * solved by the network simplex method on the host, in f64: costs from points are computed in f64 by the formula, and masses are moved in
 * whole units, without rounding. The result proves itself: its potentials satisfy f_i + g_j ≤ C_ij and their value equals the plan's cost. Larger
 * problems between points take memory O(n + m) only, see `costs`. Sources: Ahuja, Magnanti and Orlin, "Network Flows" (1993), chapter 11;
 * Bonneel, van de Panne, Paris and Heidrich, "Displacement interpolation using Lagrangian mass transport" (2011).
 *
 * `value` can be differentiated, at the plan and potentials found: by the cost its derivative is P, by the weights f and g. Where several plans or
 * potentials are optimal that is one of several (sub)derivatives.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, more than 2²⁸ stored costs.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0, 0], [1, 0]]), y = gpu.tensor([[1, 1], [0, 1]]);
 * using result = await transport.exact(x, y);
 * console.log(result.cost, result.gap, result.converged); // 1 0 true
 * console.log(await result.plan.toDense().array()); // [[0, 0.5], [0.5, 0]]
 * ```
 */
export function exact(x: Tensor, y: Tensor, options?: ExactOptions): Promise<ExactResult>;
/** Optimal transport for a cost matrix `[n, m]`. */
export function exact(costMatrix: Tensor, options?: Omit<ExactOptions, "cost">): Promise<ExactResult>;
export async function exact(
  x: Tensor,
  second?: Tensor | ExactOptions,
  third?: ExactOptions,
): Promise<ExactResult> {
  const { y, options } = readArguments<ExactOptions>(second, third), { cost, signal, onProgress } = options;
  const n = x.shape?.[0] ?? 0, m = y ? y.shape[0] : x.shape?.[1] ?? 0;
  const { maxIterations } = requireOptions(x, y, {
    cost,
    maxIterations: options.maxIterations ?? Math.max(1, 1000 * (n + m)),
  });
  const weights = await prepareWeights(options.a, options.b, n, m);
  const { costs = "auto" } = options;
  if (!["auto", "stored", "streamed"].includes(costs)) {
    throw new TypeError(`Expected "costs" to be "auto", "stored" or "streamed", got ${JSON.stringify(costs)}`);
  }
  if (costs === "streamed" && !y) throw new TypeError('Costs are "streamed" between points: a cost matrix is stored');
  const streamed = y !== undefined && (costs === "streamed" || (costs === "auto" && n * m > STORED));
  const prepared = y && await prepareCost(x, y, cost ?? "sqeuclidean");
  const owned: Tensor[] = [...prepared?.owned ?? []];
  try {
    const host = y && prepared
      ? await hostCosts(x, y, prepared, { onSphere: cost === "greatcircle", streamed })
      : await hostMatrix(x);
    const { a, b } = weights;
    const problem = { cost: host, a, b, rows: withWeight(a), columns: withWeight(b) };
    const settings = { maxIterations, signal, onProgress };
    const { certificate, iterations, optimal } = y && prepared && streamed
      ? await solveStreamed(problem, prepared, { x, y, cost }, settings)
      : await solveStored(problem, settings);
    const converged = optimal && certificate.gap <= certificate.rounding;
    if (!converged) {
      console.warn(
        optimal
          ? `exact found a plan within ${
            certificate.gap.toExponential(1)
          } of the optimum, more than rounding explains: ` +
            "try costs of more equal size"
          : `exact stopped after ${iterations} pivots with a plan within ${certificate.gap.toExponential(1)} of the ` +
            "optimum: try more maxIterations",
      );
    }
    const solution = await joinPlan("exact", certificate, { x, prepared, weights, a: options.a, b: options.b });
    const { value, potentials, plan } = solution;
    return new ExactResult(certificate, { value, potentials, plan, iterations, converged }, [
      ...owned,
      ...solution.owned,
    ]);
  } catch (error) {
    for (const tensor of owned) tensor.dispose();
    throw error;
  }
}
