import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { BarycenterResult } from "./barycenter_result.ts";
import { type BarycenterProgress, iterateBarycenter } from "./barycenter_iterations.ts";
import { requireDistributions, requireLambda } from "./barycenter_input.ts";
import { type JoinBarycenter, joinBarycenter } from "./barycenter_value.ts";
import type { Cost } from "./cost.ts";
import { matrixGeometry } from "./geometry.ts";
import { axisCosts, requireSpacing } from "./grid_cost.ts";
import { type BarycenterGeometry, gridGeometry } from "./grid_geometry.ts";
import { type IteratedGeometry, productGeometry, takesProducts } from "./grid_products.ts";
import { storeAxes } from "./grid_sums.ts";
import { numberOf } from "./host_problem.ts";
import { type LiveCost, liveCost } from "./live_cost.ts";
import { requireFinite, requireOptions } from "./sinkhorn_input.ts";
import { costUnit } from "./sinkhorn_limits.ts";

/** Options of {@linkcode barycenter}. */
export interface BarycenterOptions {
  /** Where the masses lie: points `[n, d]` (or `[n]`). Without points and cost matrix, distributions are those of a regular grid. */
  points?: Tensor;
  /** Where the barycenter may have mass, `[m, d]`; default `points`. */
  support?: Tensor;
  /** Cost between `points` and `support`; default `sqeuclidean`. */
  cost?: Cost;
  /** The cost itself, `[n, m]`, in the place of points. */
  costMatrix?: Tensor;
  /** Distance between neighbours on the grid, one for all axes or one per axis; default 1. The cost is the squared distance. */
  spacing?: number | readonly number[];
  /** Weights λ of the distributions, zero or more; scaled to sum 1; a tensor to differentiate by them. Default equal. */
  weights?: readonly number[] | Tensor;
  /** Regularization ε, in units that `epsilonScale` says; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
  /** `relative` (default): `epsilon` is a fraction of the largest cost. `absolute`: it has the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /** Iterations before giving up. Default 10,000. */
  maxIterations?: number;
  /** Stops once the marginal error is below this; see {@linkcode BarycenterResult.marginalError}. Default 1e-5 of the total mass. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement of the marginal error. */
  onProgress?: (progress: BarycenterProgress) => void;
}

/**
 * Entropic Wasserstein barycenter of distributions on a fixed support:
 *
 *   min Σ_k λ_k (⟨P_k, C⟩ − ε H(P_k))  over b and P_k ≥ 0 with P_k·1 = a_k, P_kᵀ·1 = b,  H(P) = −Σ P (log P − 1),
 *
 * by iterative Bregman projections in the log domain. On a grid the sums go axis by axis, as those of `sinkhornGrid`, and no plan is stored; between points they stream over
 * pairs; with a cost matrix that is read. The entropy blurs the barycenter by about √ε: that is the problem's, not the solver's. Source: Benamou,
 * Carlier, Cuturi, Nenna and Peyré, "Iterative Bregman Projections for Regularized Transportation Problems" (2015), section 3.2.
 *
 * @param distributions `[k, n]`; on a grid `[k, h, w]`, one axis or more: each of zero or more, all with one sum.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite input, negative masses or weights, totals that differ, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const two = gpu.tensor([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]);
 * const { barycenter } = await transport.barycenter(two, { epsilon: 0.005 });
 * console.log(Math.round((await barycenter.data())[2])); // 1: all mass halfway
 * ```
 */
export async function barycenter(distributions: Tensor, options: BarycenterOptions = {}): Promise<BarycenterResult> {
  const { points, costMatrix, signal } = options, { support = points } = options;
  signal?.throwIfAborted();
  requirePlaces(options);
  const { cost, epsilonScale, maxIterations: most, tolerance: within } = options;
  const strength = options.epsilon === undefined ? undefined : await numberOf("epsilon", options.epsilon);
  const given = { cost, epsilon: strength, epsilonScale, maxIterations: most, tolerance: within };
  using cells = Tensor.of(distributions.device, new Float32Array(1), [1, 1]);
  const { epsilon: wanted, relative, maxIterations, tolerance } = points
    ? requireOptions(points, support, given)
    : requireOptions(costMatrix ?? cells, undefined, given);
  const owned: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(part: T): T => {
    owned.push(part);
    return part;
  };
  const inputs: Tensor[] = [];
  try {
    let geometry: BarycenterGeometry, shape: readonly number[], live: LiveCost | undefined;
    let products: (epsilon: number) => IteratedGeometry | undefined = () => undefined;
    if (costMatrix) {
      await requireFinite("the cost matrix", costMatrix);
      live = await liveCost(costMatrix, undefined, undefined);
      const stored = matrixGeometry(keep(stopGradient(costMatrix)));
      // A stored plan's matrix goes with the result.
      const plan: typeof stored.plan = (f, g, epsilon) => {
        const made = stored.plan(f, g, epsilon);
        made.parts.forEach((part) => keep(part));
        return made;
      };
      geometry = { ...stored, plan };
      shape = [geometry.m];
    } else if (points && support) {
      await Promise.all([requireFinite("points", points), requireFinite("support", support)]);
      live = await liveCost(points, support, options.cost);
      for (const t of live.owned) keep(t);
      const constants = stopGradient(live.tensors);
      for (const t of Object.values(constants)) keep(t);
      geometry = live.geometryOf(constants);
      shape = [geometry.m];
    } else {
      shape = distributions.shape.slice(1);
      const spacing = requireSpacing(options.spacing, shape.length);
      const axes = axisCosts("sqeuclidean", shape, spacing), stored = storeAxes(distributions, axes);
      Object.values(stored).forEach(keep);
      geometry = gridGeometry(distributions, axes, stored);
      products = (epsilon) =>
        takesProducts(axes, epsilon, distributions) ? keep(productGeometry(distributions, axes, epsilon)) : undefined;
    }
    const masses = await requireDistributions(distributions, geometry.n);
    if (geometry.m === 0) throw new RangeError('Expected "support" to have at least one point, got none');
    const lambda = await requireLambda(options.weights, masses.length);
    using perRow = geometry.maxCost();
    using greatest = perRow.max();
    const largest = await greatest.item();
    if (!Number.isFinite(largest)) throw new RangeError(`Expected finite costs, got ${largest}`);
    const epsilon = wanted * costUnit(relative, largest);
    const { device, dtype } = distributions;
    for (const a of masses) {
      const data = dtype === "f64" ? Float64Array.from(a) : Float32Array.from(a);
      inputs.push(Tensor.of(device, data, [a.length], dtype));
    }
    const target = tolerance * masses[0].reduce((s, x) => s + x, 0);
    const settings = { epsilon, largest, maxIterations, target, signal, onProgress: options.onProgress };
    const state = await iterateBarycenter(products(epsilon) ?? geometry, inputs, lambda, settings);
    const join: JoinBarycenter = (value, parts) => {
      const { weights, epsilon: e } = options, unit = epsilon / wanted;
      return joinBarycenter(
        value,
        { distributions, weights, epsilon: e, unit, live },
        { masses, lambda, epsilon },
        parts,
      );
    };
    return await BarycenterResult.from(geometry, state, masses, lambda, epsilon, shape, owned, join);
  } catch (error) {
    for (const part of owned) part.dispose();
    throw error;
  } finally {
    for (const t of inputs) t.dispose();
  }
}

/** Refuses options for points beside a cost matrix, and for a grid beside either. */
function requirePlaces({ points, support, cost, costMatrix, spacing }: BarycenterOptions): void {
  if (costMatrix && (points || support || cost !== undefined)) {
    throw new TypeError('Expected either "costMatrix" or "points" with "support" and "cost", got both');
  }
  if (!points && (support || cost !== undefined)) throw new TypeError('"support" and "cost" need "points"');
  if (spacing !== undefined && (points || costMatrix)) throw new TypeError('"spacing" is for grids, without "points"');
}
