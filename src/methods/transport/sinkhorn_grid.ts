import { Tensor } from "../../tensor/mod.ts";
import { joinSolution } from "./differentiate.ts";
import { type AxisCost, axisCosts, type GridCost, requireSpacing } from "./grid_cost.ts";
import { gridGeometry, magnitudeOf } from "./grid_geometry.ts";
import { matrixGeometry } from "./geometry.ts";
import { type GridAxes, gridAxes, storeAxes } from "./grid_sums.ts";
import { productGeometry, takesProducts } from "./grid_products.ts";
import { numberOf } from "./host_problem.ts";
import type { Problem } from "./problem.ts";
import { quantumOf } from "./renew_potential.ts";
import type { SinkhornOptions } from "./sinkhorn.ts";
import { requireStages } from "./sinkhorn_input.ts";
import { chooseForm } from "./sinkhorn_form.ts";
import { costUnit, requireCarried } from "./sinkhorn_limits.ts";
import { iterate, type IterationSettings } from "./sinkhorn_iterations.ts";
import { SinkhornResult } from "./sinkhorn_result.ts";
import { inStages, solveInStages } from "./sinkhorn_solve.ts";
import { readStart, splitPotential, type StartPotential } from "./sinkhorn_start.ts";
import { prepareWeights, weightTensors } from "./weights.ts";

/** Options of {@linkcode sinkhornGrid}. */
export interface SinkhornGridOptions extends
  Pick<
    SinkhornOptions,
    | "epsilon"
    | "epsilonScale"
    | "potentials"
    | "epsilonScaling"
    | "maxIterations"
    | "tolerance"
    | "signal"
    | "onProgress"
  > {
  /** Cost between cells, a sum over the axes; default `sqeuclidean`. */
  cost?: GridCost;
  /** Distance between neighbors on the grid, one for all axes or one per axis; default 1. */
  spacing?: number | readonly number[];
  /**
   * `separable`: sums go axis by axis, and nothing of size N × N is stored. `kernel`: as of `sinkhorn`, with costs and plan stored; a host does an
   * iteration on a few cells in one call. Default `auto`: `kernel` up to some 1,400 cells where the host computes, else `separable`.
   */
  form?: "separable" | "kernel" | "auto";
}

/** Pairs of cells up to which a host scales a stored plan in less time than the calls of sums along axes take. */
const STORED_PAIRS = 2 ** 21;

/**
 * Entropic optimal transport between two histograms on one regular grid, for costs that are a sum over its axes: the problem of {@linkcode sinkhorn},
 * with sums over N cells that go axis by axis. On a grid of s × s cells an iteration takes time O(s³) instead of O(s⁴), and nothing of
 * size N × N is stored, but on small grids (`form`). Where ε carries it (the largest cost on an axis is at most 64 ε in f32, 640 ε in f64) an iteration is products with
 * the axes' kernels, else sums of exponentials. The factor of over-relaxation is chosen from the decay, as there. Source: Solomon et al.,
 * "Convolutional Wasserstein Distances" (2015), section 3; Peyré and Cuturi, "Computational Optimal Transport" (2019), remark 4.17.
 *
 * @param a Masses `[s]`, `[s, t]`, `[s, t, u]` or of more axes, zero or more.
 * @param b Masses of the same shape and sum.
 * @returns As of {@linkcode sinkhorn}, with potentials in the grid's shape; the plan is an operator between all cells, in row-major order, whose
 * products take as long as a half-step. `value`, and what is made of potentials and plan, can be differentiated by `a`, `b` and
 * `epsilon`, with memory O(N) beside that of the form.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN, infinite or negative masses, totals that differ, infinite costs, ε ≤ 0 and ε that the dtype cannot carry.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[1, 0, 0], [0, 0, 0]]), b = gpu.tensor([[0, 0, 0], [0, 0, 1]]);
 * const { cost, potentials } = await transport.sinkhornGrid(a, b, { cost: "cityblock", spacing: [1, 0.5] });
 * console.log(cost.toFixed(3), potentials[0].shape); // 2.000 [2, 3]
 * ```
 */
export async function sinkhornGrid(
  a: Tensor,
  b: Tensor,
  options: SinkhornGridOptions = {},
): Promise<SinkhornResult> {
  const { signal, onProgress, epsilonScaling, potentials } = options;
  const number = options.epsilon && await numberOf("epsilon", options.epsilon);
  const settings = requireStages({ ...options, epsilon: number }), shape = requireHistograms(a, b);
  const form = options.form ?? "auto";
  if (form !== "auto" && form !== "separable" && form !== "kernel") {
    throw new TypeError(`Expected "form" to be "auto", "separable" or "kernel", got ${JSON.stringify(form)}`);
  }
  signal?.throwIfAborted();
  const cells = shape.reduce((n, s) => n * s, 1);
  if (cells === 0) throw new RangeError(`Expected a grid with at least one cell, got [${shape.join(", ")}]`);
  const costs = axisCosts(options.cost ?? "sqeuclidean", shape, requireSpacing(options.spacing, shape.length));
  const largest = costs.reduce((c, axis) => c + axis.largest, 0);
  const magnitude = magnitudeOf(costs);
  const unit = costUnit(settings.relative, largest), epsilon = settings.epsilon * unit;
  requireCarried(epsilon, magnitude, a.dtype, unit);
  const owned: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(part: T): T => {
    owned.push(part);
    return part;
  };
  try {
    const [left, right] = [a, b].map((t) => keep(t.reshape([cells])));
    const weights = await prepareWeights(left, right, cells, cells);
    const stored = storeAxes(a, costs), geometry = gridGeometry(a, costs, stored);
    Object.values(stored).forEach(keep);
    const problem: Problem = {
      cost: stored,
      geometryOf: (tensors) => gridGeometry(a, costs, tensors),
      ...weightTensors(left, right, weights, a, keep),
      epsilon: options.epsilon instanceof Tensor ? keep(options.epsilon.mul(unit)) : epsilon,
      shape,
    };
    const alongAxes = async (own: IterationSettings, start?: ReturnType<typeof splitPotential>) => {
      if (!takesProducts(costs, own.epsilon, a)) return await iterate(geometry, weights, a, own, start);
      const products = productGeometry(a, costs, own.epsilon);
      try {
        return await iterate(products, weights, a, own, start);
      } finally {
        products.dispose();
      }
    };
    const given = potentials && await readStart(flatten(potentials, shape, keep), cells, cells, weights.b);
    const start = given && splitPotential(given, epsilon, quantumOf(magnitude, epsilon), a);
    const all = { ...settings, epsilon, largest: magnitude, signal, onProgress };
    const few = cells ** 2 <= STORED_PAIRS &&
      chooseForm({ n: cells, m: cells, dimension: undefined, device: a.device }) === "kernel";
    const whole = form === "kernel" || (form === "auto" && few);
    using matrix = whole ? pairCosts(gridAxes(costs, stored)) : undefined;
    const found = matrix
      ? await solveInStages("kernel", matrixGeometry(matrix), weights, a, all, epsilonScaling, start)
      : await inStages(alongAxes, weights, a, all, epsilonScaling, start);
    const state = {
      ...found,
      form: whole ? "kernel" as const : "separable" as const,
      rounding: roundingOf(costs, epsilon, a),
    };
    return await SinkhornResult.from(
      geometry,
      state,
      weights,
      problem,
      owned,
      (value) => joinSolution(problem, state, value),
    );
  } catch (error) {
    for (const part of owned) part.dispose();
    throw error;
  }
}

/** The costs `[N, N]` of all pairs of cells, in row-major order. */
function pairCosts({ rows: [first, ...others] }: GridAxes): Tensor {
  let C = first.add(0);
  for (const axis of others) {
    const p = C.shape[0], s = axis.shape[0];
    using block = C.reshape([p, 1, p, 1]);
    using own = axis.reshape([1, s, 1, s]);
    using sum = Tensor.map("C + A", { C: block, A: own });
    void sum.value;
    C.dispose();
    C = sum.reshape([p * s, p * s]);
  }
  return C;
}

/** The shape of both. */
function requireHistograms(a: Tensor, b: Tensor): readonly number[] {
  for (const [name, t] of Object.entries({ a, b })) {
    if (!(t instanceof Tensor)) {
      throw new TypeError(`Expected "${name}" to be a tensor of masses, got ${t === null ? "null" : typeof t}`);
    }
    if (t.dtype !== "f32" && t.dtype !== "f64") throw new TypeError(`Expected "${name}" in f32 or f64, got ${t.dtype}`);
  }
  if (a.rank === 0 || a.shape.join() !== b.shape.join()) {
    throw new TypeError(
      `Expected histograms "a" and "b" on one grid, got [${a.shape.join(", ")}] and [${b.shape.join(", ")}]`,
    );
  }
  if (a.device !== b.device) throw new TypeError("Cannot transport between histograms on two devices");
  if (a.dtype !== b.dtype) throw new TypeError(`The histograms' dtypes differ: ${a.dtype} and ${b.dtype}`);
  return a.shape;
}

/** Potentials in the grid's shape as those of a list of cells. */
function flatten(
  potentials: readonly [f: StartPotential, g: StartPotential],
  shape: readonly number[],
  keep: (t: Tensor) => Tensor,
): readonly [f: StartPotential, g: StartPotential] {
  if (!Array.isArray(potentials)) return potentials;
  const flat = (t: StartPotential) =>
    t instanceof Tensor && t.shape.join() === shape.join() ? keep(t.reshape([t.size])) : t;
  return potentials.map(flat) as unknown as readonly [f: StartPotential, g: StartPotential];
}

/** What rounding does to the measured marginals; see `marginalRounding`. Products round in potentials and costs of any size. */
function roundingOf(costs: readonly AxisCost[], epsilon: number, like: Tensor) {
  const magnitude = magnitudeOf(costs), products = takesProducts(costs, epsilon, like);
  return { magnitude, signed: products || costs.some((c) => c.smallest < 0), roundings: 8 + costs.length };
}
