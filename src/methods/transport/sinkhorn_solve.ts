import type { Tensor } from "../../tensor/mod.ts";
import type { Geometry, Potential } from "./geometry.ts";
import { disposePotentials, quantumOf } from "./renew_potential.ts";
import { iterateScaled, newTrack, type ScalingWork } from "./scaling_iterations.ts";
import type { ScalingGeometry } from "./scaling_steps.ts";
import type { SinkhornForm } from "./sinkhorn_form.ts";
import {
  iterate,
  type IterationSettings,
  type SinkhornProgress,
  type SinkhornState,
  vectorLike,
  zeroPotential,
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
  const solve = form === "kernel" ? iterateKernel : iterate;
  const stage = (own: IterationSettings, from?: Potential) => solve(geometry, weights, like, own, from);
  return inStages(stage, weights, like, settings, factor, start);
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
  like: Tensor,
  settings: IterationSettings,
  start?: Potential,
): Promise<SinkhornState> {
  const { epsilon, largest, tolerance, onProgress } = settings, { n, m } = geometry;
  using a = vectorLike(like, weights.a);
  using b = vectorLike(like, weights.b);
  const own: ScalingGeometry = {
    logSum: (side, other) => geometry.logSum(side, other, epsilon),
    marginal: (side, { f, g }) => geometry.marginal(side, f, g, epsilon),
    matrix: ({ f, g }) => {
      const P = geometry.matrix(f, g, epsilon);
      void P.value;
      return P;
    },
  };
  const track = newTrack(0);
  let found: Pick<SinkhornState, "f" | "g"> | undefined;
  const copy = ({ coarse, fine }: Potential) => ({ coarse: coarse.slice(null), fine: fine.slice(null) });
  const work: ScalingWork = {
    problem: { geometry: own, a, b, eps: epsilon, quantum: quantumOf(largest, epsilon) },
    tracks: [track],
    finish: ({ f, g }) => {
      found = { f: copy(f), g: copy(g) };
      return Promise.resolve();
    },
    keep: () => work.problem,
    measured: () => {
      const latest = track.history.at(-1);
      if (latest) onProgress?.(latest);
    },
  };
  await iterateScaled(
    work,
    { f: zeroPotential(like, n), g: start ?? zeroPotential(like, m) },
    [tolerance * weights.total],
    settings,
  );
  const { iterations, error, converged, history } = track;
  return { ...found!, iterations, error, converged, history };
}
