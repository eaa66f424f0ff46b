/**
 * Tensors: n-dimensional arrays on a device, and `open`, which opens one.
 *
 * @example
 * ```ts
 * import { open } from "@denovo/denovo/tensor";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.linspace(0, 1, 5);
 * console.log(await x.mul(x).sum().item()); // 1.875
 * ```
 *
 * @module
 */
export { Gpu, open } from "./gpu.ts";
export type { Nested, NestedArray } from "./nested.ts";
export type { Profile, ProfileEntry } from "./profile.ts";
export { type RandomOptions, RandomSource } from "./random_source.ts";
export type { Roofline } from "./roofline.ts";
export { Sparse, type SparseData } from "./sparse.ts";
export type { SparseTriplets } from "./sparse_triplets.ts";
export { type Axis, type ReduceOptions, Tensor, type TensorLike } from "./tensor.ts";
export { tensorCalculus } from "./calculus.ts";
export type { Range } from "./views.ts";
export {
  type Aux,
  type Grad,
  grad,
  type Gradients,
  type GradOptions,
  type ValueAndGrad,
  valueAndGrad,
} from "./grad/grad.ts";
export { checkpoint } from "./grad/checkpoint.ts";
export { customVjp, type CustomVjpCall } from "./grad/custom_vjp.ts";
export { hvp } from "./grad/hvp.ts";
export { hessian, jacobian, type JacobianOptions } from "./grad/jacobian.ts";
export { type Jvp, jvp } from "./grad/jvp.ts";
export { stopGradient } from "./grad/stop_gradient.ts";
export type { Gradient } from "./grad/tree.ts";
export { type Vjp, vjp, type VjpResult } from "./grad/vjp.ts";
export type { LikeResult } from "./grad/waiting.ts";
export { withVjp, type WithVjpCall } from "./grad/with_vjp.ts";
