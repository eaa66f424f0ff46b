import { check } from "./check.ts";
import type { EmitOptions, Emitted, Target } from "./emitted.ts";
import type { Expr } from "./expr.ts";
import type { WgslContext } from "./function_record.ts";
import { requireCapable } from "./capability.ts";
import { type Dialect, isInteger, lower } from "./lower.ts";
import { requireHelper } from "./wgsl_helpers.ts";
import { wgslLiteral } from "./wgsl_literal.ts";

/**
 * The WGSL of a formula: statements that compute every subexpression once, and an expression of its value.
 *
 * In f32, exp, log and the like are the builtins; what drivers get wrong (NaN in max, tanh near 0, …) are helper
 * functions `dn_*`. In f64 all but arithmetic, `sqrt` and rounding is written out as such functions, which need 64-bit integers
 * too. In i32 and u32 arithmetic wraps.
 *
 * Each operation is right about NaN and infinities, but a compiler may still cancel across several of them: `(a + b) - a`
 * can become `b` where IEEE 754 gives NaN for an infinite `a`.
 *
 * @throws {FormulaError} where the formula does not fit the signature or the scalar type cannot compute it.
 *
 * @example
 * ```ts
 * import { emitWgsl, parse } from "denovo/formula/mod.ts";
 *
 * const target = { name: (n: string) => `uniforms.${n}`, element: (n: string) => `${n}[0]` };
 * const { prelude, body, value } = emitWgsl(parse("a * a + 1"), target, {
 *   scalar: "f32",
 *   signature: { a: { kind: "plain" } },
 * });
 * [...prelude, ...body, value]; // ["let t0 = uniforms.a;", "let t1 = t0 * t0;", "let t2 = t1 + 1.0f;", "t2"]
 * ```
 */
export function emitWgsl(expr: Expr, target: Target, options: EmitOptions): Emitted {
  check(expr, options.signature);
  requireCapable(expr, options.scalar);
  const helpers = new Map<string, string>();
  const emitted = lower(expr, target, options, wgslDialect(options, helpers));
  return { ...emitted, helpers };
}

function wgslDialect({ scalar, nan = "strict" }: EmitOptions, helpers: Map<string, string>): Dialect {
  const use = (name: string): string => requireHelper(name, scalar, helpers);
  const literal = (value: number): string => wgslLiteral(value, scalar) ?? special(value);
  const special = (value: number): string => {
    if (Number.isNaN(value)) return `${use("dn_nan")}()`;
    return value > 0 ? `${use("dn_inf")}()` : `(-${use("dn_inf")}())`;
  };
  const context: WgslContext = { scalar, strict: nan === "strict", use, literal };
  return {
    literal,
    counter: (value) => `${value}u`,
    declare: (name, value) => `let ${name} = ${value};`,
    variable: (name, value) => `var ${name} = ${value};`,
    apply: (record, args) => (isInteger(scalar) ? record.integer!.wgsl : record.wgsl!)(args, context),
    toNumber: (text) => `select(${literal(0)}, ${literal(1)}, ${text})`,
    toBoolean: (text) => isInteger(scalar) ? `${text} != ${literal(0)}` : `!(${text} == ${literal(0)})`,
  };
}
