/**
 * Matrices known by how they act: {@linkcode pairwise} (a formula over pairs of rows, never stored),
 * {@linkcode sparse}, {@linkcode diagonal}, {@linkcode kronecker} and others, with an algebra of sums, products and
 * transposes that keeps their structure. {@linkcode linearOperator} makes one of a function.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0], [1], [3]]);
 * const distance = operators.pairwise("dist(x[i], x[j])", { x });
 * console.log(await distance.row(2).array()); // [3, 2, 0]
 * const ridge = distance.compose(distance.T).add(operators.identity(gpu, 3).scale(0.1));
 * console.log(ridge.flags.positiveDefinite); // true
 * ```
 *
 * @module
 */
export { banded, type BandedOptions, tridiagonal } from "./banded.ts";
export { blockDiagonal } from "./block_diagonal.ts";
export { circulant } from "./circulant.ts";
export { concatenate } from "./concatenate.ts";
export { asLinearOperator, dense } from "./dense.ts";
export { diagonal } from "./diagonal.ts";
export { SingularMatrixError } from "./errors.ts";
export { householder } from "./householder.ts";
export { identity } from "./identity.ts";
export { kronecker } from "./kronecker.ts";
export type {
  LinearOperator,
  OnDevice,
  OperatorFlags,
  OperatorOptions,
  OperatorPart,
  OperatorSlogdet,
} from "./linear_operator.ts";
export { lowRank } from "./low_rank.ts";
export { linearOperator, type OperatorDefinition } from "./make_operator.ts";
export { monarch } from "./monarch.ts";
export { pairwise } from "./pairwise.ts";
export { permutation } from "./permutation.ts";
export { sparse } from "./sparse.ts";
export type { Structure } from "./structure.ts";
export { hankel, toeplitz } from "./toeplitz.ts";
export {
  dct,
  type DctOperatorOptions,
  dst,
  fft,
  type FftOperatorOptions,
  hadamard,
  type HadamardOperatorOptions,
} from "./transform_operators.ts";
export type { Complex, HadamardOptions, HadamardOrder, Norm, TrigonometricType } from "./transforms/mod.ts";
export * as transforms from "./transforms/mod.ts";
export { zero } from "./zero.ts";
