import type { FunctionBuilder } from "./function_builder.ts";
import type { FloatLanes, V } from "./lanes.ts";
import { i32 } from "./scalar.ts";
import { f32x4, f64x2, i32x4, i64x2, v128 } from "./simd.ts";

/** The numbers that values made by `constant` hold. */
const constants = new WeakMap<V, number>();

/** Four lanes of f32 or two of f64; `flush`: see {@linkcode FloatLanes}. */
export function floatLanes(fn: FunctionBuilder, scalar: "f32" | "f64", flush = false): FloatLanes {
  const wide = scalar === "f64";
  const float = wide ? f64x2 : f32x4;
  const integer = wide ? i64x2 : i32x4;
  const pick = <T>(single: T, double: T): T => wide ? double : single;
  const one = (op: (a: V) => V) => (a: V): V => fn.let(op(a));
  const two = (op: (a: V, b: V) => V) => (a: V, b: V): V => fn.let(op(a, b));
  const constant = (value: number): V => {
    const key = `${scalar} ${Object.is(value, -0) ? "-0" : wide ? value : Math.fround(value)}`;
    const named = fn.once(key, () => float.const(value));
    constants.set(named, value);
    return named;
  };
  const bits = (value: bigint): V =>
    fn.once(`${scalar} bits ${value}`, () => wide ? i64x2.const(value) : i32x4.const(Number(value)));
  const select = (mask: V, a: V, b: V): V => fn.let(v128.bitselect(mask, a, b));
  const fused = fn.module.relaxed;
  const madd = (a: V, b: V, c: V): V => {
    return fn.let(fused ? float.relaxedMadd(a, b, c) : float.add(float.mul(a, b), c));
  };
  const and = two(v128.and);
  const or = two(v128.or);
  const andnot = two(v128.andnot);
  const sign = () => constant(-0);
  return {
    fn,
    scalar,
    flush,
    count: pick(4, 2),
    mantissa: pick(23, 52),
    bias: pick(127, 1023),
    pick,
    constant,
    known: (a) => constants.get(a),
    bits,
    add: two(float.add),
    sub: two(float.sub),
    mul: two(float.mul),
    div: two(float.div),
    neg: one(float.neg),
    abs: one(float.abs),
    sqrt: one(float.sqrt),
    floor: one(float.floor),
    ceil: one(float.ceil),
    trunc: one(float.trunc),
    nearest: one(float.nearest),
    min: two(float.min),
    max: two(float.max),
    pmin: two(float.pmin),
    pmax: two(float.pmax),
    eq: two(float.eq),
    ne: two(float.ne),
    lt: two(float.lt),
    le: two(float.le),
    gt: two(float.gt),
    ge: two(float.ge),
    and,
    or,
    xor: two(v128.xor),
    andnot,
    not: one(v128.not),
    select,
    toNumber: (mask) => and(mask, constant(1)),
    madd,
    nmadd: (a, b, c) => fn.let(fused ? float.relaxedNmadd(a, b, c) : float.sub(c, float.mul(a, b))),
    addBits: two(integer.add),
    subBits: two(integer.sub),
    shl: (a, by) => fn.let(integer.shl(a, i32.const(by))),
    shr: (a, by) => fn.let(integer.shrU(a, i32.const(by))),
    copySign: (magnitude, of) => select(sign(), of, magnitude),
    any: v128.anyTrue,
    polynomial(x, coefficients) {
      const last = constant(coefficients.at(-1)!);
      return coefficients.slice(0, -1).reduceRight((sum, c) => madd(sum, x, constant(c)), last);
    },
  };
}
