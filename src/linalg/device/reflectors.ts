import { householder, PANEL_COLUMNS } from "../../ops/householder.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { runOnAdapter } from "../run_on_adapter.ts";
import { joined } from "./parts.ts";

/** Q = I − V T Vᵀ of panels `[count, m, n]` with k = min(m, n) reflectors, and the first k rows of QᵀA. */
export interface Reflectors {
  /** Unit lower trapezoidal, `[count, m, k]`. */
  readonly v: Tensor;
  /** Upper triangular, `[count, k, k]`. */
  readonly t: Tensor;
  /** Upper trapezoidal, `[count, k, n]`. */
  readonly r: Tensor;
}

/**
 * Reflectors of panels of any width: two halves of the columns, one after the other, whose compact WY forms are joined (Elmroth & Gustavson
 * 2000). Nearly all the work is in products. `zero` is a number on the adapter.
 */
export function reflectorsOf(x: Tensor, zero: Tensor): Reflectors {
  const [count, m, n] = x.shape, zeros = (...shape: number[]) => zero.broadcastTo([count, ...shape]);
  if (n <= PANEL_COLUMNS) return runOnAdapter(householder, { a: x }, {}) as unknown as Reflectors;
  const half = PANEL_COLUMNS * Math.ceil(n / (2 * PANEL_COLUMNS)),
    left = reflectorsOf(x.slice(null, null, [0, half]), zero);
  const rest = reflectedTransposed(left, x.slice(null, null, [half]));
  if (m <= half) return { ...left, r: joined([left.r, rest], 2) };
  const right = reflectorsOf(rest.slice(null, [half]), zero), k = right.t.shape[1];
  const corner = left.v.slice(null, [half]).T.matmul(right.v).matmul(right.t);
  return {
    v: joined([left.v, joined([zeros(half, k), right.v], 1)], 2),
    t: joined([joined([left.t, left.t.matmul(corner).neg()], 2), joined([zeros(k, half), right.t], 2)], 1),
    r: joined([joined([left.r, rest.slice(null, [0, half])], 2), joined([zeros(k, half), right.r], 2)], 1),
  };
}

/** QᵀC. */
export function reflectedTransposed({ v, t }: Reflectors, c: Tensor): Tensor {
  return c.sub(v.matmul(t.T.matmul(v.T.matmul(c))));
}

/** QC. */
export function reflected({ v, t }: Pick<Reflectors, "v" | "t">, c: Tensor): Tensor {
  return c.sub(v.matmul(t.matmul(v.T.matmul(c))));
}

/** The first columns of Q, as many as `eye` `[m, p]` has. */
export function leadingColumns({ v, t }: Pick<Reflectors, "v" | "t">, eye: Tensor): Tensor {
  // Only the first p rows of V meet something in the identity.
  return eye.sub(v.matmul(t.matmul(v.slice(null, [0, eye.shape[1]]).T)));
}
