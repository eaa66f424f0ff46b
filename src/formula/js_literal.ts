import type { Scalar } from "./emitted.ts";

/** A number as JavaScript, wrapped to the integer type if it is one; it stands as an atom in any expression. */
export function jsLiteral(value: number, scalar: Scalar): string {
  const wrapped = scalar === "i32" ? value | 0 : scalar === "u32" ? value >>> 0 : value;
  const text = Object.is(wrapped, -0) ? "-0" : String(wrapped);
  return text.startsWith("-") ? `(${text})` : text;
}
