import type { Tensor } from "../../tensor/mod.ts";
import { solveTriangular, type TriangularOptions } from "../solve_triangular.ts";

/** X·T⁻¹, or X·T⁻ᵀ with `transpose`, for matrices X `[..., r, n]`: the transpose of T⁻ᵀ·Xᵀ. */
export async function divideRight(x: Tensor, t: Tensor, options: TriangularOptions): Promise<Tensor> {
  const solved = await solveTriangular(t, x.T, { ...options, transpose: !options.transpose });
  return solved.T;
}
