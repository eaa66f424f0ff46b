/**
 * Optimal transport: {@linkcode solve} takes the solver that fits. {@linkcode sinkhorn} solves the entropic problem between point clouds in
 * several forms, {@linkcode sinkhornBatch} many small ones at once, {@linkcode sinkhornGrid} that between histograms on a regular grid,
 * {@linkcode sinkhornKernel} that of a kernel by its products, such as a {@linkcode heatKernel} on a graph; {@linkcode exact} the
 * problem itself, with a certificate, and {@linkcode assignment} that of pairs. On a line and on a circle there are closed forms
 * several forms, {@linkcode sinkhornBatch} many small ones at once; {@linkcode exact} the problem itself, with a certificate,
 * {@linkcode multiscale} the same between many points, and {@linkcode assignment} that of pairs. On a line and on a circle there are closed forms
 * ({@linkcode wasserstein1d}, {@linkcode wassersteinCircle}), which {@linkcode slicedWasserstein} and {@linkcode maxSlicedWasserstein} rest on.
 *
 * Every result has its `value` as a tensor, to differentiate by points, costs, weights and ε: without going through the iterations, as what was found is
 * stationary. Of `sinkhorn` and its kin potentials and plan can be differentiated too, and twice; of the others second derivatives are refused.
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
export type { Freeable } from "./host_problem.ts";
export type { AscentProgress } from "./ascend.ts";
export { assignment, type AssignmentOptions, type AssignmentResult } from "./assignment.ts";
export { type Cost, type CostFormula, EARTH_RADIUS_KM } from "./cost.ts";
export { exact, type ExactOptions } from "./exact.ts";
export type { ExactCertificate } from "./exact_certificate.ts";
export { ExactResult } from "./exact_result.ts";
export {
  maxSlicedWasserstein,
  type MaxSlicedWassersteinOptions,
  type MaxSlicedWassersteinResult,
} from "./max_sliced_wasserstein.ts";
export {
  type BridgeProgress,
  LightBridge,
  type LightBridgeOptions,
  lightSchrodingerBridge,
} from "./light_schrodinger_bridge.ts";
export {
  doublyStochastic,
  doublyStochasticAttention,
  type DoublyStochasticOptions,
  type Stochasticity,
  stochasticity,
} from "./doubly_stochastic.ts";
export { type CircuitOptions, circuitParameters } from "./quantum_circuit.ts";
export { multiscale, type MultiscaleOptions } from "./multiscale.ts";
export { MultiscaleResult } from "./multiscale_result.ts";
export type { LevelReport } from "./multiscale_simplex.ts";
export { MongeGap, mongeGap, type MongeGapOptions } from "./monge_gap.ts";
export { type BridgePotential, SchrodingerBridge } from "./schrodinger_bridge.ts";
export type { LabeledPoints } from "./labeled_mixture.ts";
export {
  type BestMixture,
  type MixtureRun,
  Projektor,
  projektor,
  type ProjektorOptions,
  type ScaleFit,
} from "./projektor.ts";
export { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
export { sinkhornGrid, type SinkhornGridOptions } from "./sinkhorn_grid.ts";
export type { GridCost } from "./grid_cost.ts";
export { heatKernel, type HeatKernelOptions } from "./heat_kernel.ts";
export { sinkhornKernel, type SinkhornKernelOptions, type SinkhornKernelResult } from "./sinkhorn_kernel.ts";
export {
  type BatchWeights,
  sinkhornBatch,
  type SinkhornBatchOptions,
  type SinkhornBatchProgress,
} from "./sinkhorn_batch.ts";
export { SinkhornBatchResult } from "./sinkhorn_batch_result.ts";
export {
  sinkhornDivergence,
  type SinkhornDivergenceOptions,
  type SinkhornDivergenceResult,
} from "./sinkhorn_divergence.ts";
export type { SinkhornForm } from "./sinkhorn_form.ts";
export {
  type SinkhornDistillation,
  sinkhornDistillation,
  type SinkhornDistillationOptions,
} from "./sinkhorn_distillation.ts";
export type { SinkhornProgress } from "./sinkhorn_iterations.ts";
export type { NewtonProgress } from "./newton_iterations.ts";
export {
  type SinkhornNewtonOptions,
  type SinkhornNewtonResult,
  sinkhornNewtonSparse,
} from "./sinkhorn_newton_sparse.ts";
export { SinkhornResult } from "./sinkhorn_result.ts";
export { partial, type PartialOptions, type PartialResult } from "./partial.ts";
export {
  progressiveMass,
  type ProgressiveOptions,
  progressivePartial,
  type ProgressiveProgress,
  type ProgressiveResult,
} from "./progressive_partial.ts";
export { sparseTransport, type SparseTransportOptions, type SparseTransportResult } from "./sparse_transport.ts";
export { unbalanced, type UnbalancedOptions, type UnbalancedResult } from "./unbalanced.ts";
export type { StartPotential } from "./sinkhorn_start.ts";
export { slicedWasserstein, type SlicedWassersteinOptions } from "./sliced_wasserstein.ts";
export {
  REFUSED,
  type RefusedOption,
  solve,
  type TransportMethod,
  type TransportOptions,
  type TransportResult,
} from "./solve.ts";
export { wasserstein1d, type Wasserstein1dOptions } from "./wasserstein_1d.ts";
export {
  wassersteinCircle,
  type WassersteinCircleOptions,
  type WassersteinCircleResult,
} from "./wasserstein_circle.ts";
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
export { type LowRankGromovOptions, lowRankGromovWasserstein } from "./low_rank_gromov.ts";
export { LowRankGromovResult } from "./low_rank_gromov_result.ts";
export { type GromovOptions, gromovWasserstein } from "./gromov_wasserstein.ts";
export { type GromovProgress, GromovResult } from "./gromov_result.ts";
