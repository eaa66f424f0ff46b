import { type Code, unsigned } from "./code.ts";
import type { Statement, Value, ValueType } from "./value.ts";

/** Reads at a byte address plus a constant byte offset; both need no alignment. */
export type Load<T extends ValueType> = (address: Value<"i32">, offset?: number) => Value<T>;
/** Writes at a byte address plus a constant byte offset. */
export type Store<T extends ValueType> = (address: Value<"i32">, value: Value<T>, offset?: number) => Statement;

/** A load instruction of `2 ** align` bytes. */
export function load<T extends ValueType>(type: T, align: number, ...opcode: Code): Load<T> {
  return (address, offset = 0) => ({ type, code: [address.code, opcode, align, unsigned(offset)] });
}

/** A store instruction of `2 ** align` bytes. */
export function store<T extends ValueType>(align: number, ...opcode: Code): Store<T> {
  return (address, value, offset = 0) => ({
    statement: [address.code, value.code, opcode, align, unsigned(offset)],
  });
}
