/**
 * Linear algebra on dense matrices: factorizations and solvers, batched over leading axes, in the matrix's own precision. They run on
 * the host, by the system's LAPACK where there is one that may be called (`gpu.info.libraries`), else in f64 by TypeScript; on a hardware
 * adapter large matrices and large stacks are factored where they are, by kernels (see {@linkcode PlaceOptions}). Results are tensors on the
 * matrix's device. {@linkcode certificate} measures how exact a result is.
 *
 * {@linkcode cg}, {@linkcode lanczos}, {@linkcode randomizedSvd} and their like touch a matrix by products only: they take tensors and the
 * operators of `@denovo/denovo/operators`, work on the device, and say in their results how far they came.
 *
 * The factorizations, solvers, norms and functions of dense matrices can be differentiated by `grad` and its kin, any number of times. Matrices
 * of which one triangle is read are taken to be symmetric, and their gradients are. See {@linkcode eigh} and {@linkcode svd} for values that coincide.
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
 * @example
 * ```ts
 * import { grad, linalg, open, type Tensor } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const largest = async (a: Tensor) => (await linalg.eigh(a)).values.slice(-1).sum();
 * console.log(await (await grad(largest)(gpu.tensor([[2, 0], [0, 1]]))).array()); // v·vᵀ: [[1, 0], [0, 0]]
 * ```
 *
 * @module
 */
export { type Certificate, certificate, type Factorization, type Solution } from "./certificate.ts";
export { cholesky } from "./cholesky.ts";
export { cond, type CondOptions } from "./cond.ts";
export { type Eigh, eigh, type EighOptions } from "./eigh.ts";
export { ConvergenceError, DegenerateError, NotPositiveDefiniteError, SingularMatrixError } from "./errors.ts";
export { expm, type ExpmOptions } from "./expm.ts";
export type { Degenerate } from "./gradients/coincident.ts";
export { det, inv, type Slogdet, slogdet } from "./inverse.ts";
export { khatriRao, kron } from "./kron.ts";
export { type Lstsq, lstsq, type LstsqOptions } from "./lstsq.ts";
export { type Lu, lu } from "./lu.ts";
export { matrixPower } from "./matrix_power.ts";
export { type MatrixSign, matrixSign, type MatrixSignOptions } from "./matrix_sign.ts";
export type { MatrixFunction } from "./certify_functions.ts";
export type { Quintic, Schedule } from "./newton_schulz.ts";
export { type NearestKronecker, nearestKronecker, type NearestKroneckerOptions } from "./nearest_kronecker.ts";
export {
  type MonarchSizes,
  type NearestComplexMonarch,
  nearestComplexMonarch,
  type NearestMonarch,
  nearestMonarch,
} from "./nearest_monarch.ts";
export { norm, type NormOptions, type NormOrder } from "./norm.ts";
export { matrixRank, type MatrixRankOptions, pinv, type PinvOptions } from "./pinv.ts";
export { type Place, type PlaceOptions } from "./place.ts";
export { type Polar, polar, type PolarOptions } from "./polar.ts";
export { type Qr, qr, type QrOptions } from "./qr.ts";
export type { RefineOptions } from "./refine.ts";
export { solve, type SolveOptions } from "./solve.ts";
export { slogdetOperator, solveOperator } from "./solve_operator.ts";
export { solveTriangular, type TriangularOptions } from "./solve_triangular.ts";
export { sqrtm } from "./sqrtm.ts";
export { type Svd, svd, type SvdOptions, svdvals } from "./svd.ts";
export type { MatrixLike } from "./iterative/action.ts";
export { cg, type CgOptions } from "./iterative/cg.ts";
export type { EigenPairs } from "./iterative/eigen_result.ts";
export { gmres, type GmresOptions } from "./iterative/gmres.ts";
export { type Lanczos, lanczos, type LanczosOptions } from "./iterative/lanczos.ts";
export { lobpcg, type LobpcgOptions } from "./iterative/lobpcg.ts";
export { lsmr, type LsmrOptions, type LsmrSolution } from "./iterative/lsmr.ts";
export { minres, type MinresOptions } from "./iterative/minres.ts";
export type { IterationOptions, IterationProgress, Preconditioner } from "./iterative/options.ts";
export { type PowerIteration, powerIteration, type PowerIterationOptions } from "./iterative/power_iteration.ts";
export { type Quadrature, type QuadratureOptions, stochasticLanczosQuadrature } from "./iterative/quadrature.ts";
export type { IterativeSolution, SolverOptions, StopReason } from "./iterative/solution.ts";
export { hutchinson, hutchPlusPlus, type TraceEstimate, type TraceOptions } from "./iterative/trace.ts";
export { type Cur, cur } from "./randomized/cur.ts";
export { type Interpolative, interpolative } from "./randomized/interpolative.ts";
export {
  type LowRank,
  type LowRankError,
  lowRankError,
  type LowRankErrorOptions,
} from "./randomized/low_rank_error.ts";
export { type Nystrom, nystrom, type NystromOptions } from "./randomized/nystrom.ts";
export {
  type RandomizedRange,
  randomizedRange,
  type SketchCertificate,
  type SketchOptions,
} from "./randomized/range.ts";
export { type RandomizedSvd, randomizedSvd } from "./randomized/svd.ts";
