import type { DType } from "../device/mod.ts";
import { promote } from "../device/mod.ts";
import { type Expr, integerCapable, key, parse, type Scalar, type Signature } from "../formula/mod.ts";
import type { ArrayType } from "./value.ts";

/** A formula as text, or as a tree that was built. */
export type Formula = string | Expr;

/** The tree of a formula. */
export function toExpr(formula: Formula): Expr {
  return typeof formula === "string" ? parse(formula) : formula;
}

/** A text that identifies a formula. */
export function formulaKey(formula: Formula): string {
  return key(toExpr(formula));
}

/**
 * The scalar type in which a formula is computed: integers stay integers while the formula has only integer operations, all else
 * is f32 (f64 if an input is f64). A plain number counts as an integer if it is one.
 */
export function computeType(
  expr: Expr,
  types: Readonly<Record<string, ArrayType | null>>,
  names: readonly string[],
): Scalar {
  const dtypes: DType[] = [];
  for (const name of names) {
    const type = types[name];
    if (type) dtypes.push(type.dtype);
  }
  const dtype = dtypes.length ? promote(...dtypes) : "f32";
  if (dtype === "f64") return "f64";
  if (dtype === "f32" || dtype === "f16" || !integerCapable(expr)) return "f32";
  return dtype === "u32" ? "u32" : "i32";
}

/** The dtype that a formula's result has if none is asked for. */
export function resultType(
  scalar: Scalar,
  boolean: boolean,
  types: Readonly<Record<string, ArrayType | null>>,
  names: readonly string[],
): DType {
  if (boolean) return "bool";
  if (scalar !== "f32") return scalar;
  const dtypes = names.flatMap((n) => types[n] && !types[n].weak ? [types[n].dtype] : []);
  return dtypes.length > 0 && dtypes.every((d) => d === "f16" || d === "bool") && dtypes.includes("f16")
    ? "f16"
    : "f32";
}

/** A signature in which every name is a plain operand. */
export function plainSignature(names: Iterable<string>): Signature {
  // No prototype: an operand may be called "constructor".
  const signature: Record<string, { kind: "plain" }> = Object.create(null);
  for (const name of names) signature[name] = { kind: "plain" };
  return signature;
}

/** WGSL expression that reads a stored element as a scalar of the formula. */
export function loadAs(scalar: Scalar, dtype: DType, text: string): string {
  return (dtype === "bool" ? "u32" : dtype) === scalar ? text : `${scalar}(${text})`;
}

/** WGSL expression that converts a formula's value for storage. */
export function storeAs(dtype: DType, scalar: Scalar, boolean: boolean, text: string): string {
  // By equality: NaN counts as true, and `NaN != 0` is false on some drivers.
  if (dtype === "bool") return boolean ? `select(0u, 1u, ${text})` : `select(1u, 0u, ${text} == ${scalar}(0))`;
  if (boolean) return `select(${dtype}(0), ${dtype}(1), ${text})`;
  return dtype === scalar ? text : `${dtype}(${text})`;
}
