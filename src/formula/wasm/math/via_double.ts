import { floatLanes } from "../float_lanes.ts";
import type { FloatLanes, V } from "../lanes.ts";
import { call } from "../module_builder.ts";
import { f32x4, f64x2, lanes, v128 } from "../simd.ts";

/** The rule of a function on float lanes. */
export type FloatRule = (m: FloatLanes, ...args: V[]) => V;

/** The rule as a function of the module, that is called: for code that is long or rarely used. */
export function called(name: string, rule: FloatRule, short = false): FloatRule {
  return (m, ...args) => {
    // Single precision is short enough to stand where it is used.
    if (m.scalar === "f32" && short) return rule(m, ...args);
    const params = args.map(() => "v128" as const);
    const key = `${name} ${m.scalar}`;
    const write = (fn: typeof m.fn) => rule(floatLanes(fn, m.scalar), ...fn.params as unknown as V[]);
    return m.fn.let(call(m.fn.module.helper(key, params, "v128", write), ...args));
  };
}

/**
 * The rule for double lanes, called. Single lanes are computed in double precision, two and two: the result is as good as
 * correctly rounded, whatever happens on the way, for half the speed.
 *
 * @param forSingle A shorter rule on double lanes that is good enough for singles.
 */
export function inDouble(name: string, rule: FloatRule, forSingle: FloatRule = rule): FloatRule {
  return called(name, (m, ...args) => {
    if (m.scalar === "f64") return rule(m, ...args);
    const d = floatLanes(m.fn, "f64");
    const [low, high] = [low2, high2].map((half) => {
      return forSingle(d, ...args.map((arg) => m.fn.let(f64x2.promoteLowF32x4(half(arg)))));
    });
    return m.fn.let(v128.shuffle(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), lanes(8, 0, 2)));
  });
}

const low2 = (a: V): V => a;
const high2 = (a: V): V => v128.shuffle(a, a, lanes(8, 1, 1));
