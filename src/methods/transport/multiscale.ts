import { Tensor } from "../../tensor/mod.ts";
import { type Cost, prepareCost, unitVectors } from "./cost.ts";
import { hostCosts } from "./host_cost.ts";
import { requireCount, requirePositiveNumber, requireProblem } from "./host_problem.ts";
import { requireBothSides } from "./level_cost.ts";
import { multiscalePdhg } from "./multiscale_pdhg.ts";
import { MultiscaleResult } from "./multiscale_result.ts";
import { isWithin, multiscaleSimplex } from "./multiscale_simplex.ts";
import { joinPlan } from "./plan_value.ts";
import { transportLevels } from "./transport_levels.ts";
import { canPrune, prunedRows } from "./pruned_rows.ts";
import { prepareWeights, type Weights, withWeight } from "./weights.ts";

/** Options of {@linkcode multiscale}. */
export interface MultiscaleOptions {
  /** Cost between points; default `sqeuclidean`. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** Stops once `primal − dual` is at most this part of the cost. Default 1e-6, with `pdhg` 1e-3. */
  tolerance?: number;
  /**
   * What solves the levels' problems on a list of arcs. `simplex` (default): the network simplex method on the host, to any tolerance. `pdhg`: a
   * first-order method on the device, whose iterations are a few products of sparse matrices; it takes thousands of them for a gap of 1e-3, and f32
   * ends somewhat below. On processors `simplex` is faster; `pdhg` is for devices with many, and for more points than the simplex method can take.
   */
  restricted?: "simplex" | "pdhg";
  /** Cells of either side at the coarsest level, at most. Its costs are all stored. Default 512. */
  coarsest?: number;
  /** Pivots, or iterations of `pdhg`, in all before giving up. Default 1,000 (n + m), or 20,000. */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called now and then; level 0 is the finest. */
  onProgress?: (progress: { iteration: number; level: number }) => void;
}

/** Most cells of the coarsest level: its costs are stored. */
const COARSEST = 4096;

/**
 * Optimal transport between large weighted point clouds without regularization, from coarse to fine:
 *
 *   min ⟨P, C⟩  over P ≥ 0 with P·1 = a, Pᵀ·1 = b.
 *
 * Both clouds are cut into cells, those into four, and so on down to the points. The coarsest problem is solved with all its costs. Each finer
 * one starts from the coarser plan and potentials, with the few arcs of small reduced cost, which the device finds by streaming over all pairs;
 * when those are solved it looks for more, until the gap between plan and potentials is below `tolerance`. In the end the host measures both
 * against every pair in f64 (of named costs in up to four dimensions, against those that a k-d tree does not rule out): the plan has the weights
 * as marginals, the potentials satisfy f_i + g_j ≤ C_ij, and no plan costs less than `dual`. Memory is O(n + m).
 *
 * It pays from some thousand points on, where `exact` (which stores the costs, and needs no points) begins to be slow. The costs should be those of a
 * distance: near points have near costs. Any others are solved as well, but the coarser levels do not help there.
 *
 * `value` can be differentiated as that of `exact`, at the plan and potentials found.
 *
 * Sources: Schmitzer (2016), "A sparse multiscale algorithm for dense optimal transport"; Gerber and Maggioni (2017), "Multiscale strategies for
 * computing optimal transport". With `pdhg` see `restricted`: Lu and Yang (2024), "Restarted Halpern PDHG for linear programming"; Applegate et
 * al. (2021), "Practical large-scale linear programming using primal-dual hybrid gradient"; the plan's marginals are put right as by Altschuler,
 * Weed and Rigollet (2017).
 *
 * @param x Points `[n, d]` (or `[n]` on a line).
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, options out of range.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.uniform([1000, 2], { seed: 1 }), y = gpu.random.uniform([1200, 2], { seed: 2 });
 * using result = await transport.multiscale(x, y, { cost: "euclidean", tolerance: 1e-4 });
 * console.log(result.converged, result.relativeGap < 1e-4); // true true
 * ```
 */
export async function multiscale(x: Tensor, y: Tensor, options: MultiscaleOptions = {}): Promise<MultiscaleResult> {
  const { cost, restricted = "simplex", signal, onProgress } = options;
  if (!(y instanceof Tensor)) {
    throw new TypeError(
      `Expected points x and y as tensors, got ${y === null ? "null" : typeof y}: a cost matrix has no points`,
    );
  }
  requireProblem(x, y, cost);
  if (restricted !== "simplex" && restricted !== "pdhg") {
    throw new TypeError(`Expected "restricted" to be "simplex" or "pdhg", got ${JSON.stringify(restricted)}`);
  }
  const simplex = restricted === "simplex", n = x.shape[0], m = y.shape[0];
  const tolerance = requirePositiveNumber("tolerance", options.tolerance ?? (simplex ? 1e-6 : 1e-3));
  const coarsest = requireCount("coarsest", options.coarsest ?? 512);
  if (coarsest > COARSEST) throw new RangeError(`Expected "coarsest" to be at most ${COARSEST}, got ${coarsest}`);
  const maxIterations = requireCount(
    "maxIterations",
    options.maxIterations ?? (simplex ? Math.max(1, 1000 * (n + m)) : 20_000),
  );
  signal?.throwIfAborted();
  const weights = await prepareWeights(options.a, options.b, n, m), { a, b } = weights;
  const prepared = await prepareCost(x, y, cost ?? "sqeuclidean");
  try {
    requireBothSides(prepared);
    const host = await hostCosts(x, y, prepared, { onSphere: cost === "greatcircle", streamed: true });
    const sphere = cost === "greatcircle", [X, Y] = await Promise.all([x.data(), y.data()]);
    const coordinates = {
      x: sphere ? unitVectors("x", X) : Float64Array.from(X),
      y: sphere ? unitVectors("y", Y) : Float64Array.from(Y),
      d: sphere ? 3 : x.shape[1] ?? 1,
    };
    const { d } = coordinates, name = cost ?? "sqeuclidean", byName = canPrune(name, d) ? name as string : undefined;
    const problem = {
      ...{ cost: host, a, b, rows: withWeight(a), columns: withWeight(b) },
      ...(byName ? { prunedRows: (g: Float64Array) => prunedRows(byName, host, coordinates, g) } : {}),
    };
    const levels = transportLevels(problem, coordinates, coarsest);
    signal?.throwIfAborted();
    const settings = { maxIterations, tolerance, signal, onProgress };
    const { certificate, iterations, history } = simplex
      ? await multiscaleSimplex(problem, prepared, levels, settings)
      : await multiscalePdhg(problem, prepared, levels, settings, { x, coordinates });
    const converged = isWithin(certificate, tolerance);
    if (!converged) {
      console.warn(
        `multiscale stopped after ${iterations} iterations with a plan within ${
          certificate.gap.toExponential(1)
        } of the ` +
          `optimum, ${(certificate.gap / Math.abs(certificate.primal)).toExponential(1)} of its cost: try ` +
          (simplex || iterations >= maxIterations ? "more maxIterations" : 'restricted: "simplex"'),
      );
    }
    const solution = await joinPlan("multiscale", certificate, { x, prepared, weights, a: options.a, b: options.b });
    const { value, potentials, plan } = solution;
    return new MultiscaleResult(certificate, { value, potentials, plan, iterations, converged, history }, [
      ...prepared.owned,
      ...solution.owned,
    ]);
  } catch (error) {
    for (const t of prepared.owned) t.dispose();
    throw error;
  }
}
