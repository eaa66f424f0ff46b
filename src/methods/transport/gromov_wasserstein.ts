import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Cost, prepareCost } from "./cost.ts";
import { descendGromov, type GromovDescent, type GromovForm, type GromovPlan } from "./gromov_descent.ts";
import { columnWeights, type Owned, requireFeatures, requireSpace } from "./gromov_input.ts";
import { type GromovProgress, GromovResult } from "./gromov_result.ts";
import { gromovPointsValue } from "./gromov_points_value.ts";
import { LOSSES, storedGromov } from "./gromov_stored.ts";
import { streamedGromov } from "./gromov_streamed.ts";
import { gromovValue } from "./gromov_value.ts";
import { numberOf } from "./host_problem.ts";
import type { SinkhornForm } from "./sinkhorn_form.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of {@linkcode gromovWasserstein}. */
export interface GromovOptions {
  /**
   * The cost within each space: x and y are then points, each in a space of its own. With `sqeuclidean` and the loss `square` nothing of size n×n
   * or m×m is made. Without it they are the distances themselves.
   */
  cost?: Cost;
  /** `square`: L(a, b) = (a − b)². `kl`: L(a, b) = a log(a/b) − a + b, for distances of 0 or more and C2 positive. Default `square`. */
  loss?: "square" | "kl";
  /** Weights of the first space, `[n]`; default equal. */
  a?: Weights;
  /** Weights of the second space, `[m]`, with the same sum; default equal. */
  b?: Weights;
  /**
   * Regularization ε in the unit of L; a tensor of one number to differentiate by it. Default 0.05 of the largest |gradient| at the product of the
   * weights.
   */
  epsilon?: number | Tensor;
  /**
   * A cost M between points of the two spaces to fuse with, `[n, m]`, or points `[n, k]` and `[m, k]` whose squared distances it is: the objective
   * is (1 − α)·distortion + α⟨P, M⟩.
   */
  features?: Tensor | readonly [Tensor, Tensor];
  /** α of `features`, from 0 to 1. Default 0.5. */
  alpha?: number;
  /** Steps from each start before giving up. Default 200. */
  maxIterations?: number;
  /** Stops once {@linkcode GromovResult.change} is below this. Default 1e-4. */
  tolerance?: number;
  /** Marginal error of the plans, relative to the total mass. Default 1e-5. */
  marginalTolerance?: number;
  /** Starts, of which the best is kept: the first is the product of the weights, the others are random. Default 1. */
  starts?: number;
  /** Seed of the random starts. Default 0. */
  seed?: number;
  /** How each step's transport problem is solved; see {@linkcode SinkhornOptions.form}. `streaming` needs points and nothing stored. Default `auto`. */
  form?: SinkhornForm | "auto";
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (progress: GromovProgress) => void;
}

/** What a value is joined to. */
type Found = Pick<GromovResult, "plan" | "transport" | "cost" | "objective">;

/**
 * Entropic Gromov–Wasserstein: a plan between two spaces of which only the distances within each are known,
 *
 *   min Σ L(C1_ik, C2_jl) P_ij P_kl − ε H(P)  over P ≥ 0 with P·1 = a, Pᵀ·1 = b,  H(P) = −Σ P (log P − 1),
 *
 * by steps that solve the entropic transport problem of the gradient at the last plan (projected gradients in Kullback–Leibler divergence), with a
 * proximal term ρ KL(P | P') where the objective would rise without. The problem is not convex: the result is a stationary point, which depends
 * on the start.
 *
 * For stored distances a step takes time O(n²m + nm²) and memory O(n² + m² + nm). For points with squared distances in d and e dimensions
 * (`cost: "sqeuclidean"`) a step is a Sinkhorn problem of min(d, e) + 1 coordinates and streams: time O(nm) per iteration and memory O(n + m), as
 * `sinkhorn` has them (below 16 million pairs its faster form stores one n×m kernel). Larger still: `lowRankGromovWasserstein`. Source: Peyré, Cuturi and Solomon, "Gromov–Wasserstein Averaging of Kernel
 * and Distance Matrices" (2016), sections 2.2 and 3.1; fused: Vayer, Chapel, Flamary, Tavenard and Courty (2019).
 *
 * @param x Distances (or similarities) within the first space, symmetric `[n, n]`; with a `cost`, points `[n, d]` (or `[n]` on a line).
 * @param y The same of the second, `[m, m]` or `[m, e]`.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite input, matrices that are not symmetric, negative weights, totals that differ, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const path = gpu.tensor([[0, 1, 3], [1, 0, 2], [3, 2, 0]]), turned = gpu.tensor([[0, 2, 3], [2, 0, 1], [3, 1, 0]]);
 * const { plan } = await transport.gromovWasserstein(path, turned, { epsilon: 0.05 });
 * const matched = await plan.toDense().argmax(1).array(); // [2, 1, 0]: the other way round
 * ```
 */
export async function gromovWasserstein(x: Tensor, y: Tensor, options: GromovOptions = {}): Promise<GromovResult> {
  const { signal, loss = "square", alpha = 0.5, seed = 0 } = options;
  signal?.throwIfAborted();
  const regularization = options.epsilon === undefined ? undefined : await numberOf("epsilon", options.epsilon);
  requireOptions({ ...options, epsilon: regularization });
  const owned: Owned = [],
    keep = <T extends Tensor>(t: T): T => {
      if (t !== x && t !== y) owned.push(t);
      return t;
    };
  let best: GromovDescent<GromovPlan> | undefined;
  try {
    const names = options.cost === undefined ? ["C1", "C2"] : ["x", "y"];
    const points = [x, y].map((space, k) => {
      const checked = requireSpace(names[k], space, options.cost);
      if (checked instanceof Tensor) return keep(checked);
      throw new TypeError(`Expected "${names[k]}" to be a tensor, got an operator`);
    });
    const shape: [number, number] = [x.shape[0], y.shape[0]];
    if (x.dtype !== y.dtype) throw new TypeError(`Expected both spaces of one dtype, got ${x.dtype} and ${y.dtype}`);
    if (x.device !== y.device) throw new TypeError("Cannot match spaces on two devices");
    const features = await requireFeatures(options.features, shape, x.dtype);
    const weights = await columnWeights(options, shape, x, owned),
      host = await prepareWeights(options.a, options.b, ...shape);
    const inner = {
      a: host.a,
      b: host.b,
      epsilonScale: "absolute" as const,
      tolerance: options.marginalTolerance ?? 1e-5,
      form: options.form,
      signal,
    };
    const constants = points.map((t) => keep(stopGradient(t))) as [Tensor, Tensor];
    const streamed = options.cost === "sqeuclidean" && loss === "square" && !(features instanceof Tensor);
    const { a, b } = options, share = features ? 1 - alpha : 1, given = { a, b, epsilon: options.epsilon };
    let form: GromovForm<GromovPlan>, value: (found: Found, at: number) => Promise<Tensor>;
    if (streamed) {
      for (const [k, t] of constants.entries()) await requireFinite(names[k], t);
      const fused = features && features.map((t) => keep(stopGradient(t))) as [Tensor, Tensor] | undefined;
      form = await streamedGromov(constants, weights, { features: fused, alpha }, seed, inner, owned);
      value = (found, at) =>
        gromovPointsValue(found, { ...given, points: [points[0], points[1]], features }, host, { share, at });
    } else {
      const spaces = await distances(constants, options.cost, owned);
      for (const [k, t] of spaces.entries()) await requireDistances(names[k], t, loss, k === 1);
      const M = features && await runScope(() => {
        const made = between(stopGradient(features));
        void made.value;
        return made;
      });
      if (M) keep(M);
      form = await storedGromov(spaces, loss, weights, { M, alpha }, seed, inner, owned);
      value = async (found, at) => {
        const [C1, C2] = await distances(points, options.cost, owned), live = features && keep(between(features));
        using plan = found.plan.toDense();
        const all = { ...given, C1, C2, features: live };
        return await gromovValue({ ...found, plan }, all, host, LOSSES[loss], { share, at });
      };
    }
    const epsilon = regularization ?? (0.05 * await form.largestSlope() || 1);
    const { total } = weights, { maxIterations = 200, tolerance = 1e-4, starts = 1, onProgress } = options;
    const reached: number[] = [], settings = { maxIterations, tolerance, total, signal, onProgress };
    for (let k = 0; k < starts; k++) {
      const found = await descendGromov(form, await form.start(k, epsilon), epsilon, settings);
      reached.push(found.objective);
      if (!best || found.objective < best.objective) {
        best?.found.dispose();
        best = found;
      } else found.found.dispose();
    }
    const { found, ...rest } = best!;
    if (!rest.converged) {
      console.warn(
        `gromovWasserstein stopped after ${rest.history.length} steps with a change of ${
          rest.change.toExponential(1)
        }: try more maxIterations, a larger epsilon or tolerance`,
      );
    }
    const { cost, plan } = found, solution = { cost, plan, transport: rest.transport, objective: rest.objective };
    const live = await value(solution, epsilon);
    return new GromovResult({ ...rest, cost, plan, value: live, epsilon, starts: reached }, [found]);
  } catch (error) {
    best?.found.dispose();
    throw error;
  } finally {
    for (const part of owned) part.dispose();
  }
}

/** The stored distances `[n, n]` within both spaces: of points, or the tensors themselves. */
async function distances(
  spaces: readonly Tensor[],
  cost: Cost | undefined,
  owned: Owned,
): Promise<[C1: Tensor, C2: Tensor]> {
  const found: Tensor[] = [];
  for (const space of spaces) {
    if (cost === undefined) found.push(space);
    else {
      const prepared = await prepareCost(space, space, cost);
      const C = Tensor.apply("pairMatrix", prepared.inputs, { formula: prepared.formula }).out;
      owned.push(...prepared.owned, C);
      found.push(C);
    }
  }
  return [found[0], found[1]];
}

/** The cost of features `[n, m]`: the matrix itself, or squared distances. */
function between(features: Tensor | readonly [Tensor, Tensor]): Tensor {
  if (features instanceof Tensor) return features.slice(null);
  const [x, y] = features;
  return Tensor.apply("pairMatrix", { x, y }, { formula: "sqdist(x[i], y[j])" }).out;
}

function requireOptions(options: GromovOptions & { epsilon?: number }): void {
  const { loss = "square", alpha = 0.5, maxIterations = 200, tolerance = 1e-4, marginalTolerance = 1e-5 } = options;
  const { starts = 1, epsilon = 1 } = options;
  if (!Object.hasOwn(LOSSES, loss)) {
    throw new TypeError(`Expected "loss" to be "square" or "kl", got ${JSON.stringify(loss)}`);
  }
  for (const [name, value] of Object.entries({ epsilon, tolerance, marginalTolerance })) {
    if (!(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
    }
  }
  for (const [name, value] of Object.entries({ maxIterations, starts })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Expected "${name}" to be a whole number from 1, got ${value}`);
    }
  }
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError(`Expected "alpha" from 0 to 1, got ${alpha}`);
}

/** Refuses distances that are not finite, not symmetric, or that the loss cannot take. */
async function requireDistances(name: string, C: Tensor, loss: string, positive: boolean): Promise<void> {
  await requireFinite(name, C);
  using turned = C.T;
  using off = Tensor.reduce("max", "abs(c - t) - 1e-5 * (abs(c) + abs(t))", { c: C, t: turned });
  if (await off.item() > 0) throw new RangeError(`Expected "${name}" to be symmetric`);
  if (loss !== "kl") return;
  using least = C.min();
  const low = await least.item();
  if (low < 0 || (positive && low === 0)) {
    throw new RangeError(
      `Expected "${name}" to be ${positive ? "positive" : "0 or more"} with loss "kl", got ${low}`,
    );
  }
}
