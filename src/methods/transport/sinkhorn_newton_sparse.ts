import { Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { joinSolution } from "./differentiate.ts";
import { matrixGeometry, type Potential } from "./geometry.ts";
import { absoluteEpsilon, numberOf, readArguments, requirePositiveNumber, tensorLike } from "./host_problem.ts";
import { readCost } from "./matrix_cost.ts";
import { newtonIterations, type NewtonProgress } from "./newton_iterations.ts";
import { type HostDual, type HostPotentials, logOfNothing } from "./newton_system.ts";
import type { Problem } from "./problem.ts";
import { SinkhornResult } from "./sinkhorn_result.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/** Options of {@linkcode sinkhornNewtonSparse}. */
export interface SinkhornNewtonOptions {
  /** Cost between points; default `sqeuclidean`. Not used with a cost matrix. */
  cost?: Cost;
  /** Weights of the rows, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of the columns, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** Regularization ε (1/η in the paper), in units that `epsilonScale` says; a tensor of one number to differentiate by it. Default 0.01. */
  epsilon?: number | Tensor;
  /** `relative` (default): `epsilon` is a fraction of the largest cost; `absolute`: it has the cost's unit. */
  epsilonScale?: "relative" | "absolute";
  /** Sinkhorn iterations before the first Newton step, the first half of them with ε falling to its value. Default 20. */
  warmUp?: number;
  /**
   * Fraction of the plan's entries, the largest, that stay in the Hessian, up to 1. By default it begins at 8/max(n, m) and doubles whenever a
   * full Newton step does not divide the error by 4: what was left out was too much.
   */
  density?: number;
  /** Newton steps, and Sinkhorn iterations between them, after the warm-up before giving up. Default 200. */
  maxIterations?: number;
  /** Stops once the marginal error is below this fraction of the total mass. Default 1e-10 for costs in f64, 1e-5 in f32. */
  tolerance?: number;
  /** Relative residual to which each Newton system is solved at most; it tightens with the marginal error. Default 1e-2. */
  innerTolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each iteration. */
  onProgress?: (progress: NewtonProgress) => void;
}

/**
 * What {@linkcode sinkhornNewtonSparse} found: as of `sinkhorn`, and differentiable in the same way. `marginalError` is that of the plan
 * given, in the dtype of the cost, both sides together; `history` has that of the f64 iterates.
 */
export type SinkhornNewtonResult = Omit<SinkhornResult, "history"> & { readonly history: readonly NewtonProgress[] };

/**
 * Entropic optimal transport by Newton's method with sparse Hessians. A few Sinkhorn iterations bring the plan near its final support,
 * then each step solves
 *
 *   ε⁻¹ [diag(P·1), K; Kᵀ, diag(Pᵀ·1)] (df, dg) = (a − P·1, b − Pᵀ·1)
 *
 * with K the few largest entries of the plan P, by conjugate gradients, and goes along (df, dg) by backtracking on the dual. Where only a
 * short step is left by that, the plan is far from its final support, and Newton's steps go the way from a larger ε, halving it. The problem is
 * that of `sinkhorn`; it takes tens of iterations where Sinkhorn takes hundreds or thousands, each of O(nm) on the host in f64, with the n×m cost stored:
 * the method for small ε, high accuracy and some thousand points at most. Source: Tang, Shavlovsky, Rahmanian, Tardini, Thekumparampil,
 * Xiao and Ying, "Accelerating Sinkhorn Algorithm with Sparse Newton Iterations" (2024), algorithm 1.
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite points or costs, negative weights, totals that differ, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const C = gpu.random.uniform([30, 30], { seed: 1 }).astype("f64");
 * using result = await transport.sinkhornNewtonSparse(C, { epsilon: 1 / 1200, epsilonScale: "absolute" });
 * console.log(result.converged, result.marginalError < 1e-10); // true true
 * ```
 */
export function sinkhornNewtonSparse(
  x: Tensor,
  y: Tensor,
  options?: SinkhornNewtonOptions,
): Promise<SinkhornNewtonResult>;
/** The same for a cost matrix `[n, m]`. */
export function sinkhornNewtonSparse(
  costMatrix: Tensor,
  options?: Omit<SinkhornNewtonOptions, "cost">,
): Promise<SinkhornNewtonResult>;
export async function sinkhornNewtonSparse(
  x: Tensor,
  second?: Tensor | SinkhornNewtonOptions,
  third?: SinkhornNewtonOptions,
): Promise<SinkhornNewtonResult> {
  const { y, options } = readArguments<SinkhornNewtonOptions>(second, third);
  const { owned, tensor, n, m, C, largest } = await readCost(x, y, options.cost);
  const keep = <T extends Tensor>(t: T): T => {
    owned.push(t);
    return t;
  };
  try {
    const { a, b, total } = await prepareWeights(options.a, options.b, n, m);
    const given = options.epsilon ?? 0.01, strength = await numberOf("epsilon", given);
    const epsilon = absoluteEpsilon({ ...options, epsilon: strength }, largest);
    const tolerance = requirePositiveNumber("tolerance", options.tolerance ?? (tensor.dtype === "f64" ? 1e-10 : 1e-5));
    const dual: HostDual = {
      ...{ n, m, C, a, b, epsilon, floor: logOfNothing(a, b) },
      ...{ P: new Float64Array(n * m), r: new Float64Array(n), c: new Float64Array(m) },
    };
    const target = tolerance * total, found = await newtonIterations(dual, target, total, options);
    const split = ({ f, g }: HostPotentials): [Potential, Potential] => {
      // As in sinkhorn_iterations.ts: multiples of a power of two, and remainders in units of ε.
      const quantum = 2 ** (Math.ceil(Math.log2(Math.max(largest, epsilon))) - 12);
      const part = (h: Float64Array) => {
        const coarse = h.map((v) => v === -Infinity ? v : Math.round(v / quantum) * quantum);
        const fine = h.map((v, k) => v === -Infinity ? 0 : (v - coarse[k]) / epsilon);
        return { coarse: tensorLike(tensor, coarse), fine: tensorLike(tensor, fine) };
      };
      return [part(f), part(g)];
    };
    const [f, g] = split(found);
    for (const t of [f.coarse, f.fine, g.coarse, g.fine]) keep(t);
    const geometry = matrixGeometry(tensor);
    const [rows, columns] = await Promise.all((["rows", "columns"] as const).map(async (side) => {
      using sums = geometry.marginal(side, f, g, epsilon);
      return await sums.data();
    }));
    // What counts is the plan as it is given, in its dtype.
    const error = distance(rows, a) + distance(columns, b);
    const magnitude = C.reduce((most, c) => Math.max(most, Math.abs(c)), 0);
    const state = {
      ...{ f, g, iterations: found.history.length, converged: error <= target, error, history: found.history },
      ...{ form: "stored" as const, rounding: { magnitude, signed: true, roundings: 1 } },
    };
    const problem: Problem = {
      cost: { C: tensor },
      geometryOf: (given) => matrixGeometry(given.C),
      ...weightTensors(options.a, options.b, { a, b }, tensor, keep),
      // The largest cost counts as a constant.
      epsilon: given instanceof Tensor ? keep(given.reshape([]).mul(epsilon / strength)) : epsilon,
    };
    const join = (value: Tensor) => joinSolution(problem, state, value);
    // Its history is that of the state.
    const result: unknown = await SinkhornResult.from(geometry, state, { a, b }, problem, owned, join);
    return result as SinkhornNewtonResult;
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
}

/** ‖v − w‖₁ */
function distance(v: ArrayLike<number>, w: Float64Array): number {
  return w.reduce((s, x, k) => s + Math.abs(v[k] - x), 0);
}
