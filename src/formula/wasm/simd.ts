import { type Code, double, single, unsigned } from "./code.ts";
import { load, store } from "./memory_access.ts";
import { instruction, type Statement, type Value, type ValueType } from "./value.ts";

type V = Value<"v128">;
const opcode = (code: number): Code => [0xfd, unsigned(code)];
const unary = (code: number) => instruction(["v128"], "v128", opcode(code));
const binary = (code: number) => instruction(["v128", "v128"], "v128", opcode(code));
const ternary = (code: number) => instruction(["v128", "v128", "v128"], "v128", opcode(code));
const shift = (code: number) => instruction(["v128", "i32"], "v128", opcode(code));
const test = (code: number) => instruction(["v128"], "i32", opcode(code));
const splat = <T extends ValueType>(type: T, code: number) => instruction([type], "v128", opcode(code));
const extract = <T extends ValueType>(type: T, code: number) => (a: V, lane: number): Value<T> => ({
  type,
  code: [a.code, opcode(code), lane],
});
const replace = <T extends ValueType>(_: T, code: number) => (a: V, lane: number, value: Value<T>): V => ({
  type: "v128",
  code: [a.code, value.code, opcode(code), lane],
});
const loadLane = (align: number, code: number) => (address: Value<"i32">, a: V, lane: number, offset = 0): V => ({
  type: "v128",
  code: [address.code, a.code, opcode(code), align, unsigned(offset), lane],
});
const storeLane =
  (align: number, code: number) => (address: Value<"i32">, a: V, lane: number, offset = 0): Statement => ({
    statement: [address.code, a.code, opcode(code), align, unsigned(offset), lane],
  });
const bytes = (code: number[]): V => ({ type: "v128", code: [opcode(12), code] });

/** Instructions on 128 bits, whatever they are. */
export const v128 = {
  load: load("v128", 4, opcode(0)),
  load16Splat: load("v128", 1, opcode(8)),
  load32Splat: load("v128", 2, opcode(9)),
  load64Splat: load("v128", 3, opcode(10)),
  load32Zero: load("v128", 2, opcode(0x5c)),
  load64Zero: load("v128", 3, opcode(0x5d)),
  load16x4U: load("v128", 3, opcode(4)),
  load32Lane: loadLane(2, 0x56),
  load64Lane: loadLane(3, 0x57),
  store: store<"v128">(4, opcode(11)),
  store16Lane: storeLane(1, 0x59),
  store32Lane: storeLane(2, 0x5a),
  store64Lane: storeLane(3, 0x5b),
  not: unary(0x4d),
  and: binary(0x4e),
  /** a & ~b */
  andnot: binary(0x4f),
  or: binary(0x50),
  xor: binary(0x51),
  /** Bits of `a` where `mask` is 1, else of `b`. */
  bitselect: (mask: V, a: V, b: V): V => ({ type: "v128", code: [a.code, b.code, mask.code, opcode(0x52)] }),
  anyTrue: test(0x53),
  /** The bytes of `a` (0 to 15) and `b` (16 to 31) that `lanes` names, 16 of them. */
  shuffle: (a: V, b: V, lanes: readonly number[]): V => ({
    type: "v128",
    code: [a.code, b.code, opcode(13), lanes],
  }),
};

/** The bytes of lanes of `size` bytes, for `v128.shuffle`. */
export function lanes(size: 4 | 8, ...indices: number[]): number[] {
  return indices.flatMap((lane) => Array.from({ length: size }, (_, k) => lane * size + k));
}

function floats<T extends "f32" | "f64">(size: 4 | 8, type: T) {
  const [compare, arithmetic] = size === 4 ? [0x41, 0xe0] : [0x47, 0xec];
  const [ceil, floor, trunc, nearest] = size === 4 ? [0x67, 0x68, 0x69, 0x6a] : [0x74, 0x75, 0x7a, 0x94];
  const [madd, nmadd] = size === 4 ? [0x105, 0x106] : [0x107, 0x108];
  return {
    eq: binary(compare),
    ne: binary(compare + 1),
    lt: binary(compare + 2),
    gt: binary(compare + 3),
    le: binary(compare + 4),
    ge: binary(compare + 5),
    ceil: unary(ceil),
    floor: unary(floor),
    trunc: unary(trunc),
    /** Halves to even. */
    nearest: unary(nearest),
    abs: unary(arithmetic),
    neg: unary(arithmetic + 1),
    sqrt: unary(arithmetic + 3),
    add: binary(arithmetic + 4),
    sub: binary(arithmetic + 5),
    mul: binary(arithmetic + 6),
    div: binary(arithmetic + 7),
    /** The smaller, NaN if one is; -0 is below 0. */
    min: binary(arithmetic + 8),
    max: binary(arithmetic + 9),
    /** b < a ? b : a, one instruction on most machines. */
    pmin: binary(arithmetic + 10),
    /** a < b ? b : a */
    pmax: binary(arithmetic + 11),
    /** a * b + c, rounded once or twice: needs `hasRelaxedSimd`. */
    relaxedMadd: ternary(madd),
    /** c - a * b, rounded once or twice: needs `hasRelaxedSimd`. */
    relaxedNmadd: ternary(nmadd),
    splat: splat(type, size === 4 ? 19 : 20),
    extractLane: extract(type, size === 4 ? 31 : 33),
    replaceLane: replace(type, size === 4 ? 32 : 34),
  };
}

/** Instructions on four single-precision numbers. */
export const f32x4 = {
  ...floats(4, "f32"),
  const: (...values: number[]): V => bytes(repeat(values, 4).flatMap(single)),
  convertI32x4S: unary(0xfa),
  convertI32x4U: unary(0xfb),
  /** The two doubles, then two zeros. */
  demoteF64x2Zero: unary(0x5e),
};

/** Instructions on two double-precision numbers. */
export const f64x2 = {
  ...floats(8, "f64"),
  const: (...values: number[]): V => bytes(repeat(values, 2).flatMap(double)),
  /** The first two singles. */
  promoteLowF32x4: unary(0x5f),
  convertLowI32x4S: unary(0xfe),
  convertLowI32x4U: unary(0xff),
};

/** Instructions on four 32-bit integers. */
export const i32x4 = {
  const: (...values: number[]): V => bytes([...new Uint8Array(new Int32Array(repeat(values, 4)).buffer)]),
  eq: binary(0x37),
  ne: binary(0x38),
  ltS: binary(0x39),
  ltU: binary(0x3a),
  gtS: binary(0x3b),
  gtU: binary(0x3c),
  leS: binary(0x3d),
  leU: binary(0x3e),
  geS: binary(0x3f),
  geU: binary(0x40),
  abs: unary(0xa0),
  neg: unary(0xa1),
  allTrue: test(0xa3),
  bitmask: test(0xa4),
  extendLowI16x8S: unary(0xa7),
  extendHighI16x8S: unary(0xa8),
  extendLowI16x8U: unary(0xa9),
  extendHighI16x8U: unary(0xaa),
  shl: shift(0xab),
  shrS: shift(0xac),
  shrU: shift(0xad),
  add: binary(0xae),
  sub: binary(0xb1),
  mul: binary(0xb5),
  minS: binary(0xb6),
  minU: binary(0xb7),
  maxS: binary(0xb8),
  maxU: binary(0xb9),
  truncSatF32x4S: unary(0xf8),
  truncSatF32x4U: unary(0xf9),
  truncSatF64x2SZero: unary(0xfc),
  truncSatF64x2UZero: unary(0xfd),
  splat: splat("i32", 17),
  extractLane: extract("i32", 27),
  replaceLane: replace("i32", 28),
};

/** Instructions on two 64-bit integers. */
export const i64x2 = {
  const: (...values: bigint[]): V => bytes([...new Uint8Array(new BigInt64Array(repeat(values, 2)).buffer)]),
  eq: binary(0xd6),
  ne: binary(0xd7),
  ltS: binary(0xd8),
  gtS: binary(0xd9),
  leS: binary(0xda),
  geS: binary(0xdb),
  abs: unary(0xc0),
  neg: unary(0xc1),
  allTrue: test(0xc3),
  bitmask: test(0xc4),
  /** Products of the first two lanes of i32x4, in full; likewise of the last two. */
  extmulLowI32x4U: binary(0xde),
  extmulHighI32x4U: binary(0xdf),
  extendLowI32x4S: unary(0xc7),
  extendHighI32x4S: unary(0xc8),
  extendLowI32x4U: unary(0xc9),
  extendHighI32x4U: unary(0xca),
  shl: shift(0xcb),
  shrS: shift(0xcc),
  shrU: shift(0xcd),
  add: binary(0xce),
  sub: binary(0xd1),
  mul: binary(0xd5),
  splat: splat("i64", 18),
  extractLane: extract("i64", 29),
  replaceLane: replace("i64", 30),
};

/** One value for all lanes, or one for each. */
function repeat<T>(values: readonly T[], count: number): T[] {
  if (values.length !== 1 && values.length !== count) {
    throw new TypeError(`Cannot make a vector of ${values.length} values: expected 1 or ${count}`);
  }
  return values.length === 1 ? Array<T>(count).fill(values[0]) : [...values];
}
