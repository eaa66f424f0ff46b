import type { Range, Tensor } from "../../tensor/mod.ts";
import { concatenate, type PullbackCall, sumOf, weighTriangles, zerosLike } from "./parts.ts";
import { requireInvariant } from "./coincident.ts";
import { divideRight } from "./triangular.ts";

/**
 * The cotangent of A `[m, n]` where A = Q·R.
 *
 * Tall, m ≥ n, of full rank: from dA = dQ·R + Q·dR, with QᵀdQ antisymmetric and dR·R⁻¹ an upper triangle,
 *   Ā = [Q̄ + Q·copy(R·R̄ᵀ − Q̄ᵀ·Q)]·R⁻ᵀ,
 * where copy makes a symmetric matrix of the lower triangle (Walter & Lehmann 2018, eq. 3.3; Seeger et al. 2017, §4.3).
 * Wide, A = [X, Y] = Q·[R₁, R₂]: R₂ = Qᵀ·Y, so that Ȳ = Q·R̄₂ and Y·R̄₂ᵀ adds to Q̄ of X = Q·R₁ (Roberts & Roberts 2020).
 * Complete, m > n, Q = [Q₁, Q₂]: the basis Q₂ of the complement is arbitrary, so that only its span may matter, which is that Q₂ᵀ·Q̄₂ is
 * symmetric; anything else is refused. As Q₁ᵀdQ₂ = −(Q₂ᵀdQ₁)ᵀ, −Q₂·Q̄₂ᵀ·Q₁ adds to Q̄₁.
 *
 * Throws a `SingularMatrixError` where R₁ is singular: then the columns of Q that belong to the zeros are arbitrary too.
 */
export async function qrPullback({ outputs, cotangents }: PullbackCall<"q" | "r">): Promise<{ a?: Tensor }> {
  const { q, r } = outputs;
  if (!cotangents.q && !cotangents.r) return {};
  const m = q.shape.at(-2)!, n = r.shape.at(-1)!, k = Math.min(m, n), p = q.shape.at(-1)!;
  const all: null[] = new Array(q.rank - 2).fill(null);
  const left: Range[] = [...all, null, [0, k]], right: Range[] = [...all, null, [k, n]];
  const triangle: Range[] = [...all, [0, k], [0, k]];
  const q1 = q.slice(...left), r1 = r.slice(...triangle), rBar = cotangents.r?.slice(...triangle);
  let qBar = cotangents.q?.slice(...left), beyond: Tensor | undefined;
  if (p > k && cotangents.q) {
    const complement: Range[] = [...all, null, [k, p]];
    const q2 = q.slice(...complement), q2Bar = cotangents.q.slice(...complement);
    await requireInvariant(q2.T.matmul(q2Bar), q2Bar, "qr", "the columns of q beyond those of the matrix");
    qBar = qBar!.sub(q2.matmul(q2Bar.T.matmul(q1)));
  }
  if (n > k && cotangents.r) {
    const r2Bar = cotangents.r.slice(...right);
    beyond = q1.matmul(r2Bar);
    // Y = Q·R₂.
    qBar = sumOf(qBar, q1.matmul(r.slice(...right)).matmul(r2Bar.T));
  } else if (n > k) beyond = zerosLike(q1, [...q1.shape.slice(0, -1), n - k]);
  const lower = sumOf(rBar && r1.matmul(rBar.T), qBar && qBar.T.matmul(q1).neg())!;
  const strict = weighTriangles(lower, { below: 1 });
  const copied = weighTriangles(lower, { below: 1, diagonal: 1 }).add(strict.T);
  const square = await divideRight(sumOf(qBar, q1.matmul(copied))!, r1, { transpose: true });
  return { a: beyond ? concatenate([square, beyond], -1) : square };
}
