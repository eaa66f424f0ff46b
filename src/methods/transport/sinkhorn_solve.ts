import type { Tensor } from "../../tensor/mod.ts";
import type { Geometry, Potential } from "./geometry.ts";
import { disposePotentials, quantumOf } from "./renew_potential.ts";
import { iterateScaled, newTrack } from "./scaling_iterations.ts";
import { ScalingState } from "./scaling_state.ts";
import type { SinkhornForm } from "./sinkhorn_form.ts";
import {
  iterate,
  type IterationSettings,
  type SinkhornProgress,
  type SinkhornState,
  vectorLike,
} from "./sinkhorn_iterations.ts";
import { atEpsilon } from "./sinkhorn_start.ts";

/** Weights of both sides on the host. */
interface HostWeights {
  a: Float64Array;
  b: Float64Array;
  total: number;
}

/** Iterations of a stage of ε-scaling at most, and the part of the mass that its marginals may miss. */
const STAGE = { iterations: 100, tolerance: 1e-2 };

/** Solves at ε in stages: from the largest cost down by `factor`, each from the potentials of the one before. Takes over `start`. */
export function solveInStages(
  form: SinkhornForm,
  geometry: Geometry,
  weights: HostWeights,
  like: Tensor,
  settings: IterationSettings,
  factor: number | undefined,
  start?: Potential,
): Promise<SinkhornState> {
  const solve = (own: IterationSettings, from?: Potential) =>
    form === "kernel" ? iterateKernel(geometry, weights, own, from) : iterate(geometry, weights, like, own, from);
  return inStages(solve, weights, like, settings, factor, start);
}

/** The same for iterations of any kind: `solve` takes the settings of a stage, and over the columns' potential to start from. */
export async function inStages(
  solve: (settings: IterationSettings, start?: Potential) => Promise<SinkhornState>,
  weights: HostWeights,
  like: Tensor,
  settings: IterationSettings,
  factor: number | undefined,
  start?: Potential,
): Promise<SinkhornState> {
  if (factor === undefined) return await solve(settings, start);
  using b = vectorLike(like, weights.b);
  const { epsilon, largest, tolerance, maxIterations, onProgress } = settings;
  const history: SinkhornProgress[] = [], quantum = quantumOf(largest, epsilon);
  let done = 0, stage = Math.max(epsilon, largest), g = start;
  for (;;) {
    const last = !(stage > epsilon) || maxIterations - done <= 2 * STAGE.iterations;
    const now = last ? epsilon : stage, before = done;
    const state = await solve({
      ...settings,
      epsilon: now,
      tolerance: last ? tolerance : Math.max(tolerance, STAGE.tolerance),
      maxIterations: last ? maxIterations - done : STAGE.iterations,
      onProgress: (p) => onProgress?.({ ...p, iteration: before + p.iteration }),
    }, g);
    done += state.iterations;
    history.push(...state.history.map((p) => ({ ...p, iteration: before + p.iteration })));
    if (last) return { ...state, iterations: done, history };
    stage = Math.max(epsilon, stage * factor);
    disposePotentials(state.f);
    g = atEpsilon(state.g, b, now, maxIterations - done <= 2 * STAGE.iterations ? epsilon : stage, quantum);
  }
}

/** Sinkhorn's iterations as scalings of a stored plan. Takes over `start`. */
async function iterateKernel(
  geometry: Geometry,
  weights: HostWeights,
  settings: IterationSettings,
  start?: Potential,
): Promise<SinkhornState> {
  const { epsilon, largest, tolerance, onProgress, maxIterations, signal } = settings, { n, m } = geometry;
  using costs = geometry.costs();
  using C = costs.reshape([1, n, m]);
  const state = new ScalingState(C, weights.a, weights.b, Float64Array.of(epsilon), [largest]);
  try {
    await state.start(start && await wholeOf(start, epsilon));
  } finally {
    if (start) disposePotentials(start);
  }
  const track = newTrack(0);
  await iterateScaled(state, [track], [tolerance * weights.total], {
    maxIterations,
    signal,
    measured: () => {
      const latest = track.history.at(-1);
      if (latest) onProgress?.(latest);
    },
  });
  const { iterations, error, converged, history } = track, { measured } = state, { f, g } = state.pair();
  const flat = ({ coarse, fine }: Potential): Potential => {
    const parts = { coarse: coarse.reshape([coarse.size]), fine: fine.reshape([fine.size]) };
    disposePotentials({ coarse, fine });
    return parts;
  };
  const rows = { mass: measured.subarray(0, n), cost: measured.subarray(n) };
  return { f: flat(f), g: flat(g), iterations, error, converged, history, rows };
}

/** A potential as numbers. */
async function wholeOf({ coarse, fine }: Potential, epsilon: number): Promise<Float64Array> {
  const [F, p] = await Promise.all([coarse.data(), fine.data()]);
  return Float64Array.from(F, (v, k) => v + epsilon * p[k]);
}
