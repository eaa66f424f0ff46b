import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { LogFactors } from "./factor_projection.ts";
import type { ColumnWeights } from "./gromov_input.ts";
import type { GromovSpace } from "./gromov_space.ts";

/** Standard deviations of the logarithms: of the smooth functions, of the eccentricity among them, and of noise. */
const SMOOTH = 1, ALONG = 0.5, NOISE = 1;

/**
 * Logarithms of random factors to be projected, whose columns vary smoothly over the spaces: random combinations of the columns of C̃ (for
 * points: linear functions) and of the eccentricity ρ. Independent numbers average out over many points: the plan would be nearly the product of the
 * weights, which is a saddle point that descent leaves slowly.
 */
export function smoothStart(
  spaces: readonly [GromovSpace, GromovSpace],
  { a, b, total }: ColumnWeights,
  rank: number,
  { seed, number }: { seed: number; number: number },
): Promise<LogFactors> {
  return runScope(() => {
    const { device, dtype } = a;
    const normal = (rows: number, stream: number) => {
      const params = { distribution: "normal", shape: [rows, rank], seed, stream: 6 * number + stream };
      return Tensor.apply("random", {}, params, device).out.astype(dtype);
    };
    const [q, r] = spaces.map((space, side) => {
      const w = side === 0 ? a : b;
      const scaled = (z: Tensor) => standardized(z, w, total);
      const noise = normal(space.size, side), along = normal(1, 4 + side);
      const smooth = scaled(space.core(normal(space.size, 2 + side))), profile = scaled(space.profile);
      const factor = Tensor.map("s * x + k * c * p + e * z", {
        ...{ x: smooth, c: along, p: profile, z: noise },
        ...{ s: SMOOTH, k: ALONG, e: NOISE },
      });
      void factor.value;
      return factor;
    });
    const data = dtype === "f64" ? new Float64Array(rank) : new Float32Array(rank);
    return { q, r, g: Tensor.of(device, data.fill(Math.log(total / rank)), [rank], dtype) };
  });
}

/** Columns of mean 0 and variance 1 under the weights w `[n, 1]` of sum `total`; constant ones become 0. */
export function standardized(z: Tensor, w: Tensor, total: number): Tensor {
  const mean = Tensor.reduce("sum", "w * z / t", { w, z, t: total }, 0, { keepDims: true });
  const moved = z.sub(mean);
  const variance = Tensor.reduce("sum", "w * z * z / t", { w, z: moved, t: total }, 0, { keepDims: true });
  return Tensor.map("v > 0 ? z / sqrt(v) : 0", { z: moved, v: variance });
}
