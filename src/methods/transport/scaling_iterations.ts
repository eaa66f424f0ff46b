import { Tensor } from "../../tensor/mod.ts";
import type { Pair } from "./problem.ts";
import { Relaxation } from "./relaxation.ts";
import { disposePotentials } from "./renew_potential.ts";
import { acceptWithin, logSteps, RANGE, type ScalingProblem, scalingSteps } from "./scaling_steps.ts";
import { FIRST_CHECK, nextCheck, type SinkhornProgress, WARM_UP } from "./sinkhorn_iterations.ts";

/** One problem's way so far. */
export interface Track {
  /** Its place among the problems. */
  readonly index: number;
  iterations: number;
  error: number;
  converged: boolean;
  /** Whether it is done, though it may still be carried along. */
  finished: boolean;
  readonly history: SinkhornProgress[];
  readonly relaxation: Relaxation;
}

/** Problems at work, with what becomes of those that are done. */
export interface ScalingWork {
  problem: ScalingProblem;
  tracks: Track[];
  /** Takes in problems that are done, at positions among `tracks`; the potentials are of all of them. */
  finish(at: Pair, done: readonly number[]): Promise<void>;
  /** The problem without those that are done: what is not among `kept` is freed. */
  keep(kept: readonly number[]): ScalingProblem;
  /** Called after each measurement, with the problems that were at work. */
  measured(tracks: readonly Track[]): void;
}

/** A track at its start. */
export function newTrack(index: number): Track {
  return {
    index,
    iterations: 0,
    error: Infinity,
    converged: false,
    finished: false,
    history: [],
    relaxation: new Relaxation(),
  };
}

/**
 * Sinkhorn's iterations with a stored plan that absorbs the potentials at each measurement. Where scalings leave the range that the stored
 * plan can carry (at small ε, early on), the stretch is thrown away for that problem, and the next one runs in the log domain. Errors are
 * measured on the freshly absorbed plan, never on scalings. Problems leave one by one.
 *
 * @param zero Potentials to start from, taken over.
 */
export async function iterateScaled(
  work: ScalingWork,
  zero: Pair,
  targets: readonly number[],
  settings: { maxIterations: number; signal?: AbortSignal },
): Promise<void> {
  const { maxIterations, signal } = settings;
  let at = zero, K: Tensor | undefined;
  try {
    const first = Math.min(WARM_UP, maxIterations);
    at = logSteps(work.problem, at, first, true, 1);
    for (const track of work.tracks) track.iterations = first;
    let inLog = false, steps = Math.min(FIRST_CHECK, maxIterations) - first;
    K = work.problem.geometry.matrix(at);
    for (;;) {
      using omega = factors(work, K);
      let range: Tensor | undefined;
      if (steps > 0) {
        if (inLog) at = logSteps(work.problem, at, steps, false, omega ?? 1);
        else {
          const stretch = scalingSteps(work.problem, at, K, steps, omega ?? 1);
          range = stretch.range;
          at = acceptWithin(range, stretch.moved, at);
        }
        K.dispose();
        K = work.problem.geometry.matrix(at);
      }
      const ranges = await range?.data();
      range?.dispose();
      let refused = 0;
      const errors = await measure(K, work.problem.a);
      work.tracks.forEach((track, k) => {
        if (track.finished) return;
        if (ranges && !(ranges[k] <= RANGE)) {
          refused++;
          return;
        }
        track.iterations += steps;
        track.error = errors[k];
        track.converged = errors[k] <= targets[track.index];
        track.history.push({ iteration: track.iterations, error: errors[k] });
        track.relaxation.learn(track.history);
      });
      work.measured(work.tracks.filter((t) => !t.finished));
      signal?.throwIfAborted();
      inLog = refused > 0;
      const done: number[] = [], kept: number[] = [];
      work.tracks.forEach((track, k) => {
        if (track.finished) return;
        track.finished = track.converged || track.iterations >= maxIterations;
        (track.finished ? done : kept).push(k);
      });
      if (done.length > 0) await work.finish(at, done);
      if (kept.length === 0) return;
      // Taking the others together costs as much as many iterations: those that are done go along until they are half of all.
      if (2 * kept.length <= work.tracks.length) {
        const rows = (t: Tensor) => {
          const left = t.take(kept, 0);
          t.dispose();
          return left;
        };
        at = {
          f: { coarse: rows(at.f.coarse), fine: rows(at.f.fine) },
          g: { coarse: rows(at.g.coarse), fine: rows(at.g.fine) },
        };
        K = rows(K);
        work.problem = work.keep(kept);
        work.tracks = kept.map((k) => work.tracks[k]);
      }
      steps = nextSteps(work.tracks.filter((t) => !t.finished), targets, maxIterations);
    }
  } finally {
    K?.dispose();
    disposePotentials(at.f, at.g);
  }
}

/** ‖P·1 − a‖₁ of each problem. */
async function measure(K: Tensor, a: Tensor): Promise<ArrayLike<number>> {
  using s = K.sum(-1);
  using errors = Tensor.reduce("sum", "abs(s - a)", { s, a }, -1);
  return await errors.data();
}

/** The factors of over-relaxation `[…, 1]`; none if all are 1. */
function factors({ tracks }: ScalingWork, like: Tensor): Tensor | undefined {
  if (tracks.every(({ relaxation }) => relaxation.omega === 1)) return undefined;
  const shape = like.rank === 2 ? [1] : [tracks.length, 1], omegas = tracks.map(({ relaxation }) => relaxation.omega);
  return like.dtype === "f64"
    ? Tensor.of(like.device, Float64Array.from(omegas), shape, "f64")
    : Tensor.of(like.device, Float32Array.from(omegas), shape);
}

/** Iterations until a quarter of the problems is expected to be done, but no more than any has left. */
function nextSteps(tracks: readonly Track[], targets: readonly number[], maxIterations: number): number {
  const wanted = tracks.map((t) =>
    t.history.length === 0 ? FIRST_CHECK : nextCheck(t.history, targets[t.index]) - t.iterations
  ).sort((x, y) => x - y);
  const left = Math.min(...tracks.map((t) => maxIterations - t.iterations));
  return Math.max(1, Math.min(left, wanted[Math.floor(wanted.length / 4)]));
}
