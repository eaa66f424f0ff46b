import { lstsq } from "../../linalg/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { type LabeledPoints, type MixtureGeometry, prepareMixtures } from "./labeled_mixture.ts";
import { requireEpsilon } from "./schrodinger_bridge.ts";
import { projectOnSimplex } from "./simplex.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";

/** A learner that was trained on a mixture of the sources, and what came out. */
export interface MixtureRun {
  /** Shares of the sources, zero or more, of sum 1. */
  readonly mixture: readonly number[];
  /** How many points it was trained on. */
  readonly size: number;
  /** Its performance on the validation data, such as the accuracy: more is better. */
  readonly performance: number;
}

/** Options of {@linkcode projektor}. */
export interface ProjektorOptions {
  /** What a distance between labels counts beside one between points. Default 1. */
  labelWeight?: number;
  /** Degree of the polynomial in the transport distance: 1 (default) or 2. */
  degree?: 1 | 2;
  /** Regularization of the transport relative to the largest cost. Default 0.01. */
  epsilon?: number;
  /** Marginal error at which the transport stops. Default 1e-4. */
  tolerance?: number;
  /** Iterations of each transport before giving up. Default 10,000. */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** The fit at one size. */
export interface ScaleFit {
  /** Points that the runs were trained on. */
  readonly size: number;
  /** Performance = Σ coefficients[k]·distance^k. */
  readonly coefficients: readonly number[];
  /** Root mean square of what the fit leaves of its runs. */
  readonly residual: number;
  /** How many runs there were. */
  readonly runs: number;
}

/** A mixture that was looked for, and the way to it. */
export interface BestMixture {
  /** Shares of the sources. */
  readonly mixture: number[];
  /** The performance that is predicted for it. */
  readonly performance: number;
  /** Whether no step along the projected gradient improved it: a stationary point. */
  readonly converged: boolean;
  /** Each mixture that was better than the last, from the start on. */
  readonly history: readonly { mixture: number[]; performance: number }[];
}

/** Predicts the performance of mixtures, as fitted by {@linkcode projektor}. */
export class Projektor {
  /** The fits at the two sizes, the smaller first. */
  readonly fits: readonly [ScaleFit, ScaleFit];
  #geometry: MixtureGeometry;
  #options: SinkhornOptions;

  /** From what was fitted. */
  constructor(fits: readonly [ScaleFit, ScaleFit], geometry: MixtureGeometry, options: SinkhornOptions) {
    this.fits = fits;
    this.#geometry = geometry;
    this.#options = options;
  }

  /** The transport distance ⟨P, C⟩ + ε KL(P | a bᵀ) of a mixture to the validation data. */
  async distance(mixture: readonly number[]): Promise<number> {
    return (await transportOf(this.#geometry, mixture, this.#options)).distance;
  }

  /** The performance that is predicted for a mixture and a size. */
  async predict(mixture: readonly number[], size: number): Promise<number> {
    requireEpsilon(size, "size");
    return extrapolate(this.fits, await this.distance(mixture), size).value;
  }

  /**
   * Climbs to a mixture with the best performance predicted, by projected gradients: by the share of a source the distance has the mean of its points'
   * potentials as derivative, up to a constant that the projection on the simplex takes away.
   */
  async optimize(
    size: number,
    options: { start?: readonly number[]; steps?: number; signal?: AbortSignal } = {},
  ): Promise<BestMixture> {
    requireEpsilon(size, "size");
    const count = this.#geometry.counts.length,
      { start = new Array(count).fill(1 / count), steps = 30, signal } = options;
    const at = async (mixture: readonly number[]) => {
      const { distance, slopes } = await transportOf(this.#geometry, mixture, { ...this.#options, signal });
      const { value, slope } = extrapolate(this.fits, distance, size);
      return { mixture: [...mixture], performance: value, uphill: slopes.map((s) => slope * s) };
    };
    let here = await at(start), length = 0, converged = false;
    const history = [{ mixture: here.mixture, performance: here.performance }];
    for (let k = 0; k < steps && !converged; k++) {
      signal?.throwIfAborted();
      const mean = here.uphill.reduce((s, v) => s + v, 0) / count, direction = here.uphill.map((v) => v - mean);
      const largest = Math.max(...direction.map(Math.abs));
      // The first step goes a quarter of the simplex; later ones twice as far as the last that helped.
      length = length === 0 ? 0.25 / (largest || 1) : 2 * length;
      for (converged = true; length * largest > 1e-3; length /= 2) {
        const next = projectOnSimplex(here.mixture.map((p, i) => p + length * direction[i]));
        if (next.every((p, i) => Math.abs(p - here.mixture[i]) < 1e-6)) break;
        const there = await at(next);
        if (there.performance > here.performance) {
          [here, converged] = [there, false];
          history.push({ mixture: here.mixture, performance: here.performance });
          break;
        }
      }
    }
    return { mixture: here.mixture, performance: here.performance, converged, history };
  }

  /** Frees the points of the sources that it holds. */
  dispose(): void {
    this.#geometry.dispose();
  }

  /** `using model = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Predicts how well a learner does that is trained on N points of a mixture of sources, from small samples of these and a few runs at two sizes
 * N₀ < N₁. Stage 1: at each size performance is a polynomial V(d) of the entropic transport distance d of the mixture to the validation data, with the
 * label-aware cost |x − x'| + w·W(y, y'), W the transport distance between the points of one label in a source and those of one in the
 * validation data. Stage 2: in between and beyond, performance is taken to be linear in log N, which needs no parameter,
 *
 *   V(N) = (log(N/N₀) V(N₁) − log(N/N₁) V(N₀)) / log(N₁/N₀).
 *
 * Source: Kang et al., "Performance Scaling via Optimal Transport" (2023), sections 3 and 4.
 *
 * @param sources Samples of the sources.
 * @param validation Validation data.
 * @param runs Runs at exactly two sizes, at each more than `degree`.
 * @throws {TypeError} on shapes that do not fit. @throws {RangeError} on runs, mixtures and options out of range.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const of = (mean: number, seed: number) => ({
 *   points: gpu.random.normal([20, 2], { seed, mean }),
 *   labels: Array.from({ length: 20 }, (_, i) => i % 2),
 * });
 * const runs = [100, 200].flatMap((size) =>
 *   [0, 0.5, 1].map((p) => ({ mixture: [p, 1 - p], size, performance: 0.5 + 0.3 * p + size / 1000 }))
 * );
 * using model = await transport.projektor([of(0, 1), of(2, 2)], of(0, 3), runs, { epsilon: 0.05 });
 * console.log(await model.predict([0.8, 0.2], 1000), (await model.optimize(1000)).mixture);
 * ```
 */
export async function projektor(
  sources: readonly LabeledPoints[],
  validation: LabeledPoints,
  runs: readonly MixtureRun[],
  options: ProjektorOptions = {},
): Promise<Projektor> {
  const { labelWeight = 1, degree = 1, epsilon = 0.01, tolerance = 1e-4, maxIterations, signal } = options;
  if (!(labelWeight >= 0 && labelWeight < Infinity)) {
    throw new RangeError(`Expected "labelWeight" to be 0 or more, got ${labelWeight}`);
  }
  if (degree !== 1 && degree !== 2) throw new RangeError(`Expected "degree" to be 1 or 2, got ${degree}`);
  const sizes = [...new Set(runs.map(({ size }) => size))].sort((a, b) => a - b);
  if (sizes.length !== 2 || !(sizes[0] > 0 && sizes[1] < Infinity)) {
    throw new RangeError(`Expected runs at two positive sizes, got ${sizes.length === 0 ? "none" : sizes.join(", ")}`);
  }
  for (const { mixture, performance } of runs) {
    requireMixture(mixture, sources.length);
    if (!Number.isFinite(performance)) throw new RangeError(`Expected a finite performance, got ${performance}`);
  }
  const solver: SinkhornOptions = { epsilon, tolerance, maxIterations, signal };
  const geometry = await prepareMixtures(sources, validation, labelWeight, solver);
  try {
    const distances = new Map<string, number>();
    for (const { mixture } of runs) {
      const key = mixture.join();
      if (!distances.has(key)) distances.set(key, (await transportOf(geometry, mixture, solver)).distance);
    }
    const fits: ScaleFit[] = [];
    for (const size of sizes) {
      const own = runs.filter((run) => run.size === size);
      const far = own.map(({ mixture }) => distances.get(mixture.join())!);
      fits.push(await fitScale(validation.points, size, degree, far, own));
    }
    return new Projektor([fits[0], fits[1]], geometry, solver);
  } catch (error) {
    geometry.dispose();
    throw error;
  }
}

/** Least squares of the performance over powers of the distance. */
async function fitScale(
  like: Tensor,
  size: number,
  degree: number,
  distances: readonly number[],
  runs: readonly MixtureRun[],
): Promise<ScaleFit> {
  const different = new Set(distances).size, width = degree + 1;
  if (different < width) {
    throw new RangeError(`Expected at least ${width} mixtures of different distance at size ${size}, got ${different}`);
  }
  const of = (v: number[], shape: number[]) => Tensor.of(like.device, Float64Array.from(v), shape, "f64");
  using powers = of(distances.flatMap((d) => Array.from({ length: width }, (_, k) => d ** k)), [runs.length, width]);
  using values = of(runs.map(({ performance }) => performance), [runs.length]);
  const solution = await lstsq(powers, values);
  const coefficients = Array.from(await solution.x.data());
  for (const part of Object.values(solution)) if (part instanceof Tensor) part.dispose();
  const left = distances.map((d, i) => coefficients.reduce((s, c, k) => s + c * d ** k, 0) - runs[i].performance);
  const residual = Math.sqrt(left.reduce((s, v) => s + v * v, 0) / left.length);
  return { size, coefficients, residual, runs: runs.length };
}

/** The performance at a distance and a size, and its derivative by the distance. */
function extrapolate([small, large]: readonly [ScaleFit, ScaleFit], d: number, size: number) {
  const span = Math.log(large.size / small.size);
  const weights = [-Math.log(size / large.size) / span, Math.log(size / small.size) / span];
  let value = 0, slope = 0;
  for (const [k, { coefficients }] of [small, large].entries()) {
    coefficients.forEach((c, power) => {
      value += weights[k] * c * d ** power;
      if (power > 0) slope += weights[k] * c * power * d ** (power - 1);
    });
  }
  return { value, slope };
}

/**
 * The transport of a mixture to the validation data, ⟨P, C⟩ + ε KL(P | a bᵀ), with its derivative by the share of each source. In this form of the
 * entropy the derivative by the weight a_i is the potential f_i − ε log a_i, which stays finite where the weight goes to zero, unlike that of the form
 * that `sinkhorn` has, and the value is ⟨P, C⟩ − ε H(P) + ε − ε Σ a log a − ε Σ b log b.
 */
async function transportOf(geometry: MixtureGeometry, mixture: readonly number[], options: SinkhornOptions) {
  const { counts, points, target, cost } = geometry;
  requireMixture(mixture, counts.length);
  // Sources without a share keep a trace, so that they have potentials.
  const trace = 1e-6, shares = mixture.map((p) => (p + trace) / (1 + trace * counts.length));
  const a = Float64Array.from(counts.flatMap((count, k) => new Array(count).fill(shares[k] / count)));
  using result = await sinkhorn(points, target, { ...options, cost, a });
  const f = await result.potentials[0].data(), { epsilon } = result, slopes: number[] = [];
  let at = 0, entropy = Math.log(target.shape[0]);
  for (const count of counts) {
    let sum = 0;
    for (const end = at + count; at < end; at++) {
      sum += f[at] - epsilon * Math.log(a[at]);
      entropy -= a[at] * Math.log(a[at]);
    }
    slopes.push(sum / count);
  }
  return { distance: result.dual + epsilon * (1 + entropy), slopes };
}

function requireMixture(mixture: readonly number[], count: number): void {
  const sum = mixture.reduce((s, p) => s + p, 0);
  if (mixture.length !== count || !mixture.every((p) => p >= 0) || !(Math.abs(sum - 1) < 1e-6)) {
    throw new RangeError(
      `Expected a mixture of ${count} shares of 0 or more and of sum 1, got [${mixture.join(", ")}]`,
    );
  }
}
