import { dense, type LinearOperator, pairwise } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { type Cost, prepareCost } from "./cost.ts";
import { readArguments } from "./host_problem.ts";
import { LowRankResult } from "./low_rank_result.ts";
import type { PlanObjective } from "./low_rank_descent.ts";
import { finishLowRank, type LowRankOptions, solveLowRank } from "./low_rank_solve.ts";
import { lowRankValue } from "./low_rank_value.ts";
import { requireFinite, requireOptions } from "./sinkhorn_input.ts";
import { squaredDistances } from "./squared_distances.ts";

/** Options of {@linkcode lowRankSinkhorn} for points. */
export interface LowRankSinkhornOptions extends LowRankOptions {
  /** Cost between points; default `sqeuclidean`, whose products take time O((n + m) d). Others stream over all pairs. */
  cost?: Cost;
}

/**
 * Optimal transport by plans of nonnegative rank r:
 *
 *   min ⟨P, C⟩ − ε (H(Q) + H(R) + H(g))  over P = Q diag(1/g) Rᵀ with Q·1 = a, R·1 = b, Qᵀ·1 = Rᵀ·1 = g,  H(x) = −Σ x (log x − 1),
 *
 * by mirror descent on Q, R and g. For squared distances, and for a cost that is a low-rank operator, a step takes time and memory O((n + m) r):
 * linear in the number of points. The plan is feasible, so that its cost bounds the optimal one from above; as the problem is not convex, it
 * is a stationary point that depends on the start (`starts`, `seed`), and there is no duality gap. Source: Scetbon, Cuturi and Peyré,
 * "Low-Rank Sinkhorn Factorization" (2021), sections 3.2 and 3.3.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or the cost as a matrix `[n, m]` or as an operator if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, a rank above n or m.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([80, 2], { seed: 1 }), y = gpu.random.normal([90, 2], { seed: 2 });
 * const { plan, cost, marginalError } = await transport.lowRankSinkhorn(x, y, { rank: 3, epsilon: 0.1 });
 * const image = await plan.apply(y).array(); // [80, 2], in time O(n r)
 * ```
 */
export function lowRankSinkhorn(x: Tensor, y: Tensor, options?: LowRankSinkhornOptions): Promise<LowRankResult>;
/** Low-rank optimal transport for a cost matrix, or for a cost that is known by its products. */
export function lowRankSinkhorn(cost: Tensor | LinearOperator, options?: LowRankOptions): Promise<LowRankResult>;
export async function lowRankSinkhorn(
  x: Tensor | LinearOperator,
  second?: Tensor | LowRankOptions,
  third?: LowRankSinkhornOptions,
): Promise<LowRankResult> {
  const { y, options } = readArguments<LowRankSinkhornOptions>(second, third);
  const owned: { dispose(): void }[] = [];
  try {
    const cost = await costOperator(x, y, options, owned, stopGradient);
    const probe = Tensor.of(
      cost.device,
      cost.dtype === "f64" ? new Float64Array(1) : new Float32Array(1),
      [1],
      cost.dtype,
    );
    owned.push(probe);
    const through = (cost: LinearOperator, held: (t: Tensor) => Tensor): PlanObjective => ({ q, r, g }) => {
      using left = q.div(g);
      using right = r.div(g);
      const rows = held(cost.apply(right)), columns = held(cost.applyTransposed(left));
      return { rows, columns, value: Tensor.reduce("sum", "q * d", { q, d: rows }) };
    };
    // The descent is not differentiated.
    const objective = through(cost, (t) => {
      const own = stopGradient(t);
      t.dispose();
      return own;
    });
    const found = await solveLowRank("lowRankSinkhorn", probe, cost.shape, options, objective);
    return await finishLowRank(found, async (found) => {
      const live = through(await costOperator(x, y, options, owned, (t) => t), (t) => t);
      return LowRankResult.of({ ...found, ...await lowRankValue("lowRankSinkhorn", found, options, live) });
    });
  } finally {
    for (const part of owned) part.dispose();
  }
}

/** The cost by its products; what is made for it goes to `owned`. */
async function costOperator(
  x: Tensor | LinearOperator,
  y: Tensor | undefined,
  options: LowRankSinkhornOptions,
  owned: { dispose(): void }[],
  held: (t: Tensor) => Tensor,
): Promise<LinearOperator> {
  const keep = <T extends { dispose(): void }>(part: T): T => {
    owned.push(part);
    return part;
  };
  if (!(x instanceof Tensor)) {
    if (typeof x?.applyTransposed !== "function") {
      throw new TypeError(`Expected points, a cost matrix or an operator, got ${x === null ? "null" : typeof x}`);
    }
    if (y) throw new TypeError("Expected points as a tensor beside y, got an operator");
    if (options.cost !== undefined) throw new TypeError('"cost" is for points: a cost operator is the cost itself');
    return x;
  }
  requireOptions(x, y, { cost: options.cost });
  await Promise.all([requireFinite(y ? "x" : "the cost matrix", x), y && requireFinite("y", y)]);
  const own = (t: Tensor) => keep(held(t).reshape(t.shape));
  const rows = own(x);
  if (!y) return keep(dense(rows));
  const other = own(y), { cost = "sqeuclidean" } = options;
  // Empty sides are refused with the weights.
  if (cost === "sqeuclidean" && x.shape[0] > 0 && y.shape[0] > 0) {
    const columns = (t: Tensor) => keep(t.reshape([t.shape[0], t.shape[1] ?? 1]));
    return keep(squaredDistances(columns(rows), columns(other)));
  }
  const prepared = await prepareCost(rows, other, cost);
  for (const t of prepared.owned) keep(t);
  return keep(pairwise(prepared.formula, prepared.inputs));
}
