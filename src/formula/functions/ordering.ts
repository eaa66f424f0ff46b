import type { Expr } from "../expr.ts";
import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import {
  add,
  CALL,
  div,
  eq,
  jsCall,
  lanewise,
  mul,
  num,
  select,
  unaryVjp,
  wgslBuiltin,
  wgslStrict,
  wrap,
} from "./rules.ts";
import { extremum as extremumOf } from "../wasm/math/extremum.ts";

/** Magnitude, sign and extrema. */
export const orderings: readonly FunctionRecord[] = [
  {
    name: "abs",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslBuiltin("abs"),
    js: jsCall("Math.abs"),
    wasm: lanewise("abs"),
    integer: {
      wgsl: wgslBuiltin("abs"),
      js: ([a], scalar) => wrap(`Math.abs(${a})`, scalar),
      wasm: lanewise("abs"),
    },
    vjp: unaryVjp((x) => call("sign", x)),
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(x) > 0.05 },
  },
  {
    name: "sign",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslStrict("dn_sign", "sign"),
    js: jsCall("Math.sign"),
    // ±1, or what it is where that is neither above nor below 0.
    wasm: (m, a) => m.select(m.gt(m.abs(a), m.constant(0)), m.copySign(m.constant(1), a), a),
    integer: {
      wgsl: ([a], { scalar }) => scalar === "u32" ? `min(${a.text}, 1u)` : `sign(${a.text})`,
      js: jsCall("Math.sign"),
      wasm: (m, a) => {
        const atMost = m.min(a, m.constant(1));
        return m.scalar === "u32" ? atMost : m.max(atMost, m.constant(-1));
      },
    },
    vjp: () => [undefined],
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(x) > 0.05 },
  },
  {
    name: "min",
    form: CALL,
    arity: [2, Infinity],
    ...extremum("min"),
    domain: { args: [[-10, 10], [-10, 10]], smooth: apart },
  },
  {
    name: "max",
    form: CALL,
    arity: [2, Infinity],
    ...extremum("max"),
    domain: { args: [[-10, 10], [-10, 10]], smooth: apart },
  },
  {
    name: "clamp",
    form: CALL,
    arity: [3, 3],
    expand: (x, lo, hi) => call("min", call("max", x, lo), hi),
    vjp: ([x, lo, hi], _, g) => {
      // At a bound the derivative is that of the inside; where the bounds cross, the upper one wins.
      const low = call("lt", x, lo);
      const high = call("gt", call("max", x, lo), hi);
      return [
        select(call("or", low, high), num(0), g),
        select(call("and", low, call("not", high)), g, num(0)),
        select(high, g, num(0)),
      ];
    },
    domain: {
      args: [[-10, 10], [-5, -1], [1, 5]],
      smooth: (x, lo, hi) => Math.abs(x - lo) > 0.05 && Math.abs(x - hi) > 0.05,
    },
  },
];

function apart(...values: number[]): boolean {
  return values.every((a, i) => values.every((b, j) => i === j || Math.abs(a - b) > 0.05));
}

/** What `min` and `max` share: NaN is kept, ties split the derivative equally (as NumPy-like autodiff does). */
function extremum(fn: "min" | "max") {
  const wins = fn === "max" ? "gt" : "lt";
  const nested = (args: readonly string[], pair: (a: string, b: string) => string) => args.reduce((a, b) => pair(a, b));
  return {
    wgsl: (args, { strict, scalar, use }) => {
      const f = strict || scalar === "f64" ? use(`dn_${fn}`) : fn;
      return nested(args.map((a) => a.text), (a, b) => `${f}(${a}, ${b})`);
    },
    js: jsCall(`Math.${fn}`),
    wasm: (m, ...args) => args.reduce((a, b) => extremumOf(m, fn, a, b)),
    integer: {
      wgsl: (args) => nested(args.map((a) => a.text), (a, b) => `${fn}(${a}, ${b})`),
      js: jsCall(`Math.${fn}`),
      wasm: (m, ...args) => args.reduce((a, b) => m[fn](a, b)),
    },
    vjp: (args, value, g) => {
      if (args.length === 2) {
        const [a, b] = args;
        const share = (x: Expr, y: Expr) => select(call(wins, x, y), g, select(eq(x, y), mul(num(0.5), g), num(0)));
        return [share(a, b), share(b, a)];
      }
      const winners = args.map((a) => eq(a, value));
      const count = winners.reduce((a, b) => add(a, b));
      return winners.map((wins) => select(wins, div(g, count), num(0)));
    },
  } satisfies Partial<FunctionRecord>;
}
