import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import type { Potential, Side } from "./geometry.ts";
import type { Pair } from "./problem.ts";
import {
  disposePotentials,
  FROM_LOG_SUM,
  FROM_MARGINAL,
  FROM_SCALING,
  type Renewal,
  renewPotential,
} from "./renew_potential.ts";

/** What the steps need of a cost, for one problem (no leading axes) or a batch of them (one leading axis). */
export interface ScalingGeometry {
  /** log Σ exp((g − C)/ε) over the other side. */
  logSum(side: Side, other: Potential): Tensor;
  /** The plan's marginal: `[…, n]` for the rows. */
  marginal(side: Side, at: Pair): Tensor;
  /** The plan, stored: `[…, n, m]`. */
  matrix(at: Pair): Tensor;
}

/** Problems at work. */
export interface ScalingProblem {
  readonly geometry: ScalingGeometry;
  /** Weights `[…, n]` and `[…, m]`. */
  readonly a: Tensor;
  readonly b: Tensor;
  /** Of each problem, `[…, 1]`, or one number. */
  readonly eps: TensorLike;
  readonly quantum: TensorLike;
}

/** Both half-steps in the log domain, `count` times: one exponential per pair and half-step, at any ε. Takes over `at`. */
export function logSteps(problem: ScalingProblem, at: Pair, count: number, warm: boolean, omega: TensorLike): Pair {
  const { geometry, eps, quantum } = problem;
  let { f, g } = at;
  const renew = (side: Side, by: Renewal, omega: TensorLike) => {
    const a = side === "rows" ? problem.a : problem.b, old = side === "rows" ? f : g;
    using s = warm ? geometry.logSum(side, side === "rows" ? g : f) : geometry.marginal(side, { f, g });
    const renewed = renewPotential(old, by, { a, s, eps, quantum, omega });
    if (side === "rows") f = renewed;
    else g = renewed;
    disposePotentials(old);
  };
  const by = warm ? FROM_LOG_SUM : FROM_MARGINAL;
  for (let k = 0; k < count; k++) {
    renew("rows", by, omega);
    // A plain step before each measurement, so that the column marginal is exact then.
    renew("columns", by, k + 1 < count ? omega : 1);
  }
  return { f, g };
}

/** Scalings beyond e^±60 are held there; those beyond {@linkcode RANGE} are not used. */
const RENEW = "a > 0 ? clamp(u * exp(omega * log(a / clamp(u * s, 1e-26, 1e26))), 1e-26, 1e26) : 0";

/**
 * Logarithm up to which scalings are absorbed. Entries of the stored plan below e^−87 are zero in f32, so what two scalings can hide is below
 * e^−47 of the mass.
 */
export const RANGE = 20;

/**
 * Both half-steps as scalings of a stored plan K, `count` times: one product per pair and half-step,
 *
 *   u ← a / (K v),  v ← b / (Kᵀ u)  (to the power ω),
 *
 * absorbed into the potentials in the end. Source: Schmitzer, "Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport
 * Problems" (2019), section 3.
 *
 * @returns The potentials, and the largest |log| of a scaling for each problem: beyond {@linkcode RANGE} they mean nothing.
 */
export function scalingSteps(
  problem: ScalingProblem,
  at: Pair,
  K: Tensor,
  count: number,
  omega: TensorLike,
): { moved: Pair; range: Tensor } {
  const lead = K.shape.slice(0, -2), [n, m] = K.shape.slice(-2), rank = lead.length;
  using a = problem.a.reshape([...lead, n, 1]);
  using b = problem.b.reshape([...lead, 1, m]);
  let u = Tensor.map("a > 0 ? 1 : 0", { a }, K.dtype), v = Tensor.map("b > 0 ? 1 : 0", { b }, K.dtype);
  const held = omega instanceof Tensor ? omega.reshape([...lead, 1, 1]) : omega;
  const renew = (old: Tensor, s: Tensor, weight: Tensor, omega: TensorLike): Tensor => {
    const scaled = Tensor.map(RENEW, { a: weight, u: old, s, omega });
    void scaled.value;
    old.dispose();
    s.dispose();
    return scaled;
  };
  for (let k = 0; k < count; k++) {
    u = renew(u, Tensor.reduce("sum", "K * v", { K, v }, rank + 1, { keepDims: true }), a, held);
    const last = k + 1 === count;
    v = renew(v, Tensor.reduce("sum", "K * u", { K, u }, rank, { keepDims: true }), b, last ? 1 : held);
  }
  if (held instanceof Tensor) held.dispose();
  const rows = u.reshape([...lead, n]), columns = v.reshape([...lead, m]);
  const { eps, quantum } = problem;
  const moved = {
    f: renewPotential(at.f, FROM_SCALING, { a: problem.a, s: rows, eps, quantum, omega: 1 }),
    g: renewPotential(at.g, FROM_SCALING, { a: problem.b, s: columns, eps, quantum, omega: 1 }),
  };
  using ofRows = Tensor.reduce("max", "s > 0 ? abs(log(s)) : 0", { s: rows }, rank);
  using ofColumns = Tensor.reduce("max", "s > 0 ? abs(log(s)) : 0", { s: columns }, rank);
  const range = ofRows.maximum(ofColumns);
  void range.value;
  for (const t of [u, v, rows, columns]) t.dispose();
  return { moved, range };
}

/** The potentials that moved where `range` allows, the old ones elsewhere. Takes over both. */
export function acceptWithin(range: Tensor, moved: Pair, old: Pair): Pair {
  using r = range.reshape([...range.shape, 1]);
  const choose = (x: Tensor, y: Tensor) => {
    const chosen = Tensor.map(`r <= ${RANGE} ? x : y`, { r, x, y });
    void chosen.value;
    return chosen;
  };
  const both = (x: Potential, y: Potential) => ({ coarse: choose(x.coarse, y.coarse), fine: choose(x.fine, y.fine) });
  const accepted = { f: both(moved.f, old.f), g: both(moved.g, old.g) };
  disposePotentials(moved.f, moved.g, old.f, old.g);
  return accepted;
}
