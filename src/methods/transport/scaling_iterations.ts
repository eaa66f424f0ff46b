import { Relaxation } from "./relaxation.ts";
import { RANGE, type ScalingState } from "./scaling_state.ts";
import { nextCheck, type SinkhornProgress } from "./sinkhorn_iterations.ts";

/** One problem's way so far. */
export interface Track {
  /** Its place among the problems. */
  readonly index: number;
  iterations: number;
  error: number;
  converged: boolean;
  readonly history: SinkhornProgress[];
  readonly relaxation: Relaxation;
  /** Iterations after which to measure, and the most that lately stayed in range. */
  steps: number;
  limit: number;
  /** Whether the next ones may end by themselves, by the error that the scalings tell. */
  stops: boolean;
  /** Whether even one iteration went out of range: then the next one is made in the log domain. */
  inLog: boolean;
}

/** How the iterations go on. */
export interface ScalingSettings {
  readonly maxIterations: number;
  readonly signal?: AbortSignal;
  /** Called after each call, with the problems that were measured. */
  readonly measured: (tracks: readonly Track[]) => void;
}

/** Iterations before the first measurement, and how many times as many as are expected to do before later ones: they end by themselves. */
const FIRST = 16, LEEWAY = 1.5;
/** The part of the target at which they do: scalings and the plans made from their logarithms differ by roundings. */
const SAFE = 0.97;
/** Products of entries in one call, and iterations in it, at most: between calls the work can be stopped. */
const LONGEST = { products: 2 ** 32, steps: 1000 };

/** A track at its start. */
export function newTrack(index: number): Track {
  return {
    index,
    iterations: 0,
    error: Infinity,
    converged: false,
    history: [],
    relaxation: new Relaxation(),
    steps: FIRST,
    limit: Infinity,
    stops: true,
    inLog: false,
  };
}

/**
 * Sinkhorn's iterations as scalings of stored plans that absorb the potentials at each measurement, of all problems that are at work at once; each
 * stops when its own error is low enough, is measured, and leaves if that confirms it. Where scalings leave the range that the stored plan can carry
 * (at small ε, early on), the stretch was in vain for that problem, and the next one is shorter; what a single iteration cannot do in range is done
 * in the log domain. Errors are measured on freshly made plans, never on scalings.
 */
export async function iterateScaled(
  state: ScalingState,
  tracks: readonly Track[],
  targets: ArrayLike<number>,
  { maxIterations, signal, measured }: ScalingSettings,
): Promise<void> {
  const { rows: { weights, count: n }, measured: sums } = state;
  let active = tracks;
  while (active.length > 0) {
    const affordable = Math.max(FIRST, Math.floor(LONGEST.products / (state.C.size / tracks.length * active.length)));
    const longest = Math.min(LONGEST.steps, affordable);
    for (const track of active) {
      track.steps = Math.max(1, Math.min(track.steps, track.limit, longest, maxIterations - track.iterations));
    }
    const stretch = (t: Track, steps: number) => ({
      ...{ index: t.index, steps, omega: t.relaxation.omega },
      target: t.stops ? SAFE * targets[t.index] : 0,
    });
    const beyond = active.filter((t) => t.inLog);
    if (beyond.length > 0) await state.logSteps(beyond.map((t) => stretch(t, t.steps)));
    const reports = await state.scale(active.map((t) => stretch(t, t.inLog ? 0 : t.steps)));
    const moved = active.filter((track, k) => {
      const { index, history, relaxation, steps } = track, [reach, scaled, before] = reports.subarray(3 * k, 3 * k + 3);
      if (!(reach <= RANGE)) {
        track.inLog = steps === 1;
        track.limit = Math.max(1, Math.floor(steps / 4));
        return false;
      }
      const done = track.inLog ? steps : scaled, isPlain = relaxation.omega === 1 && scaled > 1;
      track.inLog = false;
      track.limit = 2 * track.limit;
      track.iterations += done;
      track.error = 0;
      for (let i = 0; i < n; i++) track.error += Math.abs(sums[2 * index * n + i] - weights[index * n + i]);
      track.converged = track.error <= targets[index];
      history.push({ iteration: track.iterations, error: track.error });
      // The last iteration of a plain stretch tells its decay; a relaxed one ends with a plain iteration, which tells nothing.
      relaxation.learn(isPlain ? [{ iteration: track.iterations - 1, error: before }, history.at(-1)!] : history);
      // An error that the plan itself does not show must not end them again at once.
      track.stops = done === steps;
      track.steps = Math.ceil(LEEWAY * (nextCheck(history, targets[index]) - track.iterations));
      return true;
    });
    if (moved.length > 0) measured(moved);
    signal?.throwIfAborted();
    active = active.filter((t) => !t.converged && t.iterations < maxIterations);
  }
}
