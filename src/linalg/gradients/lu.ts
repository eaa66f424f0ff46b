import type { Tensor } from "../../tensor/mod.ts";
import type { Range } from "../../tensor/mod.ts";
import { solveTriangular } from "../solve_triangular.ts";
import { concatenate, type PullbackCall, sumOf, weighTriangles, zerosLike } from "./parts.ts";
import { divideRight } from "./triangular.ts";

/**
 * The cotangent of A `[m, n]` where A = P·L·U, with constant P.
 *
 * Square: with A' = Pᵀ·A, L⁻¹·dA'·U⁻¹ = L⁻¹dL + dU·U⁻¹, a strictly lower plus an upper triangle, so that
 *   dL = L·low(L⁻¹·dA'·U⁻¹),  dU = up(L⁻¹·dA'·U⁻¹)·U,
 *   Ā' = L⁻ᵀ·[low(Lᵀ·L̄) + up(Ū·Uᵀ)]·U⁻ᵀ   (de Hoog, Anderssen & Lukas 2011).
 * Tall, L = [L₁; L₂] with L₂ = A₂'·U⁻¹: dL₂ = (dA₂' − L₂·dU)·U⁻¹, hence Ā₂' = L̄₂·U⁻ᵀ, and −L₂ᵀ·Ā₂' adds to Ū.
 * Wide, U = [U₁, U₂] with U₂ = L⁻¹·A₂': dU₂ = L⁻¹·(dA₂' − dL·U₂), hence Ā₂' = L⁻ᵀ·Ū₂, and −Ā₂'·U₂ᵀ adds to L̄.
 * Then Ā = P·Ā'. Throws a `SingularMatrixError` where the leading square of U has none of these inverses.
 */
export async function luPullback({ outputs, cotangents }: PullbackCall<"p" | "l" | "u">): Promise<{ a?: Tensor }> {
  const { p, l, u } = outputs;
  if (!cotangents.l && !cotangents.u) return {};
  const m = l.shape.at(-2)!, k = l.shape.at(-1)!, n = u.shape.at(-1)!;
  const lower = cotangents.l ?? zerosLike(l), upper = cotangents.u ?? zerosLike(u);
  const top: Range[] = [...rest(l), [0, k], null], left: Range[] = [...rest(u), null, [0, k]];
  const l1 = l.slice(...top), u1 = u.slice(...left);
  let lowerBar: Tensor = lower.slice(...top), upperBar: Tensor = upper.slice(...left), beyond: Tensor | undefined;
  if (m > k) {
    const bottom: Range[] = [...rest(l), [k, m], null];
    beyond = await divideRight(lower.slice(...bottom), u1, { transpose: true });
    upperBar = upperBar.sub(l.slice(...bottom).T.matmul(beyond));
  } else if (n > k) {
    const right: Range[] = [...rest(u), null, [k, n]];
    beyond = await solveTriangular(l1, upper.slice(...right), { lower: true, transpose: true, unitDiagonal: true });
    lowerBar = lowerBar.sub(beyond.matmul(u.slice(...right).T));
  }
  const middle = sumOf(
    weighTriangles(l1.T.matmul(lowerBar), { below: 1 }),
    weighTriangles(upperBar.matmul(u1.T), { diagonal: 1, above: 1 }),
  )!;
  const half = await solveTriangular(l1, middle, { lower: true, transpose: true, unitDiagonal: true });
  const square = await divideRight(half, u1, { transpose: true });
  const whole = beyond ? concatenate([square, beyond], m > k ? -2 : -1) : square;
  return { a: p.matmul(whole) };
}

/** All of the leading axes of a stack of matrices. */
function rest(x: Tensor): null[] {
  return new Array(x.rank - 2).fill(null);
}
