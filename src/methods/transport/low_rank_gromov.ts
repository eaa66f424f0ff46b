import type { LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Cost } from "./cost.ts";
import { numberOf } from "./host_problem.ts";
import { type Between, prepareFeatures, prepareSpaces } from "./gromov_input.ts";
import type { GromovSpace } from "./gromov_space.ts";
import type { PlainFactors } from "./low_rank_descent.ts";
import { LowRankGromovResult } from "./low_rank_gromov_result.ts";
import { finishLowRank, type LowRankOptions, requireLowRank, solveLowRank } from "./low_rank_solve.ts";
import { lowRankValue } from "./low_rank_value.ts";
import { smoothStart } from "./smooth_start.ts";

/** Options of {@linkcode lowRankGromovWasserstein}. */
export interface LowRankGromovOptions extends LowRankOptions {
  /** The cost within each space: x and y are then points, each in a space of its own. Without it they are the costs themselves. */
  cost?: Cost;
  /**
   * Replaces each cost (but squared distances of points, whose rank is small anyway) by one of this rank for the steps, found with random
   * products; how well is told by `costErrors`. Default: no replacement.
   */
  costRank?: number;
  /**
   * A cost between points of the two spaces to fuse with: a matrix or operator `[n, m]`, or points `[n, k]` and `[m, k]` whose squared distances
   * it is. The objective is (1 − α)·distortion + α⟨P, M⟩.
   */
  features?: Tensor | LinearOperator | readonly [Tensor, Tensor];
  /** α of `features`, from 0 to 1. Default 0.5. */
  alpha?: number;
  /** Largest step of the mirror descent over the largest element of the gradient. Default 30: large steps miss poor local minima. */
  step?: number;
  /** Random starts, of which the best is kept. The problem is far from convex, and one start may end at twice the distortion. Default 3. */
  starts?: number;
}

/**
 * Gromov–Wasserstein by plans of nonnegative rank r: a plan between two spaces of which only the costs within each are known,
 *
 *   min Σ (C1_ik − C2_jl)² P_ij P_kl − ε (H(Q) + H(R) + H(g))  over P = Q diag(1/g) Rᵀ with Q·1 = a, R·1 = b, Qᵀ·1 = Rᵀ·1 = g,
 *
 * by mirror descent on Q, R and g with steps that never raise the objective. For squared distances of points, and for costs that are low-rank operators, a
 * step takes time and memory O((n + m) r (r + d)): linear in the number of points. For stored matrices it takes O(n² r). The plan is a stationary
 * point that depends on the start; nothing bounds the optimum from below but 0. Source: Scetbon, Peyré and Cuturi, "Linear-Time Gromov
 * Wasserstein Distances using Low Rank Couplings and Costs" (2022), sections 3 and 4, algorithm 2; fused: Vayer, Chapel, Flamary, Tavenard
 * and Courty (2019).
 *
 * @param x Points `[n, d]` (or `[n]` on a line) if `cost` is given; else the symmetric cost within the first space, a matrix or an operator `[n, n]`.
 * @param y The same of the second space, `[m, e]` or `[m, m]`.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite input, costs that are not symmetric, negative weights, totals that differ, a rank above n or m.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([60, 2], { seed: 1 }), y = gpu.random.normal([70, 3], { seed: 2 });
 * const { plan, cost } = await transport.lowRankGromovWasserstein(x, y, { cost: "sqeuclidean", rank: 4 });
 * const image = await plan.apply(y).array(); // [60, 3], in time O(n r)
 * ```
 */
export async function lowRankGromovWasserstein(
  x: Tensor | LinearOperator,
  y: Tensor | LinearOperator,
  given: LowRankGromovOptions = {},
): Promise<LowRankGromovResult> {
  const options = { ...given, step: given.step ?? 30, starts: given.starts ?? 3 };
  options.signal?.throwIfAborted();
  const owned: { dispose(): void }[] = [];
  try {
    const { shape, spaces, weights, errors } = await prepareSpaces(x, y, options, owned);
    const [one, other] = spaces, { a, total } = weights;
    requireLowRank({ ...options, epsilon: await numberOf("epsilon", options.epsilon ?? 0) }, ...shape);
    const between = await prepareFeatures(options, shape, a, owned);
    const share = 1 - between.alpha;
    const offset = share * (one.squares + other.squares - 4 * one.mean * other.mean);
    const objective = (factors: PlainFactors) => slopes(factors, one, other, between, total);
    const found = await solveLowRank("lowRankGromovWasserstein", a, shape, options, objective, {
      offset,
      random: (rank, number) => smoothStart(spaces, weights, rank, { seed: options.seed ?? 0, number }),
    });
    return await finishLowRank(found, async (found) => {
      const live = (factors: PlainFactors) => liveObjective(factors, spaces, between, total);
      const joined = await runScope(() => lowRankValue("lowRankGromovWasserstein", found, options, live));
      return new LowRankGromovResult({
        ...found,
        ...joined,
        // A distortion is no less than 0, but for what rounding does to the difference that it is.
        cost: Math.max(0, joined.cost),
        scale: one.squares + other.squares,
        costErrors: errors,
      });
    });
  } finally {
    for (const part of owned) part.dispose();
  }
}

/**
 * The objective less what does not depend on the plan, and its gradient D less what is constant along rows or columns, which projections undo:
 * C1·P·C2 is then C̃1·P·C̃2 + t ρ1ρ2ᵀ.
 */
function slopes(
  { q, r, g }: PlainFactors,
  one: GromovSpace,
  other: GromovSpace,
  { alpha, M }: Between,
  t: number,
): { value: Tensor; rows: Tensor; columns: Tensor } {
  const left = q.div(g), right = r.div(g), share = 1 - alpha;
  const x = one.core(left), y = other.core(right), A = q.T.matmul(x), B = r.T.matmul(y);
  const along = one.profile.T.matmul(left), across = other.profile.T.matmul(right);
  const quadratic = Tensor.reduce("sum", "-2 * s * A * B", { A, B: B.T, s: share });
  const profiles = Tensor.reduce("sum", "-4 * s * t * u * w * g", { u: along, w: across, g, s: share, t });
  const slope = (product: Tensor, profile: Tensor, z: Tensor) =>
    Tensor.map("-4 * s * (p + t * c * z)", { p: product, c: profile, z, s: share, t });
  const rows = slope(x.matmul(B), one.profile, across), columns = slope(y.matmul(A), other.profile, along);
  if (!M) return { value: quadratic.add(profiles), rows, columns };
  const cost = M.apply(right), back = M.applyTransposed(left);
  const linear = Tensor.reduce("sum", "h * q * c", { h: alpha, q, c: cost });
  const fused = (d: Tensor, c: Tensor) => Tensor.map("d + h * c", { d, c, h: alpha });
  return {
    value: Tensor.map("x + y + z", { x: quadratic, y: profiles, z: linear }),
    rows: fused(rows, cost),
    columns: fused(columns, back),
  };
}

/**
 * The distortion of factors that are held, by the costs as they were given, for gradients to go through; and its gradient in the plan with what is
 * constant along rows or columns, by which the multipliers of the weights are told.
 */
function liveObjective(
  factors: PlainFactors,
  spaces: readonly [GromovSpace, GromovSpace],
  between: Between,
  total: number,
): ReturnType<typeof slopes> {
  const [one, other] = spaces, { q, r, g } = factors, { alpha, live } = between;
  const first = one.live(q, g), second = other.live(r, g), inverse = g.reshape([g.shape[0], 1]);
  const cross = Tensor.reduce("sum", "u * v / (g * h)", { u: first.within, v: second.within, g, h: inverse });
  const distortion = Tensor.map("s + t - 2 * c", { s: first.squares, t: second.squares, c: cross });
  const linear = live && Tensor.reduce("sum", "q * c", { q, c: live.apply(r.div(g)) });
  const value = linear ? Tensor.map("(1 - h) * d + h * c", { d: distortion, c: linear, h: alpha }) : distortion;
  const { rows, columns } = slopes(factors, one, other, between, total);
  /** Of C1·P·C2 in the gradient, and of (C1 ∘ C1)·a, what is constant along each row. */
  const along = (own: GromovSpace, left: Tensor, right: Tensor, far: GromovSpace) => {
    const image = own.core(left.matmul(right.T.matmul(far.profile)));
    const inputs = { f: own.squaredRows(), z: image, m: far.mean, p: own.profile, s: 1 - alpha };
    return Tensor.map("s * (2 * f - 4 * (z + m * p))", inputs);
  };
  return {
    value,
    rows: rows.add(along(one, q.div(g), r, other)),
    columns: columns.add(along(other, r.div(g), q, one)),
  };
}
