import { Tensor } from "../../tensor/mod.ts";
import { type SinkhornOptions, solveEntropic } from "./sinkhorn.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { prepareWeights } from "./weights.ts";

/** Options of {@linkcode sinkhornDivergence}; those of `sinkhorn` that fit three problems. */
export type SinkhornDivergenceOptions = Pick<
  SinkhornOptions,
  | "cost"
  | "a"
  | "b"
  | "epsilon"
  | "epsilonScale"
  | "maxIterations"
  | "tolerance"
  | "form"
  | "signal"
  | "onProgress"
>;

/** What {@linkcode sinkhornDivergence} found: the three problems with their certificates. */
export interface SinkhornDivergenceResult extends Disposable {
  /** S = OT(x, y) − (OT(x, x) + OT(y, y))/2 of the regularized values; not negative but for rounding. */
  readonly divergence: number;
  /** The same as a tensor of one number, to differentiate by points, weights and `epsilon`. */
  readonly value: Tensor;
  /** The same difference of the transport costs ⟨P, C⟩, without entropies; may be negative. */
  readonly costs: number;
  /** The problem between x and y. */
  readonly between: SinkhornResult;
  /** The problems of x with itself and y with itself. */
  readonly within: readonly [x: SinkhornResult, y: SinkhornResult];
  /** ε in the cost's unit, of all three. */
  readonly epsilon: number;
  /** Iterations of all three. */
  readonly iterations: number;
  /** Whether all three converged. */
  readonly converged: boolean;
  /** The largest of the three marginal errors, measured. */
  readonly marginalError: number;
  /** Frees all three. */
  dispose(): void;
}

/**
 * Sinkhorn divergence between two weighted point clouds: entropic transport without its bias,
 *
 *   S_ε(x, y) = OT_ε(x, y) − ½ OT_ε(x, x) − ½ OT_ε(y, y),
 *
 * zero if the clouds are the same, positive else for costs such as `sqeuclidean` and `euclidean`, and convex in each. Between optimal transport (ε → 0) and a
 * kernel distance (ε → ∞). Streaming, memory O(n + m) for many points. OT_ε may be taken with the entropy of P or with its
 * Kullback–Leibler divergence from a ⊗ b: the difference cancels.
 *
 * Source: Feydy, Séjourné, Vialard, Amari, Trouvé and Peyré, "Interpolating between Optimal Transport and MMD using Sinkhorn Divergences" (2019), equations 3
 * and 25.
 *
 * @param x Points `[n, d]` (or `[n]`).
 * @param y Points `[m, d]` (or `[m]`).
 * @param options As for `sinkhorn`; a relative ε counts from the largest cost between x and y. The cost must be symmetric; in a formula with
 * inputs of its own these are scalars.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} as `sinkhorn`.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([40, 2], { seed: 1 }), y = gpu.random.normal([50, 2], { seed: 2 }).add(1);
 * using apart = await transport.sinkhornDivergence(x, y, { epsilon: 0.05 });
 * using same = await transport.sinkhornDivergence(x, x, { epsilon: 0.05 });
 * console.log(apart.divergence > 1, Math.abs(same.divergence) < 1e-4); // true true
 * ```
 */
export async function sinkhornDivergence(
  x: Tensor,
  y: Tensor,
  options: SinkhornDivergenceOptions = {},
): Promise<SinkhornDivergenceResult> {
  if (!(y instanceof Tensor)) {
    throw new TypeError(`Expected points y as a tensor, got ${y === null ? "null" : typeof y}`);
  }
  const { cost } = options;
  if (typeof cost === "object" && Object.values(cost.inputs).some((t) => t instanceof Tensor && t.rank > 0)) {
    throw new TypeError("Expected scalars beside x and y in the cost of a divergence: each cloud also meets itself");
  }
  const between = await solveEntropic(x, y, options), made: (SinkhornResult | Tensor)[] = [between];
  try {
    // The same ε for all, in the cost's unit.
    const { epsilon: given = 0.01 } = options;
    const unit = given instanceof Tensor ? between.epsilon / await given.item() : 1;
    const epsilon = given instanceof Tensor ? given.mul(unit) : between.epsilon;
    if (epsilon instanceof Tensor) made.push(epsilon);
    const own = { ...options, epsilon, epsilonScale: "absolute" as const };
    // A side without weights takes over the other's total, as in the problem between.
    const { a: equalA, b: equalB } = await prepareWeights(options.a, options.b, x.shape[0], y.shape[0]);
    const a = options.a ?? equalA, b = options.b ?? equalB;
    const ofX = await solveEntropic(x, x, { ...own, a, b: a }, true);
    made.push(ofX);
    const ofY = await solveEntropic(y, y, { ...own, a: b, b }, true);
    made.push(ofY);
    const value = Tensor.map("s - (t + u) / 2", { s: between.value, t: ofX.value, u: ofY.value });
    void value.value;
    made.push(value);
    const all = [between, ofX, ofY];
    const dispose = () => {
      for (const part of made) part.dispose();
    };
    return {
      divergence: between.dual - (ofX.dual + ofY.dual) / 2,
      value,
      costs: between.cost - (ofX.cost + ofY.cost) / 2,
      between,
      within: [ofX, ofY],
      epsilon: between.epsilon,
      iterations: all.reduce((s, r) => s + r.iterations, 0),
      converged: all.every((r) => r.converged),
      marginalError: Math.max(...all.map((r) => r.marginalError)),
      dispose,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    for (const part of made) part.dispose();
    throw error;
  }
}
