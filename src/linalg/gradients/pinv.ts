import type { Tensor } from "../../tensor/mod.ts";
import { type PullbackCall, sumOf, symmetricFromLower, symmetricPart } from "./parts.ts";

/**
 * The cotangent of A `[m, n]` where Y = A⁺ `[n, m]`, among matrices of A's rank (Golub & Pereyra 1973, eq. 4.12):
 *   dY = −Y·dA·Y + Y·Yᵀ·dAᵀ·(I − A·Y) + (I − Y·A)·dAᵀ·Yᵀ·Y,
 *   Ā = −Yᵀ·Ȳ·Yᵀ + (I − A·Y)·Ȳᵀ·Y·Yᵀ + Yᵀ·Y·Ȳᵀ·(I − Y·A).
 * A⁺ itself jumps where the rank does. No vectors are in it, so that singular values may coincide. With `hermitian` A stands for a
 * symmetric matrix, and so does its cotangent.
 */
export function pinvPullback(
  { inputs, outputs, cotangents }: PullbackCall<"pinv">,
  hermitian = false,
): { a?: Tensor } {
  const a = hermitian ? symmetricFromLower(inputs.a) : inputs.a, { pinv: y } = outputs, { pinv: g } = cotangents;
  if (!g) return {};
  const [yt, gt] = [y.T, g.T];
  const left = gt.matmul(y), right = yt.matmul(y.matmul(gt));
  // The projections first: three factors of Y may leave the range of numbers.
  const outside = left.sub(a.matmul(y).matmul(left)).matmul(yt), inside = right.sub(right.matmul(y.matmul(a)));
  const full = sumOf(yt.matmul(g).matmul(yt).neg(), outside, inside)!;
  return { a: hermitian ? symmetricPart(full) : full };
}
