import { Tensor } from "../../tensor/mod.ts";
import type { LogFactors } from "./factor_projection.ts";
import { descend, type Descent, freeDescent, type LowRankProgress, type PlanObjective } from "./low_rank_descent.ts";
import { numberOf } from "./host_problem.ts";
import { type LowRankFields, measurePlan } from "./low_rank_result.ts";
import { randomStart } from "./smooth_start.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of the low-rank solvers. */
export interface LowRankOptions {
  /** Rank r of the plan: at least 1, at most n and m. Default 10, or the smaller side if that is less. */
  rank?: number;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** Entropic regularization of the factors, in the cost's unit; a tensor of one number to differentiate by it. Default 0: none. */
  epsilon?: number | Tensor;
  /** Largest step of the mirror descent over the largest element of the gradient. Default 10. */
  step?: number;
  /** Least element of g, relative to the total mass over r. Default 1e-5. */
  floor?: number;
  /** Steps from each start before giving up. Default 500. */
  maxIterations?: number;
  /** Stops once {@linkcode LowRankResult.stationarity} is below this. Default 1e-5. */
  tolerance?: number;
  /** Error of the row sums of Q and R, relative to the total mass, up to which they are projected. Default 1e-5. */
  marginalTolerance?: number;
  /** Random starts, of which the best is kept. The problem is not convex. Default 1. */
  starts?: number;
  /** Seed of the starts. Default 0. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (progress: LowRankProgress) => void;
}

/** Refuses options that make no sense; fills in the rest. */
export function requireLowRank(
  options: Omit<LowRankOptions, "epsilon"> & { epsilon?: number },
  n: number,
  m: number,
):
  & { epsilon: number }
  & Required<
    Pick<
      LowRankOptions,
      "rank" | "step" | "floor" | "maxIterations" | "tolerance" | "marginalTolerance" | "starts" | "seed"
    >
  > {
  const { epsilon = 0, step = 10, floor = 1e-5, tolerance = 1e-5, marginalTolerance = 1e-5, seed = 0 } = options;
  const { rank = Math.max(1, Math.min(10, n, m)), maxIterations = 500, starts = 1 } = options;
  if (!(epsilon >= 0 && epsilon < Infinity)) throw new RangeError(`Expected "epsilon" to be 0 or more, got ${epsilon}`);
  for (const [name, value] of Object.entries({ step, floor, tolerance, marginalTolerance })) {
    if (!(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
    }
  }
  if (floor > 1) throw new RangeError(`Expected "floor" to be at most 1, got ${floor}`);
  for (const [name, value] of Object.entries({ rank, maxIterations, starts })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Expected "${name}" to be a whole number from 1, got ${value}`);
    }
  }
  if (n > 0 && m > 0 && rank > Math.min(n, m)) {
    throw new RangeError(`Expected "rank" to be at most the smaller side of [${n}, ${m}], got ${rank}`);
  }
  return { rank, epsilon, step, floor, maxIterations, tolerance, marginalTolerance, starts, seed };
}

/**
 * Descends from every start and keeps the best.
 *
 * @param more.offset Added to the objective wherever it is told: what does not depend on the plan. Default 0.
 * @param more.random Logarithms of the factors of the start of a number, to be projected. Default: smooth random functions and normal numbers.
 */
export async function solveLowRank(
  name: string,
  like: Tensor,
  [n, m]: readonly [number, number],
  options: LowRankOptions,
  objective: PlanObjective,
  more: { offset?: number; random?: (rank: number, number: number) => LogFactors | Promise<LogFactors> } = {},
): Promise<Omit<LowRankFields, "cost" | "value"> & Pick<Descent, "duals" | "rate">> {
  const epsilon = await numberOf("epsilon", options.epsilon ?? 0);
  const settings = requireLowRank({ ...options, epsilon }, n, m), { seed } = settings, { offset = 0 } = more;
  const weights = await prepareWeights(options.a, options.b, n, m);
  const { total } = weights, owned: Tensor[] = [];
  const column = (w: Float64Array) => {
    const data = like.dtype === "f64" ? Float64Array.from(w) : Float32Array.from(w);
    const t = Tensor.of(like.device, data, [w.length, 1], like.dtype);
    owned.push(t);
    return t;
  };
  try {
    const a = column(weights.a), b = column(weights.b);
    const logA = column(weights.a.map(Math.log)), logB = column(weights.b.map(Math.log));
    const random = more.random ??
      ((rank: number, number: number) => randomStart(objective, { a, b, total }, rank, { seed, number }));
    const logFloor = Math.log(settings.floor * total / settings.rank);
    const target = settings.marginalTolerance * total;
    const { signal } = options;
    const told = (progress: LowRankProgress) => ({ ...progress, objective: progress.objective + offset });
    const onProgress = options.onProgress && ((progress: LowRankProgress) => options.onProgress!(told(progress)));
    let best: Descent | undefined;
    const reached: number[] = [];
    for (let k = 0; k < settings.starts; k++) {
      const start = await random(settings.rank, k);
      try {
        const all = { ...settings, host: weights, a, b, logA, logB, logFloor, target, total, signal, onProgress };
        const found = await descend(start, objective, all);
        reached.push(found.objective + offset);
        const better = !best || found.objective < best.objective;
        const worse = better ? best : found;
        if (better) best = found;
        if (worse) freeDescent(worse);
      } catch (error) {
        if (best) freeDescent(best);
        throw error;
      } finally {
        for (const t of Object.values(start) as Tensor[]) t.dispose();
      }
    }
    using flatA = a.reshape([n]);
    using flatB = b.reshape([m]);
    return {
      ...best!,
      ...await measurePlan(name, best!, { a: flatA, b: flatB }),
      objective: best!.objective + offset,
      history: best!.history.map(told),
      starts: reached,
    };
  } finally {
    for (const t of owned) t.dispose();
  }
}

/** What `build` makes of a solution; frees the multipliers in the end, and the rest as well if it fails. */
export async function finishLowRank<F extends Awaited<ReturnType<typeof solveLowRank>>, R>(
  found: F,
  build: (found: F) => Promise<R>,
): Promise<R> {
  try {
    return await build(found);
  } catch (error) {
    found.plan.dispose();
    for (const t of Object.values(found.factors)) t.dispose();
    throw error;
  } finally {
    for (const t of Object.values(found.duals) as Tensor[]) t.dispose();
  }
}
