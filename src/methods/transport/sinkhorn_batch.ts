import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { batchCost, batchTotals, batchWeights } from "./batch_input.ts";
import { iterateScaled, newTrack } from "./scaling_iterations.ts";
import { ScalingState } from "./scaling_state.ts";
import { SinkhornBatchResult } from "./sinkhorn_batch_result.ts";
import { requireNumbers } from "./sinkhorn_input.ts";
import { costUnit, requireCarried } from "./sinkhorn_limits.ts";

/** Weights of the points of many problems: `[B, n]`, or `[n]` for all. */
export type BatchWeights = Tensor | readonly number[] | readonly (readonly number[])[] | Float32Array | Float64Array;

/** One measurement of a batch. */
export interface SinkhornBatchProgress {
  /** Problems that are done. */
  done: number;
  /** All problems. */
  count: number;
  /** Largest L1 error of a row marginal among the problems just measured. */
  error: number;
}

/** Options of {@linkcode sinkhornBatch}. */
export interface SinkhornBatchOptions {
  /** Cost between points, `sqeuclidean` (default) or `euclidean`. Not used with cost matrices. */
  cost?: "sqeuclidean" | "euclidean";
  /** Weights of the rows, `[B, n]` or `[n]`, zero or more; default equal. */
  a?: BatchWeights;
  /** Weights of the columns, `[B, m]` or `[m]`, of the same sum as `a` in each problem; default equal. */
  b?: BatchWeights;
  /** Regularization ε, in units that `epsilonScale` says. Default 0.01. */
  epsilon?: number;
  /** `relative` (default): `epsilon` is a fraction of each problem's largest cost. `absolute`: it has the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /** Iterations before a problem is given up. Default 10,000. */
  maxIterations?: number;
  /** A problem is done once its L1 marginal error is below this fraction of its total mass. Default 1e-5. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement. */
  onProgress?: (progress: SinkhornBatchProgress) => void;
}

/**
 * Entropic optimal transport for many small problems of one size at once: `B` pairs of point clouds, or `B` cost matrices. Each problem stops by
 * itself. The problem and its solution are those of `sinkhorn`; the iterations scale stored plans, many in a call of the
 * op `planScaling`, and fall back to the log domain where that leaves the range of the dtype, so any ε goes. Problems of different sizes: fill up with points of weight 0.
 *
 * Source: Cuturi, "Sinkhorn Distances" (2013), section 4 (many problems as products of matrices); Schmitzer, "Stabilized Sparse Scaling Algorithms for Entropy
 * Regularized Transport Problems" (2019), section 3 (absorption).
 *
 * @param x Points `[B, n, d]`, or cost matrices `[B, n, m]` if `y` is left out.
 * @param y Points `[B, m, d]`.
 * @returns For each problem its cost, dual value, potentials and what was reached; see {@linkcode SinkhornBatchResult}.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, ε ≤ 0 and ε that the dtype cannot carry.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.uniform([100, 16, 2], { seed: 1 }), y = gpu.random.uniform([100, 20, 2], { seed: 2 });
 * using result = await transport.sinkhornBatch(x, y, { epsilon: 0.1 });
 * console.log(result.cost.length, result.converged.every((done) => done)); // 100 true
 * ```
 */
export function sinkhornBatch(x: Tensor, y: Tensor, options?: SinkhornBatchOptions): Promise<SinkhornBatchResult>;
/** The same for cost matrices `[B, n, m]`. */
export function sinkhornBatch(
  costMatrices: Tensor,
  options?: Omit<SinkhornBatchOptions, "cost">,
): Promise<SinkhornBatchResult>;
export async function sinkhornBatch(
  x: Tensor,
  second?: Tensor | SinkhornBatchOptions,
  third?: SinkhornBatchOptions,
): Promise<SinkhornBatchResult> {
  const y = second instanceof Tensor ? second : undefined;
  const options = (y ? third : second as SinkhornBatchOptions | undefined) ?? {};
  const settings = requireNumbers(options);
  options.signal?.throwIfAborted();
  const { C: tracked, owned } = await batchCost(x, y, options.cost);
  const C = stopGradient(tracked);
  try {
    const [B, n, m] = C.shape;
    if (n === 0 || m === 0) {
      throw new RangeError(`Cannot transport between ${n} and ${m} points: both sides need at least one`);
    }
    const [a, b] = await Promise.all([
      batchWeights("a", options.a, B, n),
      batchWeights("b", options.b, B, m),
    ]);
    const totals = batchTotals(a, b, B, { a: options.a !== undefined, b: options.b !== undefined });
    const { largest, magnitude } = await largestCosts(C, y !== undefined);
    const epsilons = Float64Array.from(largest, (c, k) => {
      const unit = costUnit(settings.relative, c, ` of problem ${k}`);
      requireCarried(settings.epsilon * unit, magnitude[k], C.dtype, unit);
      return settings.epsilon * unit;
    });
    const state = new ScalingState(C, a, b, epsilons, magnitude);
    const tracks = Array.from({ length: B }, (_, k) => newTrack(k));
    if (B > 0) await state.start();
    await iterateScaled(state, tracks, totals.map((t) => t * settings.tolerance), {
      maxIterations: settings.maxIterations,
      signal: options.signal,
      measured: (some) =>
        options.onProgress?.({
          done: B - tracks.filter((t) => !t.converged && t.iterations < settings.maxIterations).length,
          count: B,
          error: some.reduce((most, { error }) => Math.max(most, error), 0),
        }),
    });
    return SinkhornBatchResult.from(tracked, owned, state, tracks, options);
  } catch (error) {
    if (owned) tracked.dispose();
    throw error;
  } finally {
    C.dispose();
  }
}

/** The largest cost of each problem, and the largest of their absolute values. */
async function largestCosts(
  C: Tensor,
  nonnegative: boolean,
): Promise<{ largest: ArrayLike<number>; magnitude: ArrayLike<number> }> {
  using most = C.max([1, 2]);
  using size = nonnegative ? undefined : Tensor.reduce("max", "abs(C)", { C }, [1, 2]);
  const [largest, sizes] = await Promise.all([most.data(), size?.data()]), magnitude = sizes ?? largest;
  const bad = magnitude.findIndex((c) => !Number.isFinite(c));
  if (bad >= 0) throw new RangeError(`Expected finite costs, got ${magnitude[bad]} in problem ${bad}`);
  return { largest, magnitude };
}
