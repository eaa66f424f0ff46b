import type { Expr } from "../expr.ts";
import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import {
  CALL,
  div,
  jsCall,
  mul,
  neg,
  num,
  square,
  sub,
  unaryVjp,
  unlessZero,
  wgslBuiltin,
  wgslHelper,
  wgslStrict,
} from "./rules.ts";
import { cbrt, hypot, rsqrt } from "../wasm/math/root.ts";
import { pow } from "../wasm/math/power.ts";

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

/** Powers, roots and the Euclidean norm of a pair. */
export const powers: readonly FunctionRecord[] = [
  {
    name: "pow",
    form: { kind: "infix", symbol: "^", precedence: 9, associativity: "right" },
    alias: "pow",
    arity: [2, 2],
    expand: powerAsProduct,
    wgsl: wgslHelper("dn_pow"),
    js: jsCall("h.pow"),
    wasm: pow,
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
    name: "square",
    form: CALL,
    arity: [1, 1],
    expand: square,
    vjp: unaryVjp((x) => mul(num(2), x)),
    domain: { args: [[-10, 10]] },
  },
  {
    name: "reciprocal",
    form: CALL,
    arity: [1, 1],
    expand: (x) => div(num(1), x),
    vjp: unaryVjp((x, value) => neg(div(value, x))),
    domain: { args: [[0.2, 10]] },
  },
  {
    name: "sqrt",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslBuiltin("sqrt"),
    js: jsCall("Math.sqrt"),
    wasm: (m, x) => m.sqrt(x),
    vjp: ([_], value, g) => [div(mul(num(0.5), g), value)],
    roundoff: (value) => 5 * Math.abs(value),
    domain: { args: [[0.01, 10]] },
  },
  {
    name: "rsqrt",
    form: CALL,
    arity: [1, 1],
    // Of -0 too it is Infinity: compilers take it for positive, and what they build on that goes wrong for -Infinity.
    wgsl: wgslStrict("dn_rsqrt", "inverseSqrt"),
    js: jsCall("h.rsqrt"),
    wasm: rsqrt,
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
    wasm: cbrt,
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
    wasm: hypot,
    vjp: ([a, b], value, g) => [
      unlessZero(value, div(mul(g, a), value)),
      unlessZero(value, div(mul(g, b), value)),
    ],
    roundoff: (value) => 16 * Math.abs(value),
    domain: { args: [[-10, 10], [-10, 10]], smooth: (a, b) => Math.hypot(a, b) > 0.05 },
  },
];
