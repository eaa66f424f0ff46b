import type { Scalar } from "./emitted.ts";
import type { Expr } from "./expr.ts";
import { FormulaError } from "./formula_error.ts";
import type { FunctionRecord } from "./function_record.ts";
import { recordOf } from "./functions.ts";
import { parse, sourceOf } from "./parse.ts";
import { print } from "./print.ts";

/**
 * Whether a formula can be computed in wrapping 32-bit integers: integer constants, `+ - * %`, comparisons, logic,
 * `min max abs sign clamp`, constant non-negative powers and the like; not `/`, nor functions with real values.
 */
export function integerCapable(expr: Expr): boolean {
  return incapable(expr, "i32") === undefined;
}

/** @throws {FormulaError} at the first operation or constant that `scalar` cannot compute. */
export function requireCapable(expr: Expr, scalar: Scalar): void {
  const found = incapable(expr, scalar);
  if (found === undefined) return;
  const text = sourceOf(expr);
  if (text !== undefined) throw new FormulaError(found.message, text, found.node.at ?? 0);
  const printed = print(expr);
  requireCapable(parse(printed), scalar);
}

/** The first node that the scalar type cannot compute, and why. */
function incapable(expr: Expr, scalar: Scalar): { node: Expr; message: string } | undefined {
  if (scalar === "f32" || scalar === "f64") return undefined;
  const seen = new Set<Expr>();
  const walk = (node: Expr): { node: Expr; message: string } | undefined => {
    if (seen.has(node)) return undefined;
    seen.add(node);
    if (node.kind === "number" && !Number.isSafeInteger(node.value)) {
      return { node, message: `${node.value} is not available in integers` };
    }
    if (node.kind !== "call") return undefined;
    const record = recordOf(node.fn);
    if (!inInteger(record, node.args)) {
      return { node, message: `${record.alias ?? symbol(record)} is not available in integers` };
    }
    for (const arg of node.args) {
      const found = walk(arg);
      if (found !== undefined) return found;
    }
  };
  return walk(expr);
}

function symbol(record: FunctionRecord): string {
  return "symbol" in record.form ? record.form.symbol : record.name;
}

function inInteger(record: FunctionRecord, args: readonly Expr[]): boolean {
  if (record.integer !== undefined || record.fold !== undefined) return true;
  const expanded = record.expandInteger?.(...args) ?? record.expand?.(...args);
  return expanded !== undefined && integerExpansion(expanded, args);
}

/** Whether an expansion is made of integer operations, whatever its arguments are. */
function integerExpansion(expr: Expr, args: readonly Expr[]): boolean {
  if (args.includes(expr)) return true;
  if (expr.kind !== "call") return expr.kind !== "number" || Number.isSafeInteger(expr.value);
  return inInteger(recordOf(expr.fn), expr.args) && expr.args.every((arg) => integerExpansion(arg, args));
}
