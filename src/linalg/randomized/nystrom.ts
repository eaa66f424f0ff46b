import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { cholesky } from "../cholesky.ts";
import { NotPositiveDefiniteError } from "../errors.ts";
import { frobenius } from "../host_product.ts";
import { type MatrixLike, squareAction } from "../iterative/action.ts";
import { computed, drawn, norms, toHost } from "../iterative/vectors.ts";
import { qr } from "../qr.ts";
import { solveTriangular } from "../solve_triangular.ts";
import { svd } from "../svd.ts";
import { certified, report, requireSketch, type SketchCertificate, type SketchOptions } from "./range.ts";

/** A ≈ u·diag(s)·uᵀ for a positive semidefinite A, with the error of it. */
export interface Nystrom extends SketchCertificate {
  /** Orthonormal columns, `[..., n, rank]`. */
  readonly u: Tensor;
  /** Eigenvalues of the approximation, descending, zero or more, `[..., rank]`. */
  readonly s: Tensor;
}

/** Options of {@linkcode nystrom}: one product with A, so no power iterations. */
export type NystromOptions = Omit<SketchOptions, "powerIterations">;

/**
 * The Nyström approximation A·Ω·(ΩᵀAΩ)⁺·(A·Ω)ᵀ of a symmetric positive semidefinite matrix `[..., n, n]` or operator, from one product with
 * random vectors, stabilized by a shift of rounding size that is taken away in the end. With `tolerance` the sketch doubles until the
 * certificate holds. Gradients with respect to a tensor come through qr, cholesky and svd. Throws a {@linkcode NotPositiveDefiniteError} where the sketch shows a negative
 * direction. Source: Tropp, Yurtsever, Udell & Cevher (2017), Fixed-rank approximation of a positive-semidefinite matrix from streaming data, algorithm 3.
 *
 * @example
 * ```ts
 * import { linalg, open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([300, 2], { seed: 1 });
 * const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]) / 4)", { x });
 * const { u, s, error } = await linalg.nystrom(kernel, { rank: 20, seed: 2 });
 * ```
 */
export async function nystrom(a: MatrixLike, options: NystromOptions): Promise<Nystrom> {
  const action = squareAction(a, "nystrom"), n = action.columns;
  const settings = await requireSketch(action, { ...options, powerIterations: 0 }, "nystrom");
  let rank = settings.rank ?? Math.min(n, 16);
  for (let part = 0;; part++) {
    settings.signal?.throwIfAborted();
    const width = Math.min(n, rank + settings.oversample), seed = (settings.seed + 7919 * part) % 2 ** 53;
    const factors = await runScope(async () => {
      const omega = (await qr(drawn(action.device, "normal", [n, width], seed, action.dtype))).q;
      const y = computed(action.apply(omega)),
        root = await shiftedRoot(y, omega, Math.sqrt(n) * roundoff(action.dtype));
      const { s, v } = await svd(root.inner);
      const cut = (t: Tensor) => rank === width ? t : t.slice(...t.shape.slice(0, -1).map(() => null), [0, rank]);
      const values = Tensor.map("max(s * s - shift, 0)", { s, shift: root.shift });
      return { u: cut(v).slice(), s: computed(cut(computed(values)).slice()) };
    });
    const certificate = await certified(action, factors, settings, part);
    if (certificate.converged || rank === n) {
      report("nystrom", certificate, settings);
      return { ...factors, ...certificate };
    }
    factors.u.dispose();
    factors.s.dispose();
    rank = Math.min(n, 2 * rank);
  }
}

/** L⁻¹·Yᵀ with L·Lᵀ = Ωᵀ·Y, both of A + shift·I. A shift of a few rounding errors may be needed where A is nearly singular. */
async function shiftedRoot(y: Tensor, omega: Tensor, u: number): Promise<{ inner: Tensor; shift: number }> {
  const size = frobenius(await toHost(norms(y)));
  for (let shift = 2 * u * size, tries = 0;; shift *= 10, tries++) {
    const shifted = computed(Tensor.map("y + shift * w", { y, shift, w: omega }));
    const core = computed(omega.T.matmul(shifted)), even = computed(Tensor.map("(x + y) / 2", { x: core, y: core.T }));
    // A of zeros: so is its approximation.
    if (size === 0) return { inner: computed(Tensor.map("0 * y", { y: y.T })), shift: 0 };
    try {
      const l = await cholesky(even);
      return { inner: await solveTriangular(l, shifted.T, { lower: true }), shift };
    } catch (error) {
      if (!(error instanceof NotPositiveDefiniteError)) throw error;
      if (tries < 2) continue;
      throw new NotPositiveDefiniteError(
        "nystrom: the matrix is not positive semidefinite: a sketch of it is not",
        error.minor,
      );
    }
  }
}
