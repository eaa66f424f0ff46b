import type { Tensor, TensorLike } from "../../tensor/mod.ts";
import type { Potential, Side } from "./geometry.ts";
import type { Pair } from "./problem.ts";
import { disposePotentials, FROM_LOG_SUM, FROM_MARGINAL, renewPotential } from "./renew_potential.ts";

/** What the steps need of the costs of a batch of problems. */
export interface LogGeometry {
  /** log Σ exp((g − C)/ε) over the other side: `[B, n]` for the rows. */
  logSum(side: Side, other: Potential): Tensor;
  /** The plan's marginal: `[B, n]` for the rows. */
  marginal(side: Side, at: Pair): Tensor;
}

/** Problems at work. */
export interface LogProblem {
  readonly geometry: LogGeometry;
  /** Weights `[B, n]` and `[B, m]`. */
  readonly a: Tensor;
  readonly b: Tensor;
  /** Of each problem, `[B, 1]`. */
  readonly eps: TensorLike;
  readonly quantum: TensorLike;
}

/**
 * Both half-steps in the log domain, `count` times: one exponential per pair and half-step, at any ε and from any potentials, since the first
 * iteration forgets the rows' one. Takes over `at`.
 */
export function logSteps(problem: LogProblem, at: Pair, count: number, omega: TensorLike): Pair {
  const { geometry, eps, quantum } = problem;
  let { f, g } = at;
  const renew = (side: Side, anew: boolean, omega: TensorLike) => {
    const a = side === "rows" ? problem.a : problem.b, old = side === "rows" ? f : g;
    using s = anew ? geometry.logSum(side, side === "rows" ? g : f) : geometry.marginal(side, { f, g });
    const renewed = renewPotential(old, anew ? FROM_LOG_SUM : FROM_MARGINAL, { a, s, eps, quantum, omega });
    if (side === "rows") f = renewed;
    else g = renewed;
    disposePotentials(old);
  };
  for (let k = 0; k < count; k++) {
    renew("rows", k === 0, omega);
    // A plain step before each measurement, so that the column marginal is exact then.
    renew("columns", k === 0, k + 1 < count ? omega : 1);
  }
  return { f, g };
}
