/** A concave function of f, with a (super)gradient. */
export type Concave = (f: Float64Array) => { value: number; gradient: Float64Array };

/** A measurement of {@linkcode ascend}. */
export interface AscentProgress {
  /** Steps so far. */
  iteration: number;
  /** ‖gradient‖₁; around kinks that of the mean of supergradients. */
  error: number;
  /** The function's value. */
  value: number;
}

/** Pairs of differences that are kept. */
const MEMORY = 10;
const ARMIJO = 1e-4, CURVATURE = 0.9, TRIALS = 40;

/**
 * Maximizes a concave function by L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5) with a line search by bisection
 * for Wolfe's conditions; where the function has kinks the conditions may have no solution, and the best point that was tried is taken. Stops at
 * ‖gradient‖₁ ≤ `target`, or where no step goes up, or goes on too slowly.
 */
export async function ascend(
  of: Concave,
  start: Float64Array,
  settings: {
    target: number;
    maxIterations: number;
    /** Steps in which ‖gradient‖₁ has to halve; default any number. */
    patience?: number;
    signal?: AbortSignal;
    onProgress?: (p: AscentProgress) => void;
  },
): Promise<{ f: Float64Array; value: number; error: number; history: AscentProgress[] }> {
  const { target, maxIterations, patience = Infinity, signal, onProgress } = settings;
  let f = start, { value, gradient } = of(f), fresh = true;
  const history: AscentProgress[] = [], pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  const norm = (v: Float64Array) => v.reduce((s, x) => s + Math.abs(x), 0);
  let halved = { error: norm(gradient), iteration: 0 };
  for (let iteration = 1; norm(gradient) > target && iteration <= maxIterations; iteration++) {
    const d = direction(gradient, pairs), slope = dot(gradient, d);
    let low = 0, high = Infinity, t = pairs.length > 0 ? 1 : 1 / Math.sqrt(dot(d, d));
    let best: { f: Float64Array; value: number; gradient: Float64Array } | undefined;
    for (let trial = 0; trial < TRIALS; trial++) {
      const moved = f.map((x, k) => x + t * d[k]), now = of(moved), along = dot(now.gradient, d);
      if (now.value > (best?.value ?? value)) best = { f: moved, ...now };
      // Near the maximum values no longer tell; a gradient that has not turned around does.
      const rising = now.value >= value + ARMIJO * t * slope ||
        (along >= 0 && now.value >= value - 1e-14 * Math.abs(value));
      if (!rising) high = t;
      else if (along > CURVATURE * slope) low = t;
      else {
        best = { f: moved, ...now };
        break;
      }
      t = high === Infinity ? 2 * low : (low + high) / 2;
    }
    if (!best) {
      // From the gradient itself once more, then there is nothing left to gain.
      if (fresh) break;
      pairs.length = 0;
      fresh = true;
      continue;
    }
    const s = best.f.map((x, k) => x - f[k]), y = best.gradient.map((x, k) => gradient[k] - x), sy = dot(s, y);
    if (sy > 1e-14 * Math.sqrt(dot(s, s) * dot(y, y))) {
      pairs.push({ s, y, rho: 1 / sy });
      if (pairs.length > MEMORY) pairs.shift();
    }
    ({ f, value, gradient } = best);
    fresh = false;
    const progress = { iteration, error: norm(gradient), value };
    if (progress.error <= halved.error / 2) halved = progress;
    history.push(progress);
    onProgress?.(progress);
    if (iteration % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    if (iteration - halved.iteration >= patience) break;
  }
  return { f, value, error: norm(gradient), history };
}

/** The two-loop recursion. */
function direction(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const d = gradient.slice(), alphas: number[] = [];
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k], alpha = alphas[k] = rho * dot(s, d);
    for (let i = 0; i < d.length; i++) d[i] -= alpha * y[i];
  }
  if (pairs.length > 0) {
    const { y, rho } = pairs[pairs.length - 1], scale = 1 / (rho * dot(y, y));
    for (let i = 0; i < d.length; i++) d[i] *= scale;
  }
  pairs.forEach(({ s, y, rho }, k) => {
    const beta = rho * dot(y, d);
    for (let i = 0; i < d.length; i++) d[i] += (alphas[k] - beta) * s[i];
  });
  return d;
}

function dot(x: Float64Array, y: Float64Array): number {
  let s = 0;
  for (let k = 0; k < x.length; k++) s += x[k] * y[k];
  return s;
}
