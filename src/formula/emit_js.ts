import { check } from "./check.ts";
import { requireCapable } from "./capability.ts";
import type { EmitOptions, Emitted, Target } from "./emitted.ts";
import type { Expr } from "./expr.ts";
import { jsLiteral } from "./js_literal.ts";
import { type Dialect, isInteger, lower } from "./lower.ts";

/**
 * The JavaScript of a formula, built as the WGSL is. The code calls `Math` and the functions of an object `h`
 * (`js_helpers.ts`). In i32 and u32 it wraps as WGSL does; f32 is computed in f64.
 *
 * @throws {FormulaError} where the formula does not fit the signature or the scalar type cannot compute it.
 */
export function emitJs(expr: Expr, target: Target, options: EmitOptions): Emitted {
  check(expr, options.signature);
  if (isInteger(options.scalar)) requireCapable(expr, options.scalar);
  return { ...lower(expr, target, options, jsDialect(options)), helpers: new Map() };
}

function jsDialect({ scalar }: EmitOptions): Dialect {
  return {
    literal: (value) => jsLiteral(value, scalar),
    counter: String,
    declare: (name, value) => `const ${name} = ${value};`,
    variable: (name, value) => `let ${name} = ${value};`,
    apply(record, args) {
      const texts = args.map((a) => a.text);
      return (isInteger(scalar) ? record.integer!.js : record.js!)(texts, scalar);
    },
    toNumber: (text) => `${text} ? 1 : 0`,
    toBoolean: (text) => `${text} !== 0`,
  };
}
