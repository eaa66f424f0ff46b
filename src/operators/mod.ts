/**
 * Matrices known by how they act: {@linkcode pairwise} (a formula over pairs of rows, never stored), {@linkcode sparse} and
 * {@linkcode dense}.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0], [1], [3]]);
 * const distance = operators.pairwise("dist(x[i], x[j])", { x });
 * console.log(await distance.row(2).array()); // [3, 2, 0]
 * ```
 *
 * @module
 */
export { dense } from "./dense.ts";
export type { LinearOperator } from "./linear_operator.ts";
export { pairwise } from "./pairwise.ts";
export { sparse } from "./sparse.ts";
