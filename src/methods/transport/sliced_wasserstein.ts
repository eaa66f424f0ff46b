import { RandomSource, Tensor } from "../../tensor/mod.ts";
import { lineCosts } from "./line_costs.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { lineWeights, requirePoints, requirePower } from "./wasserstein_1d.ts";
import type { Weights } from "./weights.ts";

/** Options of {@linkcode slicedWasserstein}. */
export interface SlicedWassersteinOptions {
  /** Weights of x, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of y, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** The order of the distance, p ≥ 1. Default 2. */
  p?: number;
  /** Number of random directions, or directions `[L, d]`, of length 1 by right. Default 50. */
  projections?: number | Tensor;
  /** Seed of the random directions; see `gpu.random`. Default: a new one for each call. */
  seed?: number;
}

/**
 * Sliced Wasserstein distance between point clouds x `[n, d]` and y `[m, d]`: the p-mean, over random directions θ, of the distances between the
 * points' projections on a line,
 *
 *   SW_p = (1/L Σ_l W_p^p(θ_l·x, θ_l·y))^(1/p),
 *
 * a number that differs from the mean over all directions by O(1/√L). All projections are one matrix product, sorted at once. Differentiable by
 * points, weights and directions; at distance 0 with derivative 0. Source: Bonneel, Rabin, Peyré and Pfister, "Sliced and Radon Wasserstein
 * Barycenters of Measures" (2015), section 2.2.
 *
 * @throws {TypeError} on shapes that do not fit and dtypes other than f32 and f64.
 * @throws {RangeError} on no points, NaN or infinite points, negative weights, totals that differ, p < 1, no projections.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([200, 5], { seed: 1 }), y = x.add(2);
 * const distance = await transport.slicedWasserstein(x, y, { projections: 500, seed: 2 });
 * console.log((await distance.item()).toFixed(1)); // 2.0: |shift| / √d
 * ```
 */
export async function slicedWasserstein(
  x: Tensor,
  y: Tensor,
  options: SlicedWassersteinOptions = {},
): Promise<Tensor> {
  requireClouds(x, y);
  const p = requirePower(options.p ?? 2), [n, d] = x.shape, m = y.shape[0];
  const { projections = 50 } = options;
  const { weights, made } = await lineWeights(options, n, m, x);
  try {
    await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
    let directions: Tensor;
    if (projections instanceof Tensor) {
      if (
        projections.rank !== 2 || projections.shape[1] !== d || projections.shape[0] === 0 ||
        projections.dtype !== x.dtype
      ) {
        throw new TypeError(
          `Expected "projections" to be ${x.dtype} [L, ${d}] with L from 1, got ${projections.dtype} ` +
            `[${projections.shape.join(", ")}]`,
        );
      }
      await requireFinite("projections", projections);
      directions = projections;
    } else {
      directions = randomDirections(x, requireCount("projections", projections), options.seed);
      made.push(directions);
    }
    using costs = projectedCosts(x, y, directions, weights, p);
    using mean = costs.mean();
    // The root has no derivative at 0: there it is held to one of a constant.
    return Tensor.map(`s > 0 ? max(s, tiny) ^ ${1 / p} : 0`, { s: mean, tiny: x.dtype === "f64" ? 1e-300 : 1e-37 });
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** Costs of the projections on each direction, `[L]`. */
export function projectedCosts(
  x: Tensor,
  y: Tensor,
  directions: Tensor,
  weights: Parameters<typeof lineCosts>[2],
  p: number,
): Tensor {
  const [n, d] = x.shape;
  if (d === 0) throw new TypeError(`Expected points with coordinates, got [${n}, 0]`);
  using xt = x.T;
  using yt = y.T;
  using u = directions.matmul(xt);
  using v = directions.matmul(yt);
  return lineCosts(u, v, weights, p);
}

/** Directions `[L, d]`, uniform on the sphere, in the precision of `like`. */
export function randomDirections(like: Tensor, count: number, seed: number | undefined): Tensor {
  using normal = new RandomSource(like.device).normal([count, like.shape[1]], seed === undefined ? {} : { seed });
  using exact = normal.astype(like.dtype);
  using length = exact.norm(1, { keepDims: true });
  return exact.div(length);
}

/** Refuses what is not two clouds of points of one dimension. */
export function requireClouds(x: Tensor, y: Tensor): void {
  requirePoints(x, y);
  if (x.rank !== 2 || y.rank !== 2 || x.shape[1] !== y.shape[1] || x.shape[1] === 0) {
    throw new TypeError(
      `Expected points x [n, d] and y [m, d] with d from 1, got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`,
    );
  }
}

/** A count, if it is one. */
export function requireCount(name: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new RangeError(`Expected "${name}" to be a whole number from 1, got ${count}`);
}
