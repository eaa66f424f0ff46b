import { roundoff } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { actionOf, type MatrixLike } from "../iterative/action.ts";
import { computed, toHost } from "../iterative/vectors.ts";
import { type Svd, svd } from "../svd.ts";
import { certified, rangeOf, report, requireSketch, type SketchCertificate, type SketchOptions } from "./range.ts";

/** A ≈ u·diag(s)·vᵀ with u `[..., m, rank]`, s descending, v `[..., n, rank]`, and the error of it. */
export interface RandomizedSvd extends Svd, SketchCertificate {}

/**
 * The leading singular values and vectors of a matrix `[..., m, n]` or operator from products with random vectors: those of qᵀA for a
 * basis q of nearly its range. With `tolerance` the rank is the least that the certificate allows. The error is certified on the result
 * itself. Gradients with respect to a tensor come through qr and svd, where the sketch has full column rank. Source: Halko, Martinsson & Tropp (2011), algorithm 5.1.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([200, 5], { seed: 1 }).matmul(gpu.random.normal([5, 100], { seed: 2 }));
 * const { u, s, v, error } = await linalg.randomizedSvd(a, { rank: 5, seed: 3 });
 * ```
 */
export async function randomizedSvd(a: MatrixLike, options: SketchOptions): Promise<RandomizedSvd> {
  const action = actionOf(a, "randomizedSvd"), settings = await requireSketch(action, options, "randomizedSvd");
  const { tolerance } = settings, u = roundoff(action.dtype);
  const { error, size, ...factors } = await runScope(async () => {
    // Half of the tolerance for the range; what it leaves is for the values that are cut off.
    const half = tolerance === undefined ? settings : { ...settings, tolerance: tolerance / 2 };
    const { q, ...range } = await rangeOf(action, half);
    const found = await svd(computed(action.applyTransposed(q))), full = found.s.shape.at(-1)!;
    const values = await toHost(found.s), slack = 4 * Math.max(action.rows, action.columns) * u * range.norm;
    /** The largest value that is cut off, of all matrices. */
    const next = (rank: number) => values.reduce((most, s, i) => i % full >= rank ? Math.max(most, s) : most, 0);
    let rank = settings.rank ?? 1;
    while (tolerance !== undefined && rank < full && range.error + slack + next(rank) > tolerance * range.norm) rank++;
    const cut = (t: Tensor) => rank === full ? t : t.slice(...t.shape.slice(0, -1).map(() => null), [0, rank]);
    return {
      u: computed(q.matmul(cut(found.v))),
      s: cut(found.s).slice(),
      v: cut(found.u).slice(),
      // ‖A − u·s·vᵀ‖ ≤ ‖A − q·qᵀ·A‖ + s₍ₖ₊₁₎, with what QR and SVD are backward stable by.
      error: range.error + next(rank) + slack,
      size: range.norm,
    };
  });
  const direct = await certified(action, factors, settings, 1000);
  // Both are bounds; for a stack they may be of two matrices.
  const single = action.batch.length === 0 && error < direct.error, norm = Math.max(size, direct.norm);
  const bound = single
    ? { ...direct, error, norm, converged: tolerance === undefined || error <= tolerance * norm }
    : direct;
  report("randomizedSvd", bound, settings);
  return { ...factors, ...bound };
}
