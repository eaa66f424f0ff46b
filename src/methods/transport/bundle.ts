import type { AscentProgress } from "./ascend.ts";
import { simplexQp } from "./simplex_qp.ts";

/** A concave function with a supergradient, and what that was made of. */
export type Kinked<P> = (f: Float64Array) => { value: number; gradient: Float64Array; part: P };

/** Where a bundle ended. */
export interface Bundled<P> {
  readonly f: Float64Array;
  readonly value: number;
  /** Parts whose supergradients have a mean near 0, with their weights, of sum 1. */
  readonly mean: readonly { part: P; weight: number }[];
  /** ‖mean gradient‖₁ */
  readonly error: number;
  /** How far the mean's parts are from belonging to f itself, in the function's unit: value + ⟨mean gradient, x − f⟩ + slack bounds it everywhere. */
  readonly slack: number;
  readonly history: AscentProgress[];
}

interface Cut<P> {
  readonly gradient: Float64Array;
  readonly part: P;
  /** The cut's value at the center, less the function's: 0 or more. */
  error: number;
}

/** Cuts beyond the dimension that are kept, and dimensions from which on not all are. */
const SPARE = 20, MOST = 150;
/** Part of the predicted rise that makes a step count. */
const SERIOUS = 0.1;

/**
 * Maximizes a concave function with kinks by a proximal bundle method: supergradients that were met are kept as cuts, their least is maximized with a
 * proximal term around the best point, and what that weighs the cuts by makes a mean supergradient, which proves the maximum where it is
 * 0. Source: Kiwiel, "Proximity control in bundle methods for convex nondifferentiable minimization" (1990); Lemaréchal, Nemirovskii and
 * Nesterov (1995) for the model. Stops at ‖mean gradient‖₁ ≤ `target` with a slack of at most `target` times `scale`.
 */
export async function ascendBundle<P>(
  of: Kinked<P>,
  start: Float64Array,
  settings: {
    target: number;
    scale: number;
    step: number;
    maxIterations: number;
    signal?: AbortSignal;
    onProgress?: (p: AscentProgress) => void;
  },
  done = 0,
): Promise<Bundled<P>> {
  const { target, scale, maxIterations, signal, onProgress } = settings;
  let f = start, { value, ...first } = of(f), t = settings.step, nulls = 0;
  let cuts: Cut<P>[] = [{ ...first, error: 0 }];
  const history: AscentProgress[] = [], most = Math.min(f.length, MOST) + SPARE;
  for (let iteration = done + 1;; iteration++) {
    const G = cuts.map(({ gradient: g }) => Float64Array.from(cuts, ({ gradient: h }) => t * dot(g, h)));
    const lambda = simplexQp(G, cuts.map((c) => c.error)), mean = new Float64Array(f.length);
    let slack = 0;
    cuts.forEach(({ gradient, error }, c) => {
      slack += lambda[c] * error;
      if (lambda[c] > 0) gradient.forEach((g, i) => mean[i] += lambda[c] * g);
    });
    const error = mean.reduce((s, g) => s + Math.abs(g), 0), square = dot(mean, mean);
    const settled = error <= target && slack <= target * scale;
    if (settled || iteration > maxIterations) {
      const parts = cuts.map(({ part }, c) => ({ part, weight: lambda[c] })).filter(({ weight }) => weight > 0);
      return { f, value, mean: parts, error, slack, history };
    }
    const moved = f.map((x, i) => x + t * mean[i]), now = of(moved), predicted = slack + t * square;
    // What the new cut says at the old center.
    const above = Math.max(0, now.value + now.gradient.reduce((s, g, i) => s - g * t * mean[i], 0) - value);
    cuts = trimmed(cuts, lambda, most);
    const rise = now.value - value;
    if (rise >= SERIOUS * predicted) {
      // A step: the cuts' errors are those at the new center.
      for (const c of cuts) c.error = Math.max(0, c.error + t * dot(c.gradient, mean) - rise);
      cuts.push({ gradient: now.gradient, part: now.part, error: 0 });
      [f, value] = [moved, now.value];
      if (rise >= 0.5 * predicted) t *= 2;
      nulls = 0;
    } else {
      cuts.push({ gradient: now.gradient, part: now.part, error: above });
      // The model was wrong far from the center.
      if (++nulls > 3 && above > slack + t * square) [t, nulls] = [t / 2, 0];
      // Near it only the last digits of what the target asks for are missing.
      if (error <= target && slack > target * scale) t /= 2;
      if (slack <= target * scale && error > target && nulls > 10) [t, nulls] = [2 * t, 0];
    }
    const progress = { iteration, error, value };
    history.push(progress);
    onProgress?.(progress);
    if (iteration % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
}

/** Room for one more cut: those without weight go, the oldest first, then that of least weight. */
function trimmed<P>(cuts: readonly Cut<P>[], lambda: Float64Array, most: number): Cut<P>[] {
  let over = cuts.length + 1 - most;
  if (over <= 0) return [...cuts];
  const kept = cuts.filter((_, c) => lambda[c] > 0 || over-- <= 0);
  return kept.length < most ? kept : kept.slice(1);
}

function dot(x: Float64Array, y: Float64Array): number {
  let s = 0;
  for (let k = 0; k < x.length; k++) s += x[k] * y[k];
  return s;
}
