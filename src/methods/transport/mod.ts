/**
 * Optimal transport: {@linkcode sinkhorn} solves the entropic problem between point clouds, streaming, in the log domain.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([50, 2], { seed: 1 }), y = gpu.random.normal([60, 2], { seed: 2 });
 * const { cost, plan } = await transport.sinkhorn(x, y, { cost: "euclidean", epsilon: 0.1 });
 * const whereTo = await plan.apply(y).array(); // where each x sends its mass, on average, times its weight
 * ```
 *
 * @module
 */
export { type Cost, type CostFormula, EARTH_RADIUS_KM } from "./cost.ts";
export { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
export type { SinkhornProgress } from "./sinkhorn_iterations.ts";
export { SinkhornResult } from "./sinkhorn_result.ts";
export type { Weights } from "./weights.ts";
export { lowRankSinkhorn, type LowRankSinkhornOptions } from "./low_rank_sinkhorn.ts";
export type { LowRankProgress } from "./low_rank_descent.ts";
export { LowRankResult } from "./low_rank_result.ts";
export type { LowRankOptions } from "./low_rank_solve.ts";
export { barycenter, type BarycenterOptions } from "./barycenter.ts";
export type { BarycenterProgress } from "./barycenter_iterations.ts";
export { BarycenterResult } from "./barycenter_result.ts";
export { type FreeBarycenterOptions, freeSupportBarycenter } from "./free_support_barycenter.ts";
export { type FreeBarycenterProgress, FreeBarycenterResult } from "./free_barycenter_result.ts";
export { type GromovOptions, gromovWasserstein } from "./gromov_wasserstein.ts";
export { type GromovProgress, GromovResult } from "./gromov_result.ts";
