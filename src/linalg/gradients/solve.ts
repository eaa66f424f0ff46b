import type { Tensor } from "../../tensor/mod.ts";
import type { RefineOptions } from "../refine.ts";
import { solve } from "../solve.ts";
import { solveTriangular, type TriangularOptions } from "../solve_triangular.ts";
import { type PullbackCall, unbroadcast, weighTriangles } from "./parts.ts";

/**
 * The cotangents of A and B where A·X = B.
 *
 * dA·X + A·dX = dB, so that ⟨X̄, dX⟩ = ⟨A⁻ᵀ·X̄, dB − dA·X⟩:
 *   B̄ = A⁻ᵀ·X̄,  Ā = −B̄·Xᵀ,
 * each summed over the axes along which it was broadcast (Giles 2008, §2.3.1).
 */
export async function solvePullback(
  { inputs, outputs, cotangents, wanted }: PullbackCall<"x">,
  options: RefineOptions,
): Promise<{ a?: Tensor; b?: Tensor }> {
  const { a, b } = inputs;
  if (!cotangents.x) return {};
  const { x, g } = asColumns(b, outputs.x, cotangents.x);
  const right = await solve(a.T, g, options);
  return {
    a: wanted.has("a") ? unbroadcast(right.matmul(x.T).neg(), a.shape) : undefined,
    b: sideGradient(right, b),
  };
}

/**
 * The cotangents of T and B where T·X = B with a triangular T: as for {@linkcode solvePullback}, but dT has only the triangle that
 * is read (without the diagonal if that is taken for ones), and so has its cotangent. With Tᵀ·X = B, T̄ = −X·B̄ᵀ.
 */
export async function solveTriangularPullback(
  { inputs, outputs, cotangents, wanted }: PullbackCall<"x">,
  options: TriangularOptions,
): Promise<{ a?: Tensor; b?: Tensor }> {
  const { a, b } = inputs, { lower = false, transpose = false, unitDiagonal = false } = options;
  if (!cotangents.x) return {};
  const { x, g } = asColumns(b, outputs.x, cotangents.x);
  const right = await solveTriangular(a, g, { lower, transpose: !transpose, unitDiagonal });
  if (!wanted.has("a")) return { b: sideGradient(right, b) };
  const full = transpose ? x.matmul(right.T) : right.matmul(x.T), diagonal = unitDiagonal ? 0 : -1;
  const triangle = weighTriangles(
    unbroadcast(full, a.shape),
    lower ? { below: -1, diagonal } : { above: -1, diagonal },
  );
  return { a: triangle, b: sideGradient(right, b) };
}

/** A solution and its cotangent as matrices `[..., n, r]`, where they are vectors because `b` is one. */
export function asColumns(b: Tensor, x: Tensor, g: Tensor): { x: Tensor; g: Tensor } {
  return b.rank === 1 ? { x: x.expandDims(-1), g: g.expandDims(-1) } : { x, g };
}

/** The cotangent of a right-hand side, a vector `[m]` or matrices, from that of its columns `[..., m, r]`. */
export function sideGradient(columns: Tensor, b: Tensor): Tensor {
  return b.rank === 1 ? unbroadcast(columns, [b.shape[0], 1]).reshape(b.shape) : unbroadcast(columns, b.shape);
}
