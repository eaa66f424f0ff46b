import type { Scalar } from "./emitted.ts";
import type { FunctionRecord } from "./function_record.ts";
import { jsHelpers } from "./js_helpers.ts";
import { jsLiteral } from "./js_literal.ts";

/**
 * The value of a function at constants, in f64 or wrapping integers. WGSL refuses constant expressions that overflow or
 * divide by zero, so none may be left to its compiler.
 */
export function foldConstant(record: FunctionRecord, args: readonly number[], scalar: Scalar): number | boolean {
  const literals = args.map((value, i) => {
    const logical = record.conditions === "all" || (record.conditions === "first" && i === 0);
    return logical ? String(value !== 0) : jsLiteral(value, scalar);
  });
  const integer = scalar === "i32" || scalar === "u32";
  const rule = integer ? record.integer!.js : record.js!;
  return new Function("h", `return ${rule(literals, scalar)};`)(jsHelpers);
}
