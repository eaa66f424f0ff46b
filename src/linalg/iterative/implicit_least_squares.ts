import { linearOperator } from "../../operators/mod.ts";
import { Tensor, withVjp } from "../../tensor/mod.ts";
import type { MatrixLike } from "./action.ts";
import { cg } from "./cg.ts";
import {
  constant,
  inColumns,
  isCarrying,
  keeper,
  outer,
  solvedOnConstants,
  summedTo,
  transposeOf,
} from "./implicit.ts";

/** How a least-squares solver is differentiated. */
export interface ImplicitLeastSquares<R> {
  /** Solves with constants. */
  solve(a: MatrixLike, b: Tensor): Promise<R>;
  /** Solves again, differentiably. */
  again(a: MatrixLike, b: Tensor, damp: number): Promise<Tensor>;
}

/**
 * The minimizer of ‖A·x − b‖² + d²‖x‖² with its derivatives: with r = b − A·x and H = AᵀA + d²I, from H·dx = dAᵀ·r + Aᵀ(db − dA·x), for a
 * cotangent x̄ with H·λ = x̄ and y = A·λ,
 *
 *   b̄ = y,  Ā = r·λᵀ − y·xᵀ.
 *
 * y is the solution for Aᵀ and x̄, so that nothing is squared. A wide matrix without damping has x = A⁺b, and Ā one more term,
 * ((Aᵀ)⁺x)·(x̄ − Aᵀy)ᵀ (Golub & Pereyra 1973); of others full column rank is assumed. Of an operator the derivative is of first order only.
 */
export async function leastSquaresImplicitly<R extends { readonly x: Tensor }>(
  a: MatrixLike,
  b: Tensor,
  damp: number,
  { solve, again: solveAgain }: ImplicitLeastSquares<R>,
): Promise<R> {
  const found = await solvedOnConstants(a, b, solve);
  if (!isCarrying(b) && !isCarrying(a)) return found;
  const { x: x0 } = found;
  if (a instanceof Tensor) {
    const [m, n] = a.shape.slice(-2), vector = b.rank === 1;
    const { x } = await withVjp("lsmr", { a, b }, { x: x0 }, async ({ inputs, outputs, cotangents }) => {
      const { a, b } = inputs, { x } = outputs, back = cotangents.x!;
      const again = (a: MatrixLike, c: Tensor, damp: number) => inColumns(c, vector, (c) => solveAgain(a, c, damp));
      const y = await again(transposeOf(a), back, damp);
      const lambda = await inColumns(back, vector, (back) => normalSolve(a, y, back, damp, again));
      const r = b.sub(times(a, x, vector)), both = outer(r, lambda, vector).sub(outer(y, x, vector));
      const whole = m < n && damp === 0
        ? both.add(outer(await again(transposeOf(a), x, 0), back.sub(times(a.T, y, vector)), vector))
        : both;
      return { b: summedTo(y, b.shape), a: summedTo(whole, a.shape) };
    });
    return { ...found, x };
  }
  // x₀ + H⁻¹(Aᵀ(b − A·x₀) − d²·x₀), with x₀ = x as a constant.
  using product = a.apply(x0);
  using r = Tensor.map("b - y", { b, y: product });
  using turned = a.applyTransposed(r);
  using g = Tensor.map("g - d2 * x", { g: turned, d2: damp ** 2, x: x0 });
  using none = Tensor.map("0 * x", { x: x0 });
  using parts = keeper(a);
  const { d } = await withVjp("lsmr", { g, parts }, { d: none }, async ({ cotangents }) => {
    const back = cotangents.d!, still = constant(a);
    return { g: await normalSolve(still, await solveAgain(still.T, back, damp), back, damp, solveAgain) };
  });
  const x = x0.add(d);
  void x.value;
  x0.dispose();
  return { ...found, x };
}

/** λ with H·λ = x̄, where y = A·λ is known: without damping that is enough. */
async function normalSolve(
  a: MatrixLike,
  y: Tensor,
  back: Tensor,
  damp: number,
  again: (a: MatrixLike, b: Tensor, damp: number) => Promise<Tensor>,
): Promise<Tensor> {
  if (damp === 0) return await again(a, y, 0);
  const d2 = damp ** 2;
  if (a instanceof Tensor) {
    const n = a.shape.at(-1)!, diagonal = Int32Array.from({ length: n }, (_, i) => i);
    const i = Tensor.of(a.device, diagonal, [n, 1], "i32"), j = i.reshape([1, n]);
    return (await cg(Tensor.map("i == j ? h + d2 : h", { i, j, h: a.T.matmul(a), d2 }), back)).x;
  }
  const apply = (v: Tensor) => Tensor.map("g + d2 * v", { g: a.applyTransposed(a.apply(v)), d2, v });
  const n = a.shape[1], { device, dtype } = a;
  return (await cg(linearOperator({ shape: [n, n], device, dtype, apply, flags: { positiveDefinite: true } }), back)).x;
}

function times(a: Tensor, x: Tensor, vector: boolean): Tensor {
  if (!vector) return a.matmul(x);
  const product = a.matmul(x.expandDims(x.rank));
  return product.reshape(product.shape.slice(0, -1));
}
