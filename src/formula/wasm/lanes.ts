import type { FunctionBuilder } from "./function_builder.ts";
import type { Value } from "./value.ts";

/** Lanes of one type, or a mask of all ones and all zeros in each lane. */
export type V = Value<"v128">;

/**
 * Arithmetic on all lanes at once. Each operation is computed where it is called and its result named, so that results
 * can be used any number of times.
 */
export interface Lanes {
  /** The function that the code is written to. */
  readonly fn: FunctionBuilder;
  /** The type of a lane. */
  readonly scalar: "f32" | "f64" | "i32" | "u32";
  /** The number of lanes: 4, or 2 for f64. */
  readonly count: number;
  /** The value in every lane, computed once in the function. */
  constant(value: number): V;
  /** a + b */
  add(a: V, b: V): V;
  /** a - b */
  sub(a: V, b: V): V;
  /** a b */
  mul(a: V, b: V): V;
  /** -a */
  neg(a: V): V;
  /** The magnitude; of the smallest i32 itself. */
  abs(a: V): V;
  /** The smaller one, NaN if one is. */
  min(a: V, b: V): V;
  /** The larger one, NaN if one is. */
  max(a: V, b: V): V;
  /** Whether a = b: a mask, as from all comparisons. With NaN they are false. */
  eq(a: V, b: V): V;
  /** Whether a ≠ b; true with NaN. */
  ne(a: V, b: V): V;
  /** Whether a < b. */
  lt(a: V, b: V): V;
  /** Whether a ≤ b. */
  le(a: V, b: V): V;
  /** Whether a > b. */
  gt(a: V, b: V): V;
  /** Whether a ≥ b. */
  ge(a: V, b: V): V;
  /** a & b */
  and(a: V, b: V): V;
  /** a | b */
  or(a: V, b: V): V;
  /** a ^ b */
  xor(a: V, b: V): V;
  /** a & ~b */
  andnot(a: V, b: V): V;
  /** ~a */
  not(a: V): V;
  /** `a` where the mask is set, else `b`. */
  select(mask: V, a: V, b: V): V;
  /** 1 where the mask is set, else 0. */
  toNumber(mask: V): V;
}

/** Floating-point lanes, and the same bits as integers. */
export interface FloatLanes extends Lanes {
  /** The type of a lane. */
  readonly scalar: "f32" | "f64";
  /** Whether `exp` gives 0 where its value is below the normal numbers, as GPUs do. */
  readonly flush: boolean;
  /** The number of bits of the mantissa: 23 or 52. */
  readonly mantissa: number;
  /** The bias of the exponent: 127 or 1023. */
  readonly bias: number;
  /** One of two constants, by type. */
  pick<T>(single: T, double: T): T;
  /** The value in all lanes, where it is a constant. */
  known(a: V): number | undefined;
  /** An integer in every lane. */
  bits(value: bigint): V;
  /** a / b */
  div(a: V, b: V): V;
  /** √a */
  sqrt(a: V): V;
  /** The integer below. */
  floor(a: V): V;
  /** The integer above. */
  ceil(a: V): V;
  /** The integer towards 0. */
  trunc(a: V): V;
  /** The nearest integer, halves to even. */
  nearest(a: V): V;
  /** a * b + c, fused where the engine can: nothing may depend on whether it is. */
  madd(a: V, b: V, c: V): V;
  /** c - a * b, likewise. */
  nmadd(a: V, b: V, c: V): V;
  /** b < a ? b : a; `a` where one is NaN. Cheaper than `min`. */
  pmin(a: V, b: V): V;
  /** a < b ? b : a; `a` where one is NaN. */
  pmax(a: V, b: V): V;
  /** Addition of the bits as integers. */
  addBits(a: V, b: V): V;
  /** Subtraction of the bits as integers. */
  subBits(a: V, b: V): V;
  /** Shifts the bits of each lane to the left. */
  shl(a: V, by: number): V;
  /** Shifts to the right, bringing in zeros. */
  shr(a: V, by: number): V;
  /** The magnitude of the first with the sign of the second. */
  copySign(magnitude: V, sign: V): V;
  /** Whether any bit is set, for `fn.if`. */
  any(mask: V): Value<"i32">;
  /** c_0 + c_1 x + … + c_n x^n, one step after the other. */
  polynomial(x: V, coefficients: readonly number[]): V;
}

/** 32-bit integer lanes that wrap. */
export interface IntegerLanes extends Lanes {
  /** The type of a lane. */
  readonly scalar: "i32" | "u32";
  /** The remainder with the sign of the divisor; 0 where that is 0. */
  mod(a: V, b: V): V;
}
