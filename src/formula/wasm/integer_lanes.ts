import type { FunctionBuilder } from "./function_builder.ts";
import type { IntegerLanes, V } from "./lanes.ts";
import { call } from "./module_builder.ts";
import { i32, select as choose } from "./scalar.ts";
import { i32x4, v128 } from "./simd.ts";
import type { Value } from "./value.ts";

/** Four lanes of i32 or u32. */
export function integerLanes(fn: FunctionBuilder, scalar: "i32" | "u32"): IntegerLanes {
  const isSigned = scalar === "i32";
  const pick = <T>(signed: T, unsigned: T): T => isSigned ? signed : unsigned;
  const one = (op: (a: V) => V) => (a: V): V => fn.let(op(a));
  const two = (op: (a: V, b: V) => V) => (a: V, b: V): V => fn.let(op(a, b));
  const constant = (value: number): V => fn.once(`i32 ${value | 0}`, () => i32x4.const(value | 0));
  const and = two(v128.and);
  return {
    fn,
    scalar,
    count: 4,
    constant,
    add: two(i32x4.add),
    sub: two(i32x4.sub),
    mul: two(i32x4.mul),
    neg: one(i32x4.neg),
    abs: isSigned ? one(i32x4.abs) : (a) => a,
    min: two(pick(i32x4.minS, i32x4.minU)),
    max: two(pick(i32x4.maxS, i32x4.maxU)),
    eq: two(i32x4.eq),
    ne: two(i32x4.ne),
    lt: two(pick(i32x4.ltS, i32x4.ltU)),
    le: two(pick(i32x4.leS, i32x4.leU)),
    gt: two(pick(i32x4.gtS, i32x4.gtU)),
    ge: two(pick(i32x4.geS, i32x4.geU)),
    and,
    or: two(v128.or),
    xor: two(v128.xor),
    andnot: two(v128.andnot),
    not: one(v128.not),
    select: (mask, a, b) => fn.let(v128.bitselect(mask, a, b)),
    toNumber: (mask) => and(mask, constant(1)),
    mod(a, b) {
      const remainder = remainderFunction(fn, isSigned);
      let result = a;
      for (let lane = 0; lane < 4; lane++) {
        const value = call(remainder, i32x4.extractLane(a, lane), i32x4.extractLane(b, lane));
        result = i32x4.replaceLane(result, lane, value);
      }
      return fn.let(result);
    },
  };
}

/** There is no division of integer lanes. */
function remainderFunction({ module }: FunctionBuilder, isSigned: boolean) {
  return module.helper(`remainder ${isSigned}`, ["i32", "i32"], "i32", (fn) => {
    const [a, b] = fn.params;
    const safe: Value<"i32"> = fn.let(choose(b, b, i32.const(1)));
    if (!isSigned) return choose(b, i32.remU(a, safe), i32.const(0));
    const r = fn.let(i32.remS(a, safe));
    const opposite = i32.and(i32.ne(r, i32.const(0)), i32.ltS(i32.xor(r, b), i32.const(0)));
    return choose(b, choose(opposite, i32.add(r, b), r), i32.const(0));
  });
}
