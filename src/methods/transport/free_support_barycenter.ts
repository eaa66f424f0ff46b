import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { requireLambda } from "./barycenter_input.ts";
import { type FreeBarycenterProgress, FreeBarycenterResult } from "./free_barycenter_result.ts";
import { freeBarycenterValue } from "./free_barycenter_value.ts";
import { numberOf } from "./host_problem.ts";
import { sinkhorn } from "./sinkhorn.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of {@linkcode freeSupportBarycenter}. */
export interface FreeBarycenterOptions {
  /** Masses of each measure's points, of one total; default equal. */
  masses?: readonly (Weights | undefined)[];
  /** Weights λ of the measures, zero or more; scaled to sum 1; a tensor to differentiate by them. Default equal. */
  weights?: readonly number[] | Tensor;
  /** Masses of the support's points, positive, `[m]`; default equal. */
  b?: Weights;
  /** Regularization ε as a fraction of the largest cost at the start; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
  /** Steps before giving up. Default 100. */
  maxIterations?: number;
  /** Stops once a step would move the support by less than this; see {@linkcode FreeBarycenterResult.movement}. Default 1e-3. */
  tolerance?: number;
  /** Marginal error of the plans, relative to the total mass. Default 1e-5. */
  marginalTolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (progress: FreeBarycenterProgress) => void;
}

/**
 * Wasserstein barycenter with m points wherever they lie best:
 *
 *   min Σ_k λ_k W_ε(X, Y_k)  over X `[m, d]` for given masses, squared distances and W_ε(X, Y) = min ⟨P, C⟩ − ε H(P).
 *
 * In turn the plans are solved for (streaming, {@linkcode sinkhorn}) and each point goes to the mean, by its plans and λ, of where its mass
 * goes: each lowers the objective. It is not convex: the result is a stationary point that depends on the start. A large ε pulls the points to
 * each other. Source: Cuturi and Doucet, "Fast Computation of Wasserstein Barycenters" (2014), algorithm 2 with θ = 1.
 *
 * @param measures Points of each measure, `[n_k, d]`.
 * @param start Points to start from, `[m, d]`. Points that coincide there stay together.
 * @throws {TypeError} on shapes that do not fit.
 * @throws {RangeError} on NaN or infinite points, negative masses or weights, totals that differ, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const y = gpu.tensor([[0, 0], [0, 1]]), z = gpu.tensor([[2, 0], [2, 1]]);
 * const { support } = await transport.freeSupportBarycenter([y, z], gpu.tensor([[0.5, 0.1], [0, 0.8]]));
 * const between = await support.array(); // near [[1, 0], [1, 1]]
 * ```
 */
export async function freeSupportBarycenter(
  measures: readonly Tensor[],
  start: Tensor,
  options: FreeBarycenterOptions = {},
): Promise<FreeBarycenterResult> {
  const { tolerance = 1e-3, marginalTolerance = 1e-5, maxIterations = 100, signal } = options;
  signal?.throwIfAborted();
  const relative = await numberOf("epsilon", options.epsilon ?? 0.01);
  const lambda = await requireInput(measures, start, options, { epsilon: relative, tolerance, marginalTolerance });
  if (!Number.isInteger(maxIterations) || maxIterations < 1) {
    throw new RangeError(`Expected "maxIterations" to be a whole number from 1, got ${maxIterations}`);
  }
  const m = start.shape[0];
  const checked = await prepareWeights(options.b, options.masses?.[0], m, measures[0].shape[0]);
  const at = checked.a.findIndex((w) => w === 0);
  if (at >= 0) throw new RangeError(`Expected positive masses "b" of the support, got 0 at ${at}`);
  const column = start.dtype === "f64" ? Float64Array.from(checked.a) : Float32Array.from(checked.a);
  using b = Tensor.of(start.device, column, [m, 1], start.dtype);
  const history: FreeBarycenterProgress[] = [];
  let X = stopGradient(start),
    transports: SinkhornResult[] = [],
    before: SinkhornResult[] = [],
    epsilon: number | undefined;
  try {
    for (let iteration = 1;; iteration++) {
      // The support moves little in the end: from the potentials of before, few iterations are left.
      before = transports;
      transports = [];
      if (epsilon === undefined) epsilon = relative * await largestCost(X, measures);
      for (const [k, y] of measures.entries()) {
        const masses = options.masses?.[k];
        transports.push(
          await sinkhorn(X, y, {
            potentials: before[k]?.potentials,
            a: checked.a,
            ...(masses === undefined ? {} : { b: masses }),
            epsilon,
            epsilonScale: "absolute",
            tolerance: marginalTolerance,
            signal,
          }),
        );
      }
      for (const t of before.splice(0)) t.dispose();
      const objective = transports.reduce((s, t, k) => s + lambda[k] * t.primal, 0);
      const images = transports.map((t, k) => {
        using sums = t.plan.apply(measures[k]);
        const image = Tensor.map("s * l / b", { s: sums, l: lambda[k], b });
        void image.value;
        return image;
      });
      const next = images.reduce((x, y) => {
        const sum = x.add(y);
        void sum.value;
        x.dispose();
        y.dispose();
        return sum;
      });
      using moved = Tensor.reduce("sum", "b * (x - y)^2", { b, x: next, y: X });
      const movement = Math.sqrt(await moved.item() / checked.total / (epsilon / relative));
      const progress = { iteration, objective, movement };
      history.push(progress);
      options.onProgress?.(progress);
      const still = movement <= tolerance;
      if (!still && iteration < maxIterations) {
        X.dispose();
        X = next;
        continue;
      }
      next.dispose();
      if (!still) {
        console.warn(
          `freeSupportBarycenter stopped after ${iteration} steps that still move it by ${
            movement.toExponential(1)
          }: ` +
            "try more maxIterations or a larger tolerance",
        );
      }
      const cost = transports.reduce((s, t, k) => s + lambda[k] * t.cost, 0);
      const converged = still && transports.every((t) => t.converged);
      const given = { ...options, unit: epsilon / relative };
      const value = await freeBarycenterValue(X, measures, transports, lambda, given);
      return new FreeBarycenterResult({
        support: X,
        value,
        transports,
        cost,
        objective,
        epsilon,
        movement,
        converged,
        history,
      });
    }
  } catch (error) {
    X.dispose();
    for (const t of [...before, ...transports]) t.dispose();
    throw error;
  }
}

async function requireInput(
  measures: readonly Tensor[],
  start: Tensor,
  options: FreeBarycenterOptions,
  positive: Record<string, number>,
): Promise<number[]> {
  if (!Array.isArray(measures) || measures.length === 0) {
    throw new TypeError('Expected "measures" to be one tensor or more');
  }
  const d = start?.shape?.[1];
  if (!(start instanceof Tensor) || start.rank !== 2) throw new TypeError('Expected "start" to be points [m, d]');
  for (const [k, y] of measures.entries()) {
    if (!(y instanceof Tensor) || y.rank !== 2 || y.shape[1] !== d) {
      throw new TypeError(
        `Expected measure ${k} to be points [n, ${d}], got ${
          y instanceof Tensor ? `[${y.shape.join(", ")}]` : typeof y
        }`,
      );
    }
  }
  if (options.masses && options.masses.length !== measures.length) {
    throw new TypeError(`Expected "masses" for ${measures.length} measures, got ${options.masses.length}`);
  }
  for (const [name, value] of Object.entries(positive)) {
    if (!(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
    }
  }
  const lambda = await requireLambda(options.weights, measures.length);
  await Promise.all([requireFinite("start", start), ...measures.map((y, k) => requireFinite(`measure ${k}`, y))]);
  return lambda;
}

/** The largest squared distance between the support and a measure, or 1 where that is 0. */
async function largestCost(X: Tensor, measures: readonly Tensor[]): Promise<number> {
  const all = await Promise.all(measures.map(async (y) => {
    using rows = Tensor.apply("pairwise", { x: X, y }, { reduction: "max", formula: "sqdist(x[i], y[j])" }).out;
    using most = rows.max();
    return await most.item();
  }));
  return Math.max(...all) || 1;
}
