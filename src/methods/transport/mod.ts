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
export {
  type SinkhornDistillation,
  sinkhornDistillation,
  type SinkhornDistillationOptions,
} from "./sinkhorn_distillation.ts";
export type { SinkhornProgress } from "./sinkhorn_iterations.ts";
export { SinkhornResult } from "./sinkhorn_result.ts";
export type { Weights } from "./weights.ts";
