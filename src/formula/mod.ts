/**
 * The formula language: one text becomes WGSL, an f64 function and a derivative.
 *
 * @module
 */
export { call, constant, element, name } from "./expr.ts";
export type { CallExpr, ElementExpr, Expr, Index, NameExpr, NumberExpr } from "./expr.ts";
export type { Signature, Slot } from "./signature.ts";
export type { EmitOptions, Emitted, Scalar, Target } from "./emitted.ts";
export { FormulaError } from "./formula_error.ts";
export { nearest } from "./nearest.ts";
export { check } from "./check.ts";
export type { FormulaType } from "./check.ts";
export { parse } from "./parse.ts";
export { print } from "./print.ts";
export { equal, key, size } from "./structure.ts";
export { leaves, substitute } from "./leaves.ts";
export type { Leaves } from "./leaves.ts";
export { emitWgsl } from "./emit_wgsl.ts";
export { emitJs } from "./emit_js.ts";
export { integerCapable } from "./capability.ts";
export { compile, compilePairwise } from "./compile.ts";
export type { PairwiseInput } from "./compile.ts";
export { derivative, gradient } from "./gradient.ts";
export { simplify } from "./simplify.ts";
export { errorBound } from "./error_bound.ts";
export type { Bounded } from "./error_bound.ts";
