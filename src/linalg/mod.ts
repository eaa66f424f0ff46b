/**
 * Linear algebra on dense matrices: factorizations and solvers, batched over leading axes, in the matrix's own precision. They run on
 * the host, by the system's LAPACK where there is one that may be called (`gpu.info.libraries`), else in f64 by TypeScript; results
 * are tensors on the matrix's device. {@linkcode certificate} measures how exact a result is.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([30, 20], { seed: 1 });
 * const { u, s, v } = await linalg.svd(a); // a = u·diag(s)·vᵀ
 * const { backwardError, orthogonality } = await linalg.certificate(a, { u, s, v });
 * const x = await linalg.solve(a.T.matmul(a), gpu.ones([20]));
 * ```
 *
 * @module
 */
export { type Certificate, certificate, type Factorization, type Solution } from "./certificate.ts";
export { cholesky } from "./cholesky.ts";
export { type Eigh, eigh } from "./eigh.ts";
export { ConvergenceError, NotPositiveDefiniteError, SingularMatrixError } from "./errors.ts";
export { det, inv, type Slogdet, slogdet } from "./inverse.ts";
export { type Lstsq, lstsq, type LstsqOptions } from "./lstsq.ts";
export { type Lu, lu } from "./lu.ts";
export { type Place, type PlaceOptions } from "./place.ts";
export { type Qr, qr, type QrOptions } from "./qr.ts";
export { solve } from "./solve.ts";
export { solveTriangular, type TriangularOptions } from "./solve_triangular.ts";
export { type Svd, svd, type SvdOptions, svdvals } from "./svd.ts";
