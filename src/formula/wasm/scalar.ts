import { double, signed, single } from "./code.ts";
import { load, store } from "./memory_access.ts";
import { instruction, type Statement, type Value, type ValueType } from "./value.ts";

function comparisons<T extends ValueType>(type: T, names: readonly string[], first: number) {
  return Object.fromEntries(names.map((name, k) => [name, instruction([type, type], "i32", first + k)]));
}

type Compare<T extends ValueType> = (a: Value<T>, b: Value<T>) => Value<"i32">;
type Unary<T extends ValueType> = (a: Value<T>) => Value<T>;
type Binary<T extends ValueType> = (a: Value<T>, b: Value<T>) => Value<T>;

const integerComparisons = ["eq", "ne", "ltS", "ltU", "gtS", "gtU", "leS", "leU", "geS", "geU"] as const;
const integerBinaries = [
  "add",
  "sub",
  "mul",
  "divS",
  "divU",
  "remS",
  "remU",
  "and",
  "or",
  "xor",
  "shl",
  "shrS",
  "shrU",
  "rotl",
  "rotr",
] as const;
const integerUnaries = ["clz", "ctz", "popcnt"] as const;
const floatComparisons = ["eq", "ne", "lt", "gt", "le", "ge"] as const;
const floatUnaries = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"] as const;
const floatBinaries = ["add", "sub", "mul", "div", "min", "max", "copysign"] as const;

function table<T extends ValueType>(type: T, arity: 1 | 2, names: readonly string[], first: number) {
  const operands: T[] = Array(arity).fill(type);
  return Object.fromEntries(names.map((name, k) => [name, instruction(operands, type, first + k)]));
}

function integers<T extends "i32" | "i64">(type: T, compare: number, unary: number) {
  return {
    ...comparisons(type, integerComparisons, compare + 1) as Record<typeof integerComparisons[number], Compare<T>>,
    ...table(type, 1, integerUnaries, unary) as Record<typeof integerUnaries[number], Unary<T>>,
    ...table(type, 2, integerBinaries, unary + 3) as Record<typeof integerBinaries[number], Binary<T>>,
    /** 1 where it is zero. */
    eqz: instruction([type], "i32", compare),
  };
}

function floats<T extends "f32" | "f64">(type: T, compare: number, unary: number) {
  return {
    ...comparisons(type, floatComparisons, compare) as Record<typeof floatComparisons[number], Compare<T>>,
    ...table(type, 1, floatUnaries, unary) as Record<typeof floatUnaries[number], Unary<T>>,
    ...table(type, 2, floatBinaries, unary + 7) as Record<typeof floatBinaries[number], Binary<T>>,
  };
}

/** Instructions on 32-bit integers; `S` is signed, `U` unsigned. Addresses and truth values are of this type. */
export const i32 = {
  ...integers("i32", 0x45, 0x67),
  /** A constant, wrapped to 32 bits. */
  const: (value: number): Value<"i32"> => ({ type: "i32", code: [0x41, signed(value | 0)] }),
  load: load("i32", 2, 0x28),
  load8S: load("i32", 0, 0x2c),
  load8U: load("i32", 0, 0x2d),
  load16S: load("i32", 1, 0x2e),
  load16U: load("i32", 1, 0x2f),
  store: store<"i32">(2, 0x36),
  store8: store<"i32">(0, 0x3a),
  store16: store<"i32">(1, 0x3b),
  wrap: instruction(["i64"], "i32", 0xa7),
  truncF32S: instruction(["f32"], "i32", 0xfc, 0),
  truncF64S: instruction(["f64"], "i32", 0xfc, 2),
  reinterpret: instruction(["f32"], "i32", 0xbc),
};

/** Instructions on 64-bit integers. */
export const i64 = {
  ...integers("i64", 0x50, 0x79),
  /** A constant, wrapped to 64 bits. */
  const: (value: number | bigint): Value<"i64"> => ({
    type: "i64",
    code: [0x42, signed(BigInt.asIntN(64, BigInt(value)))],
  }),
  load: load("i64", 3, 0x29),
  store: store<"i64">(3, 0x37),
  extendS: instruction(["i32"], "i64", 0xac),
  extendU: instruction(["i32"], "i64", 0xad),
  reinterpret: instruction(["f64"], "i64", 0xbd),
};

/** Instructions on single-precision numbers. */
export const f32 = {
  ...floats("f32", 0x5b, 0x8b),
  const: (value: number): Value<"f32"> => ({ type: "f32", code: [0x43, single(value)] }),
  load: load("f32", 2, 0x2a),
  store: store<"f32">(2, 0x38),
  convertI32S: instruction(["i32"], "f32", 0xb2),
  convertI32U: instruction(["i32"], "f32", 0xb3),
  demote: instruction(["f64"], "f32", 0xb6),
  reinterpret: instruction(["i32"], "f32", 0xbe),
};

/** Instructions on double-precision numbers. */
export const f64 = {
  ...floats("f64", 0x61, 0x99),
  const: (value: number): Value<"f64"> => ({ type: "f64", code: [0x44, double(value)] }),
  load: load("f64", 3, 0x2b),
  store: store<"f64">(3, 0x39),
  convertI32S: instruction(["i32"], "f64", 0xb7),
  convertI32U: instruction(["i32"], "f64", 0xb8),
  convertI64S: instruction(["i64"], "f64", 0xb9),
  convertI64U: instruction(["i64"], "f64", 0xba),
  promote: instruction(["f32"], "f64", 0xbb),
  reinterpret: instruction(["i64"], "f64", 0xbf),
};

/** `condition ? a : b` of two computed values. */
export function select<T extends ValueType>(condition: Value<"i32">, a: Value<T>, b: Value<T>): Value<T> {
  const code = [a.code, b.code, condition.code];
  return { type: a.type, code: a.type === "v128" ? [code, 0x1c, 1, 0x7b] : [code, 0x1b] };
}

/** The bytes from `source` are copied to `target`; the ranges may overlap. */
export function copyMemory(target: Value<"i32">, source: Value<"i32">, bytes: Value<"i32">): Statement {
  return { statement: [target.code, source.code, bytes.code, 0xfc, 10, 0, 0] };
}

/** So many bytes from `target` on are set to the low byte of `value`. */
export function fillMemory(target: Value<"i32">, value: Value<"i32">, bytes: Value<"i32">): Statement {
  return { statement: [target.code, value.code, bytes.code, 0xfc, 11, 0] };
}
