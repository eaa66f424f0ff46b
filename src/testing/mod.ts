/**
 * What the library's own ops are tested with, for yours: {@linkcode checkOp} runs an op's cases through every kernel on a device,
 * {@linkcode checkGrad} compares its gradient with differences, {@linkcode assertClose} compares numbers.
 *
 * @example
 * ```ts
 * import { assertClose } from "@denovo/denovo/testing";
 * assertClose([1, NaN], [1 + 1e-7, NaN], { rtol: 1e-6 });
 * ```
 *
 * @module
 */
export { assertClose, compare, type Comparison, type Tolerance } from "./assert_close.ts";
export { checkGrad } from "./check_grad.ts";
export { checkOp, type CheckResult } from "./check_op.ts";
