import type { Code } from "./code.ts";

/** The types of WebAssembly that are used here. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/**
 * Code that leaves one value on the stack. It is code and not a result: used twice, it runs twice. Name what is used
 * again with `fn.let`.
 */
export interface Value<T extends ValueType = ValueType> {
  /** The type of the value. */
  readonly type: T;
  /** The instructions that compute it. */
  readonly code: Code;
}

/** Code that leaves nothing on the stack: a store or a call. It runs where it is given to `fn.run`. */
export interface Statement {
  /** The instructions. */
  readonly statement: Code;
}

const encodings: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** The byte that stands for a type. */
export function encodeType(type: ValueType): number {
  return encodings[type];
}

/** An instruction from the types of its operands to the type of its result. */
export function instruction<const A extends readonly ValueType[], R extends ValueType>(
  operands: A,
  result: R,
  ...opcode: Code
): (...args: { [K in keyof A]: Value<A[K]> }) => Value<R> {
  return (...args) => {
    args.forEach(({ type }, k) => {
      if (type !== operands[k]) throw new TypeError(`Operand ${k} must be of type ${operands[k]}, got ${type}`);
    });
    return { type: result, code: [args.map((arg) => arg.code), opcode] };
  };
}
