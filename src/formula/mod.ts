/**
 * The formula language: one text becomes WGSL, a plain f64 function (the oracle), and symbolic derivatives.
 *
 * - Numbers, names, `+ - * / ^`, `%` (sign of the divisor), `< <= > >= == !=`, `&& || !`, `c ? a : b`, parentheses, and
 *   the constants `pi`, `inf`, `nan`. `-x^2` is `-(x^2)`. A truth value used as a number is 0 or 1; a number used as a
 *   condition is compared with 0.
 * - Functions: `exp expm1 exp2 log log1p log2 log10 sqrt rsqrt cbrt square reciprocal pow mod hypot abs sign min max clamp
 *   where floor ceil trunc round sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sigmoid relu softplus
 *   gelu silu erf isnan isfinite`. `round` takes halves to even, `gelu` is the exact one.
 * - In pairwise reductions `x[i]` and `y[j]` are rows: a number, or a vector with components `x[i, 0]`, `x[i, 1]`, …
 *   Arithmetic on vectors is componentwise and scalars are repeated. `sum dot sqdist dist norm l1dist maxdist` make scalars
 *   of vectors.
 *
 * ```ts
 * import { compile, derivative, parse, print } from "denovo/formula/mod.ts";
 *
 * const loss = parse("softplus(-y * t)");
 * compile(loss, ["y", "t"])(0.3, 1); // 0.5543552444685271
 * print(derivative(loss, "t")); // "-(sigmoid(-(y * t)) * y)"
 * ```
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
export { splitFolds } from "./split_folds.ts";
export type { Fold, Split } from "./split_folds.ts";
export { splitScalars } from "./split_scalars.ts";
export type { Components } from "./split_scalars.ts";
export { emitWgsl } from "./emit_wgsl.ts";
export { wgslHelpers } from "./wgsl_helpers.ts";
export { emitJs } from "./emit_js.ts";
export { integerCapable } from "./capability.ts";
export { compile, compilePairwise } from "./compile.ts";
export type { PairwiseInput } from "./compile.ts";
export { derivative, gradient } from "./gradient.ts";
export { simplify } from "./simplify.ts";
export { errorAnalysis, errorBound } from "./error_bound.ts";
export type { Bounded, LeafValues } from "./error_bound.ts";
