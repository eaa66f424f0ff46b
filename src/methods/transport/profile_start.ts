import { Tensor } from "../../tensor/mod.ts";
import type { GromovSpace } from "./gromov_space.ts";
import type { LogFactors } from "./factor_projection.ts";

/** Part of the mass that is in the slices; the rest is spread, so that every entry is positive. */
const SLICED = 0.9;
/** Standard deviation of the noise in the logarithms that tells alike points apart. */
const NOISE = 0.1;

/**
 * Factors that match points of like eccentricity: each space is cut into slices of equal mass along ρ, and the k-th slices are matched. It
 * minimizes the part of the objective that is linear in the plan, −4 t ⟨ρ1ρ2ᵀ, P⟩, among such plans (a first lower bound in the sense of
 * Mémoli, 2011).
 */
export async function profileStart(
  spaces: readonly [GromovSpace, GromovSpace],
  weights: { a: Float64Array; b: Float64Array; total: number },
  rank: number,
  seed: number,
): Promise<() => LogFactors> {
  const [q, r] = await Promise.all(spaces.map(async ({ profile }, side) => {
    return sliced(Array.from(await profile.data()), side === 0 ? weights.a : weights.b, weights.total, rank);
  }));
  return () => {
    const { device, dtype } = spaces[0].profile;
    const array = (v: Float64Array) => dtype === "f64" ? Float64Array.from(v) : Float32Array.from(v);
    const noisy = (v: Float64Array, n: number, side: number): Tensor => {
      using logs = Tensor.of(device, array(v), [n, rank], dtype);
      const params = { distribution: "normal", shape: [n, rank], seed, stream: side };
      using drawn = Tensor.apply("random", {}, params, device).out;
      const out = Tensor.map("x + s * z", { x: logs, z: drawn.astype(dtype), s: NOISE });
      void out.value;
      return out;
    };
    const level = new Float64Array(rank).fill(Math.log(weights.total / rank));
    return {
      q: noisy(q, spaces[0].size, 0),
      r: noisy(r, spaces[1].size, 1),
      g: Tensor.of(device, array(level), [rank], dtype),
    };
  };
}

/** Logarithms of the masses `[n, rank]` of points in slices of equal mass in the order of `keys`. */
function sliced(keys: readonly number[], weights: Float64Array, total: number, rank: number): Float64Array {
  const order = keys.map((_, i) => i).sort((i, j) => keys[i] - keys[j]), part = total / rank;
  const out = new Float64Array(keys.length * rank);
  let before = 0;
  for (const i of order) {
    const after = before + weights[i];
    for (let k = 0; k < rank; k++) {
      const inside = Math.max(0, Math.min(after, (k + 1) * part) - Math.max(before, k * part));
      // A point without weight has no row; the projection leaves it so.
      out[i * rank + k] = weights[i] > 0
        ? Math.log(SLICED * inside + (1 - SLICED) * weights[i] / rank)
        : -Math.log(rank);
    }
    before = after;
  }
  return out;
}
