import type { Expr } from "../expr.ts";
import { call } from "../expr.ts";
import type { Form, FunctionRecord } from "../function_record.ts";
import {
  add,
  CALL,
  div,
  eq,
  jsCall,
  jsInfix,
  mul,
  neg,
  num,
  select,
  square,
  sub,
  unaryVjp,
  unlessZero,
  wgslBuiltin,
  wgslHelper,
  wgslInfix,
  wgslStrict,
  wrap,
} from "./rules.ts";

function infix(symbol: string, precedence: number, associativity: "left" | "right" = "left"): Form {
  return { kind: "infix", symbol, precedence, associativity };
}

const LARGEST_POWER = 16;

/** `x^n` for an integer n ≥ 1 as products, by repeated squaring. */
function product(x: Expr, n: number): Expr {
  if (n === 1) return x;
  const half = product(x, n >> 1);
  return n % 2 === 0 ? square(half) : mul(square(half), x);
}

function powerAsProduct(x: Expr, p: Expr): Expr | undefined {
  if (p.kind !== "number" || !Number.isInteger(p.value) || Math.abs(p.value) > LARGEST_POWER) return undefined;
  if (p.value === 0) return num(1);
  return p.value > 0 ? product(x, p.value) : div(num(1), product(x, -p.value));
}

const inverse = (value: number) => 2.5 * 2 * Math.abs(value); // WGSL: division within 2.5 ulp

/** `+ - * / ^ %`, negation and what is near them. */
export const arithmetic: readonly FunctionRecord[] = [
  {
    name: "add",
    form: infix("+", 6),
    arity: [2, 2],
    wgsl: wgslInfix("+"),
    js: jsInfix("+"),
    integer: { wgsl: wgslInfix("+"), js: ([a, b], scalar) => wrap(`${a} + ${b}`, scalar) },
    f64: true,
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
    integer: { wgsl: wgslInfix("-"), js: ([a, b], scalar) => wrap(`${a} - ${b}`, scalar) },
    f64: true,
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
    integer: { wgsl: wgslInfix("*"), js: ([a, b], scalar) => wrap(`Math.imul(${a}, ${b})`, scalar) },
    f64: true,
    vjp: ([a, b], _, g) => [mul(g, b), mul(g, a)],
    domain: { args: [[-10, 10], [-10, 10]] },
  },
  {
    name: "div",
    form: infix("/", 7),
    arity: [2, 2],
    // As above: 0 / x and x / x are NaN where x is 0 or NaN, x / x where it is ±Inf.
    wgsl: ([a, b], { strict, use }) =>
      strict && (a.constant === 0 || a.text === b.text)
        ? `${use("dn_div")}(${a.text}, ${b.text})`
        : `${a.text} / ${b.text}`,
    js: jsInfix("/"),
    f64: true,
    vjp: ([_, b], value, g) => [div(g, b), neg(div(mul(g, value), b))],
    roundoff: inverse,
    domain: { args: [[-10, 10], [0.5, 10]] },
  },
  {
    name: "neg",
    form: { kind: "prefix", symbol: "-", precedence: 8 },
    arity: [1, 1],
    wgsl: ([a]) => `-${a.text.startsWith("-") ? `(${a.text})` : a.text}`,
    js: ([a]) => `-(${a})`,
    integer: {
      wgsl: ([a], { scalar }) => scalar === "u32" ? `0u - ${a.text}` : `-(${a.text})`,
      js: ([a], scalar) => wrap(`-(${a})`, scalar),
    },
    f64: true,
    vjp: (_, __, g) => [neg(g)],
    roundoff: () => 0,
    domain: { args: [[-10, 10]] },
  },
  {
    name: "pow",
    form: infix("^", 9, "right"),
    alias: "pow",
    arity: [2, 2],
    expand: powerAsProduct,
    wgsl: wgslHelper("dn_pow"),
    js: jsCall("h.pow"),
    vjp: ([x, p], value, g) => [
      p.kind === "number"
        ? (p.value === 0 ? undefined : mul(g, mul(p, call("pow", x, num(p.value - 1)))))
        : mul(g, unlessZero(p, mul(p, call("pow", x, sub(p, num(1)))))),
      mul(g, unlessZero(x, mul(value, call("log", x)))),
    ],
    // exp2(p * log2(x)): the error of the exponent is multiplied by p * log2(x), that of log2 near 1 by p.
    roundoff: (value, x, p) =>
      Math.abs(value) * (8 + 16 * Math.abs(p) * Math.max(1, Math.abs(Math.log2(Math.abs(x) || 1)))),
    domain: { args: [[0.1, 5], [-3, 3]] },
  },
  {
    name: "mod",
    form: infix("%", 7),
    alias: "mod",
    arity: [2, 2],
    wgsl: wgslHelper("dn_mod"),
    js: jsCall("h.mod"),
    integer: {
      wgsl: wgslHelper("dn_mod"),
      js: ([a, b], scalar) => scalar === "u32" ? `h.modUnsigned(${a}, ${b})` : `h.modInteger(${a}, ${b})`,
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
      smooth: (a, b) => Math.abs(a / b - Math.round(a / b)) > 0.01,
    },
  },
  {
    name: "abs",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslBuiltin("abs"),
    js: jsCall("Math.abs"),
    integer: { wgsl: wgslBuiltin("abs"), js: ([a], scalar) => wrap(`Math.abs(${a})`, scalar) },
    f64: true,
    vjp: unaryVjp((x) => call("sign", x)),
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(x) > 0.01 },
  },
  {
    name: "sign",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslStrict("dn_sign", "sign"),
    js: jsCall("Math.sign"),
    integer: {
      wgsl: ([a], { scalar }) => scalar === "u32" ? `min(${a.text}, 1u)` : `sign(${a.text})`,
      js: jsCall("Math.sign"),
    },
    vjp: () => [undefined],
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(x) > 0.01 },
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
    f64: true,
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
    roundoff: () => 0,
    domain: {
      args: [[-10, 10], [-5, -1], [1, 5]],
      smooth: (x, lo, hi) => Math.abs(x - lo) > 0.01 && Math.abs(x - hi) > 0.01,
    },
  },
  {
    name: "square",
    form: CALL,
    arity: [1, 1],
    expand: square,
    f64: true,
    vjp: unaryVjp((x) => mul(num(2), x)),
    domain: { args: [[-10, 10]] },
  },
  {
    name: "reciprocal",
    form: CALL,
    arity: [1, 1],
    expand: (x) => div(num(1), x),
    f64: true,
    vjp: unaryVjp((x, value) => neg(div(value, x))),
    roundoff: inverse,
    domain: { args: [[0.2, 10]] },
  },
  {
    name: "sqrt",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslBuiltin("sqrt"),
    js: jsCall("Math.sqrt"),
    f64: true,
    vjp: ([_], value, g) => [div(mul(num(0.5), g), value)],
    roundoff: (value) => 5 * Math.abs(value),
    domain: { args: [[0.01, 10]] },
  },
  {
    name: "rsqrt",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslBuiltin("inverseSqrt"),
    js: ([a]) => `1 / Math.sqrt(${a})`,
    vjp: ([x], value, g) => [neg(div(mul(mul(num(0.5), g), value), x))],
    roundoff: (value) => 4 * Math.abs(value),
    domain: { args: [[0.05, 10]] },
  },
  {
    name: "cbrt",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_cbrt"),
    js: jsCall("Math.cbrt"),
    vjp: ([_], value, g) => [div(g, mul(num(3), square(value)))],
    roundoff: (value) => 8 * Math.abs(value),
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(x) > 0.05 },
  },
  {
    name: "hypot",
    form: CALL,
    arity: [2, 2],
    wgsl: wgslHelper("dn_hypot"),
    js: jsCall("Math.hypot"),
    vjp: ([a, b], value, g) => [
      unlessZero(value, div(mul(g, a), value)),
      unlessZero(value, div(mul(g, b), value)),
    ],
    roundoff: (value) => 16 * Math.abs(value),
    domain: { args: [[-10, 10], [-10, 10]], smooth: (a, b) => Math.hypot(a, b) > 0.05 },
  },
];

function apart(...values: number[]): boolean {
  return values.every((a, i) => values.every((b, j) => i === j || Math.abs(a - b) > 0.01));
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
    integer: {
      wgsl: (args) => nested(args.map((a) => a.text), (a, b) => `${fn}(${a}, ${b})`),
      js: jsCall(`Math.${fn}`),
    },
    f64: true,
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
    roundoff: () => 0,
  } satisfies Partial<FunctionRecord>;
}
