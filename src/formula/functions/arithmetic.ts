import { call } from "../expr.ts";
import type { Form, FunctionRecord } from "../function_record.ts";
import { div, jsCall, jsInfix, lanewise, mul, neg, wgslHelper, wgslInfix, wrap } from "./rules.ts";
import { mod } from "../wasm/math/remainder.ts";

function infix(symbol: string, precedence: number): Form {
  return { kind: "infix", symbol, precedence, associativity: "left" };
}

/** `+ - * / %` and negation. */
export const arithmetic: readonly FunctionRecord[] = [
  {
    name: "add",
    form: infix("+", 6),
    arity: [2, 2],
    wgsl: wgslInfix("+"),
    js: jsInfix("+"),
    wasm: lanewise("add"),
    integer: { wgsl: wgslInfix("+"), js: ([a, b], scalar) => wrap(`${a} + ${b}`, scalar), wasm: lanewise("add") },
    vjp: (_, __, g) => [g, g],
    domain: { args: [[-10, 10], [-10, 10]] },
  },
  {
    name: "sub",
    form: infix("-", 6),
    arity: [2, 2],
    // Drivers fold x - x to 0 although it is NaN for NaN and ±Inf.
    wgsl: ([a, b], { strict, use }) =>
      strict && a.text === b.text ? `${use("dn_times_zero")}(${a.text})` : `${a.text} - ${b.text}`,
    js: jsInfix("-"),
    wasm: lanewise("sub"),
    integer: { wgsl: wgslInfix("-"), js: ([a, b], scalar) => wrap(`${a} - ${b}`, scalar), wasm: lanewise("sub") },
    vjp: (_, __, g) => [g, neg(g)],
    domain: { args: [[-10, 10], [-10, 10]] },
  },
  {
    name: "mul",
    form: infix("*", 7),
    arity: [2, 2],
    // As above for x * 0.
    wgsl: ([a, b], { strict, use }) =>
      strict && (a.constant === 0 || b.constant === 0)
        ? `${use("dn_times_zero")}(${(a.constant === 0 ? b : a).text})`
        : `${a.text} * ${b.text}`,
    js: jsInfix("*"),
    wasm: lanewise("mul"),
    integer: {
      wgsl: wgslInfix("*"),
      js: ([a, b], scalar) => wrap(`Math.imul(${a}, ${b})`, scalar),
      wasm: lanewise("mul"),
    },
    vjp: ([a, b], _, g) => [mul(g, b), mul(g, a)],
    domain: { args: [[-10, 10], [-10, 10]] },
  },
  {
    name: "div",
    form: infix("/", 7),
    arity: [2, 2],
    // As above: 0 / x and x / x are NaN where x is 0 or NaN, x / x where it is ±Inf.
    wgsl: ([a, b], { strict, scalar, use }) => {
      if (strict && (a.constant === 0 || a.text === b.text)) return `${use("dn_div")}(${a.text}, ${b.text})`;
      return strict && scalar === "f32" && b.constant === undefined
        ? `${use("dn_quotient")}(${a.text}, ${b.text})`
        : `${a.text} / ${b.text}`;
    },
    js: jsInfix("/"),
    wasm: (m, a, b) => m.div(a, b),
    vjp: ([_, b], value, g) => [div(g, b), neg(div(mul(g, value), b))],
    roundoff: (value) => 5 * Math.abs(value), // WGSL: division is within 2.5 ulp
    domain: { args: [[-10, 10], [0.5, 10]] },
  },
  {
    name: "neg",
    form: { kind: "prefix", symbol: "-", precedence: 8 },
    arity: [1, 1],
    wgsl: ([a]) => `-${a.text}`,
    js: ([a]) => `-${a}`,
    wasm: lanewise("neg"),
    integer: {
      wgsl: ([a], { scalar }) => scalar === "u32" ? `0u - ${a.text}` : `-${a.text}`,
      js: ([a], scalar) => wrap(`-(${a})`, scalar),
      wasm: lanewise("neg"),
    },
    vjp: (_, __, g) => [neg(g)],
    roundoff: () => 0,
    domain: { args: [[-10, 10]] },
  },
  {
    name: "mod",
    form: infix("%", 7),
    alias: "mod",
    arity: [2, 2],
    wgsl: wgslHelper("dn_mod"),
    js: jsCall("h.mod"),
    wasm: mod,
    integer: {
      wgsl: wgslHelper("dn_mod"),
      js: ([a, b], scalar) => scalar === "u32" ? `h.modUnsigned(${a}, ${b})` : `h.modInteger(${a}, ${b})`,
      wasm: (m, a, b) => m.mod(a, b),
    },
    vjp: ([a, b], _, g) => [g, neg(mul(g, call("floor", div(a, b))))],
    // a - b * floor(a / b) with a rounded quotient; where that crosses an integer the result jumps by b.
    roundoff: (value, a, b) => {
      const u = 2 ** -24;
      const q = a / b;
      const jumps = Math.abs(q - Math.round(q)) < 8 * u * Math.abs(q);
      return jumps ? Math.abs(b) / u : 4 * Math.abs(a) + 2 * Math.abs(value);
    },
    domain: {
      args: [[-10, 10], [0.5, 4]],
      smooth: (a, b) => Math.abs(a / b - Math.round(a / b)) > 0.05,
    },
  },
];
