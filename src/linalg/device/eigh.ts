import { roundoff } from "../../device/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";
import { ascending, rowsFrom } from "./order.ts";
import { constantLike, eyeLike, orthonormalRows, positions, scaledStack, unflattened } from "./parts.ts";
import { jacobiRows, padded, sweepUntil } from "./sweeps.ts";

/**
 * Eigenvalues `[..., n]`, ascending, and eigenvectors `[..., n, n]` by block Jacobi on the adapter. It ends when what is left beside the
 * diagonal is 8·√n·u of the norm. Throws a `RangeError` if an element is not finite, and a `ConvergenceError`.
 */
export async function eighOnDevice(a: Tensor): Promise<{ values: Tensor; vectors: Tensor }> {
  return await runScope(async () => {
    const { x, scale, requireFinite } = scaledStack(a, "eigh"), symmetric = mirrored(x);
    const rows = orthonormalRows(await eigenvectors(symmetric, requireFinite));
    // Rayleigh quotients: the error of the sweeps' products is none of theirs.
    const values = Tensor.reduce("sum", "x * y", { x: rows, y: rows.matmul(symmetric) }, -1);
    const { order } = ascending(values), sorted = rowsFrom(values.div(scale.squeeze(-1)), order);
    return {
      values: sorted.reshape(a.shape.slice(0, -1)),
      vectors: unflattened(rowsFrom(rows, order), a).T,
    };
  });
}

/** Eigenvectors in rows, in no order. */
async function eigenvectors(x: Tensor, requireFinite: () => Promise<void>): Promise<Tensor> {
  const [count, n] = x.shape, rows = jacobiRows(n), u = roundoff(x.dtype), { i, j } = places(x, rows);
  const norm = Tensor.reduce("sum", "x^2", { x }, [1, 2]).sqrt(), level = norm.mul(2 * u / Math.sqrt(n));
  const [zero, one] = [constantLike(x, 0), constantLike(x, 1)];
  const { v } = await sweepUntil(
    { a: padded(x, rows, rows), v: eyeLike(x, rows, n).broadcastTo([count, rows, n]), level, of: "symmetric" },
    `eigenvalues of a matrix [${n}, ${n}]`,
    async (a) => {
      const left = Tensor.reduce("sum", "i == j ? zero : x^2", { x: a, i, j, zero }, [1, 2]);
      const share = Tensor.map("sqrt(left) / (all > 0 ? all : one)", { left, all: norm, one });
      const [found] = await Promise.all([share.data(), requireFinite()]);
      return found.every((r) => r <= 8 * Math.sqrt(n) * u);
    },
  );
  return v.slice(null, [0, n]);
}

function places(like: Tensor, n: number): { i: Tensor; j: Tensor } {
  const j = positions(like, n);
  return { i: j.reshape([n, 1]), j };
}

/** Matrices with the lower triangle of others in both halves. */
function mirrored(x: Tensor): Tensor {
  return Tensor.map("i < j ? y : x", { x, y: x.T, ...places(x, x.shape[1]) });
}
