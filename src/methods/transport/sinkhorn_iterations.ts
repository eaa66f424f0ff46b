import { Tensor } from "../../tensor/mod.ts";
import type { Geometry, Potential, Side } from "./geometry.ts";
import { Relaxation } from "./relaxation.ts";
import {
  disposePotentials,
  FROM_LOG_SUM,
  FROM_MARGINAL,
  quantumOf,
  type Renewal,
  renewPotential,
} from "./renew_potential.ts";

/** One measurement of the marginal error. */
export interface SinkhornProgress {
  /** Iterations so far. */
  iteration: number;
  /** L1 error of the row marginal; the column marginal is exact after each iteration. */
  error: number;
}

/** Where the iterations ended. */
export interface SinkhornState {
  f: Potential;
  g: Potential;
  iterations: number;
  converged: boolean;
  /** Measured after `iterations`. */
  error: number;
  history: SinkhornProgress[];
  /** Row sums of the plan, and Σ_j P_ij C_ij, where they were measured with the error. */
  rows?: { mass: ArrayLike<number>; cost: ArrayLike<number> };
}

/** What the iterations go by. */
export interface IterationSettings {
  /** ε in the cost's unit. */
  epsilon: number;
  /** The largest cost. */
  largest: number;
  maxIterations: number;
  tolerance: number;
  signal?: AbortSignal;
  onProgress?: (progress: SinkhornProgress) => void;
  /** Called with the potentials after each measurement, to refuse them by throwing. */
  inspect?: (f: Potential, g: Potential) => Promise<void>;
}

/** Iterations by logsumexp before the cheaper form takes over. */
export const WARM_UP = 2;
/** Iterations between the first measurements. */
export const FIRST_CHECK = 10;

/**
 * Sinkhorn's iterations. The marginal error comes with the half-step that renews f: s is the row marginal of the plan before it.
 * Reading a number costs as much as many iterations, so the time of the next measurement is predicted from the error's decay.
 *
 * @param start The columns' potential to start from, taken over; default 0.
 */
export async function iterate(
  geometry: Pick<Geometry, "n" | "m" | "logSum" | "marginal">,
  weights: { a: Float64Array; b: Float64Array; total: number },
  like: Tensor,
  settings: IterationSettings,
  start?: Potential,
): Promise<SinkhornState> {
  const { epsilon, maxIterations, signal, onProgress } = settings;
  const { n, m } = geometry;
  const target = settings.tolerance * weights.total;
  using a = vectorLike(like, weights.a);
  using b = vectorLike(like, weights.b);
  const quantum = quantumOf(settings.largest, epsilon);
  let f = zeroPotential(like, n), g = start ?? zeroPotential(like, m);
  const renew = (side: Side, s: Tensor, by: Renewal, omega = 1): void => {
    const old = side === "rows" ? f : g, weight = side === "rows" ? a : b;
    const renewed = renewPotential(old, by, { a: weight, s, eps: epsilon, quantum, omega });
    if (side === "rows") f = renewed;
    else g = renewed;
    disposePotentials(old);
  };
  const halfStep = (side: Side, warm: boolean, omega = 1): void => {
    using s = warm ? geometry.logSum(side, side === "rows" ? g : f, epsilon) : geometry.marginal(side, f, g, epsilon);
    renew(side, s, warm ? FROM_LOG_SUM : FROM_MARGINAL, omega);
  };

  const history: SinkhornProgress[] = [];
  const relaxation = new Relaxation();
  let iteration = 0, next = Math.min(FIRST_CHECK, maxIterations);
  try {
    for (;;) {
      for (; iteration < next; iteration++) {
        halfStep("rows", iteration < WARM_UP, relaxation.omega);
        // A plain step before each measurement, so that the column marginal is exact then.
        halfStep("columns", iteration < WARM_UP, iteration + 1 < next ? relaxation.omega : 1);
      }
      using s = geometry.marginal("rows", f, g, epsilon);
      using difference = Tensor.reduce("sum", "abs(s - a)", { s, a });
      const error = await difference.item();
      const progress = { iteration, error };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      await settings.inspect?.(f, g);
      const converged = error <= target;
      if (converged || iteration >= maxIterations) return { f, g, iterations: iteration, converged, error, history };
      relaxation.learn(history);
      // The measurement is half an iteration: go on from it.
      renew("rows", s, FROM_MARGINAL, relaxation.omega);
      halfStep("columns", false, relaxation.omega);
      iteration++;
      next = Math.min(maxIterations, nextCheck(history, target));
    }
  } catch (error) {
    disposePotentials(f, g);
    throw error;
  }
}

/** Numbers of the dtype of `like`, f64 or else f32, on its device. */
export function vectorLike(like: Tensor, values: Float64Array): Tensor {
  return like.dtype === "f64"
    ? Tensor.of(like.device, Float64Array.from(values), [values.length], "f64")
    : Tensor.of(like.device, Float32Array.from(values), [values.length]);
}

/** A potential of zeros. */
export function zeroPotential(like: Tensor, count: number): Potential {
  const zeros = () => vectorLike(like, new Float64Array(count));
  return { coarse: zeros(), fine: zeros() };
}

/** When to measure next: where the decay of the last two measurements reaches the target, but at most as far again as so far. */
export function nextCheck(history: readonly SinkhornProgress[], target: number): number {
  const last = history[history.length - 1], before = history[history.length - 2];
  const soonest = last.iteration + FIRST_CHECK, latest = Math.max(soonest, Math.round(last.iteration * 1.5));
  if (!before || !(last.error < before.error)) return Math.min(latest, soonest + FIRST_CHECK);
  const rate = Math.log(before.error / last.error) / (last.iteration - before.iteration);
  const wanted = last.iteration + Math.ceil(Math.log(last.error / target) / rate) + 1;
  return Math.max(last.iteration + 2, Math.min(wanted, latest));
}
