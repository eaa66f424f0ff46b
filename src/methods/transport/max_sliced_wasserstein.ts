import { stopGradient, Tensor, valueAndGrad } from "../../tensor/mod.ts";
import { firstOrder } from "./envelope.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { projectedCosts, randomDirections, requireClouds, requireCount } from "./sliced_wasserstein.ts";
import { lineWeights, requirePower } from "./wasserstein_1d.ts";
import type { Weights } from "./weights.ts";

/** Options of {@linkcode maxSlicedWasserstein}. */
export interface MaxSlicedWassersteinOptions {
  /** Weights of x, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of y, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** The order of the distance, p ≥ 1. Default 2. */
  p?: number;
  /** Random directions that are improved at once, beside that of the means. Default 16. */
  starts?: number;
  /** Steps before giving up. Default 200. */
  maxIterations?: number;
  /** Stops once no step longer than this (an angle in radians) improves the best direction. Default 1e-3 in f32 and 1e-6 in f64. */
  tolerance?: number;
  /** Seed of the random directions; see `gpu.random`. Default: a new one for each call. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** What {@linkcode maxSlicedWasserstein} found. */
export interface MaxSlicedWassersteinResult extends Disposable {
  /** The distance along `direction`: a lower bound of the largest one, and so of the Wasserstein distance itself. */
  readonly distance: number;
  /** The same as a tensor of one number, to differentiate (once) by points and weights at this direction: the envelope theorem, where the maximum is smooth. */
  readonly value: Tensor;
  /** The direction, `[d]`, of length 1. */
  readonly direction: Tensor;
  /** Steps done. */
  readonly iterations: number;
  /** Whether the step of the best direction shrank below the tolerance: a local maximum, as far as can be seen. */
  readonly converged: boolean;
  /** The largest distance after each step. */
  readonly history: readonly number[];
  /** Frees `value` and `direction`. */
  dispose(): void;
}

/** Steps get shorter by this where they do not improve, and longer by the other where they do. */
const SHORTER = 0.4, LONGER = 1.3;

/**
 * Max-sliced Wasserstein distance max_θ W_p(θ·x, θ·y) over directions θ of length 1, for point clouds x `[n, d]` and y `[m, d]`: gradient ascent on
 * the sphere from several directions at once, each with its own step length, which shrinks where the distance does not grow. The problem is not
 * concave: what is found is the distance along a direction, thus a certain lower bound, and a local maximum in all likelihood. Source: Deshpande et
 * al., "Max-Sliced Wasserstein Distance and its use for GANs" (2019).
 *
 * @throws {TypeError} on shapes that do not fit and dtypes other than f32 and f64.
 * @throws {RangeError} on no points, NaN or infinite points, negative weights, totals that differ, p < 1 and limits below 1.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([100, 3], { seed: 1 }), y = x.add(gpu.tensor([0, 3, 4]));
 * using found = await transport.maxSlicedWasserstein(x, y, { seed: 2 });
 * console.log(found.distance.toFixed(2)); // 5.00
 * console.log((await found.direction.abs().data()).map((v) => Math.round(10 * v))); // 0, 6, 8
 * ```
 */
export async function maxSlicedWasserstein(
  x: Tensor,
  y: Tensor,
  options: MaxSlicedWassersteinOptions = {},
): Promise<MaxSlicedWassersteinResult> {
  requireClouds(x, y);
  const { signal, seed } = options, p = requirePower(options.p ?? 2);
  const starts = requireCount("starts", options.starts ?? 16);
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 200);
  const tolerance = options.tolerance ?? (x.dtype === "f64" ? 1e-6 : 1e-3);
  if (!(tolerance > 0 && tolerance < 1)) {
    throw new RangeError(`Expected "tolerance" to be between 0 and 1, got ${tolerance}`);
  }
  signal?.throwIfAborted();
  const { weights, made } = await lineWeights(options, x.shape[0], y.shape[0], x);
  try {
    await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
    const constants = stopGradient({ x, y, ...(weights ? { a: weights.a, b: weights.b } : {}) });
    made.push(...Object.values(constants));
    const { x: u, y: v, a, b } = constants;
    const sides = a && b ? { a, b } : undefined;
    const best = await ascend(u, v, sides, { p, starts, maxIterations, tolerance, seed, signal });
    const direction = Tensor.of(x.device, x.dtype === "f64" ? best.direction : Float32Array.from(best.direction), [
      x.shape[1],
    ], x.dtype);
    using one = direction.reshape([1, x.shape[1]]);
    using cost = projectedCosts(x, y, one, weights, p);
    using s = cost.reshape([]);
    using along = Tensor.map(`s > 0 ? max(s, tiny) ^ ${1 / p} : 0`, { s, tiny: x.dtype === "f64" ? 1e-300 : 1e-37 });
    // Second derivatives would move the direction.
    const value = await firstOrder("maxSlicedWasserstein", along), distance = await value.item();
    if (!best.converged) {
      console.warn(
        `maxSlicedWasserstein stopped after ${best.iterations} steps while still improving: try more maxIterations or a ` +
          "larger tolerance",
      );
    }
    const dispose = () => {
      direction.dispose();
      value.dispose();
    };
    return { ...best, distance, value, direction, dispose, [Symbol.dispose]: dispose };
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** Improves all directions until the best one stands still. */
async function ascend(
  x: Tensor,
  y: Tensor,
  weights: { a: Tensor; b: Tensor } | undefined,
  { p, starts, maxIterations, tolerance, seed, signal }: {
    p: number;
    starts: number;
    maxIterations: number;
    tolerance: number;
    seed: number | undefined;
    signal: AbortSignal | undefined;
  },
): Promise<{ direction: Float64Array<ArrayBuffer>; iterations: number; converged: boolean; history: number[] }> {
  const d = x.shape[1], count = starts + 1;
  const measure = valueAndGrad((t: Tensor) => {
    const costs = projectedCosts(x, y, t, weights, p);
    return [costs.sum(), stopGradient(costs)] as const;
  }, { hasAux: true });
  const at = await firstDirections(x, y, starts, seed), step = new Float64Array(count).fill(0.5);
  const costs = new Float64Array(count).fill(-Infinity), slopes = new Float64Array(count * d);
  const history: number[] = [];
  let trial = at.slice();
  for (let iterations = 0;; iterations++) {
    signal?.throwIfAborted();
    using t = Tensor.of(x.device, x.dtype === "f64" ? trial : Float32Array.from(trial), [count, d], x.dtype);
    const { value, grad: slope, aux } = await measure(t);
    const [found, gradient] = await Promise.all([aux.data(), slope.data()]);
    for (const tensor of [value, slope, aux]) tensor.dispose();
    let best = 0;
    for (let l = 0; l < count; l++) {
      if (found[l] > costs[l]) {
        if (iterations > 0) step[l] = Math.min(1, step[l] * LONGER);
        costs[l] = found[l];
        for (let k = 0; k < d; k++) {
          at[l * d + k] = trial[l * d + k];
          slopes[l * d + k] = gradient[l * d + k];
        }
      } else step[l] *= SHORTER;
      if (costs[l] > costs[best]) best = l;
    }
    history.push(costs[best] ** (1 / p));
    trial = moved(at, slopes, step, d);
    const still = d === 1 || step[best] < tolerance || !differs(at, trial, best, d);
    if (still || iterations + 1 >= maxIterations) {
      return { direction: at.slice(best * d, (best + 1) * d), iterations: iterations + 1, converged: still, history };
    }
  }
}

/** Each direction turned by its step towards the part of its gradient that is tangential to the sphere. */
function moved(at: Float64Array, slopes: Float64Array, step: Float64Array, d: number): Float64Array<ArrayBuffer> {
  const trial = new Float64Array(at.length);
  for (let l = 0; l < step.length; l++) {
    const own = at.subarray(l * d, (l + 1) * d), slope = slopes.subarray(l * d, (l + 1) * d);
    const along = dot(own, slope),
      tangent = slope.map((s, k) => s - along * own[k]),
      size = Math.sqrt(dot(tangent, tangent));
    const [cos, sin] = size > 0 ? [Math.cos(step[l]), Math.sin(step[l]) / size] : [1, 0];
    const turned = own.map((v, k) => cos * v + sin * tangent[k]), length = Math.sqrt(dot(turned, turned));
    trial.set(turned.map((v) => v / length), l * d);
  }
  return trial;
}

function differs(at: Float64Array, trial: Float64Array, l: number, d: number): boolean {
  for (let k = l * d; k < (l + 1) * d; k++) if (at[k] !== trial[k]) return true;
  return false;
}

function dot(u: Float64Array, v: Float64Array): number {
  let s = 0;
  for (let k = 0; k < u.length; k++) s += u[k] * v[k];
  return s;
}

/** Random directions, and first that between the means of the points. */
async function firstDirections(
  x: Tensor,
  y: Tensor,
  starts: number,
  seed: number | undefined,
): Promise<Float64Array<ArrayBuffer>> {
  const d = x.shape[1], out = new Float64Array((starts + 1) * d);
  using random = randomDirections(x, starts, seed);
  using from = x.mean(0);
  using to = y.mean(0);
  const [rest, m, n] = await Promise.all([random.data(), from.data(), to.data()]);
  out.set(rest, d);
  const shift = Float64Array.from(m, (v, k) => v - n[k]), length = Math.sqrt(dot(shift, shift));
  if (length > 0 && Number.isFinite(length)) out.set(shift.map((v) => v / length));
  else out[0] = 1;
  return out;
}
