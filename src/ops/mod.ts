/**
 * Ops: one record each, with contract, reference, kernels, gradient, cost, error model and cases. {@linkcode defineOp} makes one,
 * {@linkcode run} runs it; `denovo/testing` checks it as the library's own are checked.
 *
 * @example
 * ```ts
 * import { open, ops, testing, Tensor } from "@denovo/denovo";
 * const double = ops.defineOp<Record<string, never>>({
 *   name: "double",
 *   contract: ({ x }) => ({ out: { shape: x!.shape, dtype: x!.dtype } }),
 *   reference: ({ x }, _, { out }) => out.data.set((x as ops.HostArray).data.map((v) => 2 * v)),
 *   kernels: [{
 *     name: "plain",
 *     record: (call) => {
 *       const x = call.dense(call.inputs.x as ops.Value), n = ops.sizeOf(x.shape);
 *       call.launch({
 *         key: "",
 *         read: { x },
 *         write: { y: call.outputs.out },
 *         uniforms: { n, first: x.offset },
 *         workgroupSize: 64,
 *         workgroups: Math.ceil(n / 64),
 *         body: () => "if (id < p.n) { y[id] = 2.0 * x[p.first + id]; }",
 *       });
 *     },
 *   }],
 *   cost: ({ x }) => ({ flops: ops.sizeOf(x!.shape), bytes: 8 * ops.sizeOf(x!.shape) }),
 *   error: (_, __, { out }) => ({ out: new Float64Array(out.data.length) }),
 *   cases: [{ name: "odd size", inputs: { x: { shape: [65] } }, params: {} }],
 * });
 * await using gpu = await open();
 * await testing.checkOp(gpu.device, double);
 * const x = gpu.tensor([1, 2, 3]);
 * console.log(await Tensor.from(ops.run(gpu.device, double, { x: x.value }, {}).out).array()); // [2, 4, 6]
 * ```
 *
 * @module
 */
export {
  type Calculus,
  type Case,
  type CaseInput,
  defineOp,
  type HostArray,
  type HostCall,
  type HostInputs,
  type InputTypes,
  type Kept,
  type KernelCall,
  type KernelVariant,
  type NativeVariant,
  type OpDefinition,
  type Variant,
  type VariantCall,
  type VjpCall,
} from "./define.ts";
export type { Formula } from "./formulas.ts";
export { addressOf, type HostTarget, type HostText } from "./host_kernel.ts";
export type { KernelText, Uniform } from "./kernel.ts";
export type { MatmulParams } from "./matmul.ts";
export type { PairReduction } from "./pairwise.ts";
export type { Reduction } from "./reducers.ts";
export { registry } from "./registry.ts";
export { run, type RunOptions } from "./run.ts";
export { type ArrayType, type Operand, sizeOf, type Value } from "./value.ts";
