import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { SingularMatrixError } from "../errors.ts";
import { det, inv } from "../inverse.ts";
import { svd, svdvals } from "../svd.ts";
import { constantMatrix, type PullbackCall, scaleColumns, zerosLike } from "./parts.ts";

/**
 * The cotangent of A where Y = A⁻¹: dY = −Y·dA·Y, so that Ā = −Yᵀ·Ȳ·Yᵀ (Giles 2008, §2.2.3).
 */
export function invPullback({ outputs, cotangents }: PullbackCall<"inverse">): { a?: Tensor } {
  const { inverse } = outputs, { inverse: g } = cotangents;
  return g ? { a: inverse.T.matmul(g).matmul(inverse.T).neg() } : {};
}

/**
 * The cotangent of A where y = log |det A|: dy = tr(A⁻¹·dA), so that Ā = ȳ·A⁻ᵀ (Giles 2008, §2.2.4). The sign is constant. Throws a
 * `SingularMatrixError` where A is singular, and so the logarithm −∞.
 */
export async function slogdetPullback(
  { inputs: { a }, cotangents }: PullbackCall<"sign" | "logAbsDet">,
): Promise<{ a?: Tensor }> {
  const g = cotangents.logAbsDet;
  if (!g) return {};
  try {
    return { a: (await inv(a)).T.mul(perMatrix(g)) };
  } catch (error) {
    if (!(error instanceof SingularMatrixError)) throw error;
    throw new SingularMatrixError(`Cannot differentiate log |det A|, which is −∞. ${error.message}`);
  }
}

/**
 * The cotangent of A where y = det A: by Jacobi dy = tr(adj(A)·dA), so that Ā = ȳ·cof(A), the matrix of cofactors.
 *
 * For a regular matrix cof(A) = y·A⁻ᵀ. That is lost to rounding errors, of size u·s₀/sₖ, as the smallest singular value goes to zero,
 * although the cofactors have no singularity there: with A = U·diag(s)·Vᵀ they are
 *   cof(A) = det(U)·det(V) · U·diag(Π_{j≠i} s_j)·Vᵀ,
 * of rank one where A has rank n − 1, and zero for lower ranks (Stewart 1998, On the adjugate matrix). This is what is used for a
 * stack with a matrix of sₖ ≤ √u·s₀.
 */
export async function detPullback(
  { inputs: { a }, outputs, cotangents }: PullbackCall<"det">,
): Promise<{ a?: Tensor }> {
  const g = cotangents.det, n = a.shape.at(-1)!;
  if (!g) return {};
  if (a.size === 0) return { a: zerosLike(a) };
  const s = await (await svdvals(a)).data(), limit = Math.sqrt(roundoff(a.dtype));
  let regular = true;
  for (let q = 0; q < s.length; q += n) regular &&= s[q + n - 1] > limit * s[q];
  if (regular) return { a: (await inv(a)).T.mul(perMatrix(g.mul(outputs.det))) };
  const parts = await svd(a);
  // ±1, and so constant; rounded, for it is computed.
  const [left, right] = await Promise.all([det(parts.u), det(parts.v)]);
  const sign = Tensor.map("x * y > 0 ? 1 : -1", { x: left, y: right }, a.dtype);
  const one = constantMatrix(a, n, n, (i, j) => i === j ? 1 : 0);
  const others = Tensor.map("one > 0 ? 1 : s", { one, s: parts.s.expandDims(-2) }).prod(-1);
  const cofactors = scaleColumns(parts.u, others).matmul(parts.v.T);
  return { a: cofactors.mul(perMatrix(g.mul(sign))) };
}

/** One number for each matrix, `[...]`, as `[..., 1, 1]`. */
export function perMatrix(x: Tensor): Tensor {
  return x.reshape([...x.shape, 1, 1]);
}
