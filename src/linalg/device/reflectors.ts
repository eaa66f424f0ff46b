import { PANEL_COLUMNS } from "../../ops/householder.ts";
import { Tensor } from "../../tensor/mod.ts";
import { eyeLike, joined, zerosLike } from "./parts.ts";

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
 * 2000). Nearly all the work is in products.
 */
export function reflectorsOf(x: Tensor): Reflectors {
  const [count, m, n] = x.shape;
  if (n <= PANEL_COLUMNS) return Tensor.apply("householder", { a: x }, {}) as unknown as Reflectors;
  const half = PANEL_COLUMNS * Math.ceil(n / (2 * PANEL_COLUMNS)), left = reflectorsOf(x.slice(null, null, [0, half]));
  const rest = reflectedTransposed(left, x.slice(null, null, [half]));
  if (m <= half) return { ...left, r: joined([left.r, rest], 2) };
  const right = reflectorsOf(rest.slice(null, [half])), k = right.t.shape[1];
  const corner = left.v.slice(null, [half]).T.matmul(right.v).matmul(right.t);
  return {
    v: joined([left.v, joined([zerosLike(x, [count, half, k]), right.v], 1)], 2),
    t: joined([
      joined([left.t, left.t.matmul(corner).neg()], 2),
      joined([zerosLike(x, [count, k, half]), right.t], 2),
    ], 1),
    r: joined([
      joined([left.r, rest.slice(null, [0, half])], 2),
      joined([zerosLike(x, [count, k, half]), right.r], 2),
    ], 1),
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

/** The first p columns of Q, `[count, m, p]`. */
export function leadingColumns({ v, t }: Pick<Reflectors, "v" | "t">, p: number): Tensor {
  const [, m, k] = v.shape;
  // Of the columns of the identity only the first k rows of V meet something where p = k.
  if (p === k) return eyeLike(v, m, p).sub(v.matmul(t.matmul(v.slice(null, [0, k]).T)));
  const top = t.matmul(v.slice(null, [0, Math.min(m, p)]).T);
  return eyeLike(v, m, p).sub(v.matmul(top));
}
