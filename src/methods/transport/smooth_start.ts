import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { LogFactors } from "./factor_projection.ts";
import type { ColumnWeights } from "./gromov_input.ts";
import type { GromovSpace } from "./gromov_space.ts";
import type { PlanObjective } from "./low_rank_descent.ts";

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
    const normal = (rows: number, stream: number) => normalNumbers(a, [rows, rank], seed, 6 * number + stream);
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
    return { q, r, g: equalNumbers(a, rank, Math.log(total / rank)) };
  });
}

/**
 * The same for any cost, by what it makes of normal numbers, which varies as smoothly as the cost does. Equal factors would be a stationary point, in
 * which all columns stay alike.
 */
export function randomStart(
  objective: PlanObjective,
  { a, b, total }: ColumnWeights,
  rank: number,
  { seed, number }: { seed: number; number: number },
): Promise<LogFactors> {
  return runScope(() => {
    const normal = (rows: number, stream: number) => normalNumbers(a, [rows, rank], seed, 4 * number + stream);
    const [n, m] = [a, b].map((w) => w.shape[0]);
    const { rows, columns } = objective({ q: normal(n, 0), r: normal(m, 1), g: equalNumbers(a, rank, 1) });
    const factor = (z: Tensor, w: Tensor, stream: number) => {
      const x = standardized(z, w, total);
      const mixed = Tensor.map("x + e", { x, e: normal(z.shape[0], stream) });
      void mixed.value;
      return mixed;
    };
    return { q: factor(rows, a, 2), r: factor(columns, b, 3), g: equalNumbers(a, rank, Math.log(total / rank)) };
  });
}

/** Normal numbers on the device of a tensor, in its dtype. */
function normalNumbers({ device, dtype }: Tensor, shape: readonly number[], seed: number, stream: number): Tensor {
  return Tensor.apply("random", {}, { distribution: "normal", shape, seed, stream }, device).out.astype(dtype);
}

/** `count` times one number. */
function equalNumbers({ device, dtype }: Tensor, count: number, value: number): Tensor {
  const data = dtype === "f64" ? new Float64Array(count) : new Float32Array(count);
  return Tensor.of(device, data.fill(value), [count], dtype);
}

/** Columns of mean 0 and variance 1 under the weights w `[n, 1]` of sum `total`; constant ones become 0. */
function standardized(z: Tensor, w: Tensor, total: number): Tensor {
  const mean = Tensor.reduce("sum", "w * z / t", { w, z, t: total }, 0, { keepDims: true });
  const moved = z.sub(mean);
  const variance = Tensor.reduce("sum", "w * z * z / t", { w, z: moved, t: total }, 0, { keepDims: true });
  return Tensor.map("v > 0 ? z / sqrt(v) : 0", { z: moved, v: variance });
}
