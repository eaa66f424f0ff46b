/**
 * Denovo, a numerical laboratory for Deno notebooks: WebGPU kernels and the matrix algorithms of recent machine-learning papers.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open();
 * const x = gpu.random.normal([500, 2], { seed: 1 });
 * const y = gpu.random.normal([500, 2], { seed: 2 });
 * const { cost, marginalError } = await transport.sinkhorn(x, y, { epsilon: 0.05 });
 * console.log(gpu.info.name, cost, marginalError);
 * ```
 *
 * @module
 */
export { Gpu, open, Sparse, Tensor } from "./src/tensor/mod.ts";
export {
  checkpoint,
  customVjp,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  stopGradient,
  valueAndGrad,
  vjp,
  withVjp,
} from "./src/tensor/mod.ts";
export type { OpenOptions } from "./src/device/mod.ts";
export * as data from "./src/data/mod.ts";
export * as device from "./src/device/mod.ts";
export * as formula from "./src/formula/mod.ts";
export * as linalg from "./src/linalg/mod.ts";
export * as notebook from "./src/notebook/mod.ts";
export * as operators from "./src/operators/mod.ts";
export * as ops from "./src/ops/mod.ts";
export * as plot from "./src/plot/mod.ts";
export * as testing from "./src/testing/mod.ts";
export * as transport from "./src/methods/transport/mod.ts";
