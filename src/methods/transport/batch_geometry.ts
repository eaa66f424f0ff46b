import { Tensor } from "../../tensor/mod.ts";
import type { Potential } from "./geometry.ts";
import type { LogGeometry } from "./log_steps.ts";
import type { Pair } from "./problem.ts";

/** exp((f + g − C)/ε), in brackets that keep the precision; see `Potential`. */
export const ENTRY = "exp(((F + G) - C) / eps + (p + q))";

/** Vectors `[B, n]` as columns and rows of the matrices `[B, n, m]`, and `[B, 1]` as one number for each. */
export function withPotentials<T>(
  { f, g }: Pair,
  eps: Tensor,
  use: (inputs: { F: Tensor; p: Tensor; G: Tensor; q: Tensor; eps: Tensor }) => T,
): T {
  using F = asColumn(f.coarse);
  using p = asColumn(f.fine);
  using G = asRow(g.coarse);
  using q = asRow(g.fine);
  using each = eps.reshape([eps.shape[0], 1, 1]);
  return use({ F, p, G, q, eps: each });
}

/** Costs `[B, n, m]` with ε `[B, 1]`. */
export function batchGeometry(C: Tensor, eps: Tensor): LogGeometry {
  const logSum = (other: Potential, turn: (t: Tensor) => Tensor, axis: number) => {
    using G = turn(other.coarse);
    using q = turn(other.fine);
    using each = eps.reshape([eps.shape[0], 1, 1]);
    return Tensor.reduce("logsumexp", "(G - C) / eps + q", { C, G, q, eps: each }, axis);
  };
  return {
    logSum: (side, other) => side === "rows" ? logSum(other, asRow, 2) : logSum(other, asColumn, 1),
    marginal: (side, at) =>
      withPotentials(at, eps, (inputs) => Tensor.reduce("sum", ENTRY, { C, ...inputs }, side === "rows" ? 2 : 1)),
  };
}

function asColumn(t: Tensor): Tensor {
  return t.reshape([t.shape[0], t.shape[1], 1]);
}

function asRow(t: Tensor): Tensor {
  return t.reshape([t.shape[0], 1, t.shape[1]]);
}
