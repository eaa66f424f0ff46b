import type { Tensor } from "../../tensor/mod.ts";
import { type PullbackCall, symmetricPart, weighTriangles } from "./parts.ts";
import { divideRight } from "./triangular.ts";
import { solveTriangular } from "../solve_triangular.ts";

/**
 * The cotangent of A where A = L·Lᵀ.
 *
 * dA = dL·Lᵀ + L·dLᵀ, so that L⁻¹·dA·L⁻ᵀ = L⁻¹dL + (L⁻¹dL)ᵀ, a lower triangle plus its transpose:
 *   dL = L·Φ(L⁻¹·dA·L⁻ᵀ), with Φ the lower triangle, its diagonal halved.
 * Φ weighs elements and is its own adjoint, hence ⟨L̄, dL⟩ = ⟨L⁻ᵀ·Φ(Lᵀ·L̄)·L⁻¹, dA⟩, of which the symmetric part is taken:
 *   Ā = L⁻ᵀ·sym(Φ(Lᵀ·L̄))·L⁻¹.
 *
 * Murray, Differentiation of the Cholesky decomposition (2016), eq. 10; Smith (1995). Only the lower triangle of A is read, but A
 * stands for a symmetric matrix: ⟨Ā, dA⟩ is the change for symmetric dA.
 */
export async function choleskyPullback({ outputs, cotangents }: PullbackCall<"l">): Promise<{ a?: Tensor }> {
  const { l } = outputs, { l: g } = cotangents;
  if (!g) return {};
  const middle = symmetricPart(weighTriangles(l.T.matmul(g), { below: 1, diagonal: 0.5 }));
  const left = await solveTriangular(l, middle, { lower: true, transpose: true });
  return { a: symmetricPart(await divideRight(left, l, { lower: true })) };
}
