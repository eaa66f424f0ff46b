import { roundoff } from "../../device/mod.ts";
import { PAIR } from "../../ops/jacobi.ts";
import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";
import { ConvergenceError } from "../errors.ts";
import { ascending, inOrder } from "./order.ts";
import {
  constantLike,
  eyeLike,
  joined,
  orthonormalRows,
  positions,
  scaledStack,
  unflattened,
  zerosLike,
} from "./parts.ts";

/** Sweeps before the first look, which costs a wait, between looks, and in all. */
const SWEEPS = { first: 6, more: 2, most: 40 };
/** Most sweeps within one pair of blocks, where there is but one. */
const INNER = 16;

/** Rows with which Jacobi sweeps can be done, of at least n. */
export function jacobiRows(n: number): number {
  return n <= PAIR ? n + n % 2 : PAIR * Math.ceil(n / PAIR);
}

/**
 * Eigenvalues `[..., n]`, ascending, and eigenvectors `[..., n, n]` by block Jacobi on the adapter. It ends when what is left beside the
 * diagonal is 8·√n·u of the norm. Throws a `RangeError` if an element is not finite, and a {@linkcode ConvergenceError}.
 */
export async function eighOnDevice(a: Tensor): Promise<{ values: Tensor; vectors: Tensor }> {
  return await runScope(async () => {
    const { x, scale, requireFinite } = scaledStack(a, "eigh"), symmetric = mirrored(x);
    const rows = orthonormalRows(await diagonalizing(symmetric, requireFinite));
    // Rayleigh quotients: the error of the sweeps' products is none of theirs.
    const values = Tensor.reduce("sum", "x * y", { x: rows, y: rows.matmul(symmetric) }, -1), order = ascending(values);
    const sorted = inOrder(values.div(scale.squeeze(-1)), order), vectors = inOrder(rows, order);
    return { values: sorted.reshape(a.shape.slice(0, -1)), vectors: unflattened(vectors, a).T };
  });
}

/** Eigenvectors in rows. */
async function diagonalizing(x: Tensor, requireFinite: () => Promise<void>): Promise<Tensor> {
  const [count, n] = x.shape, rows = jacobiRows(n), u = roundoff(x.dtype);
  const norm = Tensor.reduce("sum", "x^2", { x }, [1, 2]).sqrt(), level = norm.mul(2 * u / Math.sqrt(n));
  let a = padded(x, rows), v: Tensor = eyeLike(x, rows, n).broadcastTo([count, rows, n]);
  const sweep = (sweeps: number) => {
    const params = { of: "symmetric", sweeps: rows <= PAIR ? 1 : sweeps, inner: rows <= PAIR ? INNER : 1 };
    const next = Tensor.apply("jacobi", { a, v, level }, params);
    a.dispose();
    v.dispose();
    [a, v] = [next.a, next.v];
  };
  sweep(SWEEPS.first);
  for (let done = SWEEPS.first;; done += SWEEPS.more) {
    const { i, j } = places(a, rows);
    const left = Tensor.map("sqrt(r) / (n > 0 ? n : one)", {
      r: Tensor.reduce("sum", "i == j ? zero : x^2", { x: a, i, j, zero: constantLike(x, 0) }, [1, 2]),
      n: norm,
      one: constantLike(x, 1),
    });
    const [found] = await Promise.all([left.data(), requireFinite()]);
    console.log(done, [...found].map((r) => r / u));
    if (found.every((r) => r <= 8 * Math.sqrt(n) * u)) break;
    if (done >= SWEEPS.most) throw new ConvergenceError(`The eigenvalues of a matrix [${n}, ${n}] did not converge`);
    sweep(SWEEPS.more);
  }
  return v.slice(null, [0, n]);
}

/** With rows and columns of zeros, which sweeps leave alone. */
function padded(x: Tensor, rows: number): Tensor {
  const [count, n] = x.shape;
  if (rows === n) return x.slice();
  const wide = joined([x, zerosLike(x, [count, n, rows - n])], 2);
  return joined([wide, zerosLike(x, [count, rows - n, rows])], 1);
}

function places(like: Tensor, n: number): { i: Tensor; j: Tensor } {
  const j = positions(like, n);
  return { i: j.reshape([n, 1]), j };
}

/** Matrices with the lower triangle of others in both halves. */
function mirrored(x: Tensor): Tensor {
  return Tensor.map("i < j ? y : x", { x, y: x.T, ...places(x, x.shape[1]) });
}
