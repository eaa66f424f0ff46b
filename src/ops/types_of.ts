import type { InputTypes } from "./define.ts";
import { type ArrayType, numberType, type Operand } from "./value.ts";

/** Types of operands: what a contract sees of them. */
export function typesOf(inputs: Readonly<Record<string, Operand>>): InputTypes {
  const types: Record<string, ArrayType | null> = {};
  for (const [name, value] of Object.entries(inputs)) {
    types[name] = typeof value === "number" ? numberType(value) : value;
  }
  return types;
}
