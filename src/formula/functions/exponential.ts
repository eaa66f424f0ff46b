import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { add, CALL, div, jsCall, mul, num, unaryVjp, wgslFloat, wgslHelper } from "./rules.ts";
import { log, log10, log1p, log2 } from "../wasm/math/logarithm.ts";
import { exp, exp2, expm1 } from "../wasm/math/exponential.ts";

// WGSL bounds exp by (3 + 2|x|) ulp, and log near 1 only absolutely: 2^-21 (8 u) on [0.5, 2], else 3 ulp.
const exponential = (scale: number) => (value: number, x: number) => Math.abs(value) * (6 + 4 * scale * Math.abs(x));
const logarithm = (scale: number) => (value: number) => 8 * scale + 6 * Math.abs(value);

/** Exponentials and logarithms. */
export const exponentials: readonly FunctionRecord[] = [
  {
    name: "exp",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslFloat("exp"),
    js: jsCall("Math.exp"),
    wasm: (m, x) => exp(m, x),
    vjp: unaryVjp((_, value) => value),
    roundoff: exponential(1),
    domain: { args: [[-5, 5]] },
  },
  {
    name: "expm1",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_expm1"),
    js: jsCall("Math.expm1"),
    wasm: expm1,
    vjp: unaryVjp((x) => call("exp", x)),
    roundoff: (value, x) => 8 * Math.abs(value) + (Math.abs(x) > 0.3 ? exponential(1)(Math.exp(x), x) : 0),
    domain: { args: [[-5, 5]] },
  },
  {
    name: "exp2",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslFloat("exp2"),
    js: ([a]) => `h.pow(2, ${a})`,
    wasm: exp2,
    vjp: unaryVjp((_, value) => mul(num(Math.LN2), value)),
    roundoff: exponential(1),
    domain: { args: [[-5, 5]] },
  },
  {
    name: "log",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslFloat("log"),
    js: jsCall("Math.log"),
    wasm: log,
    vjp: ([x], _, g) => [div(g, x)],
    roundoff: logarithm(1),
    domain: { args: [[0.05, 10]] },
  },
  {
    name: "log1p",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_log1p"),
    js: jsCall("Math.log1p"),
    wasm: log1p,
    vjp: ([x], _, g) => [div(g, add(num(1), x))],
    roundoff: (value, x) => 8 * Math.abs(value) + (x < -0.25 || x > 0.4 ? 10 : 0),
    domain: { args: [[-0.9, 10]] },
  },
  {
    name: "log2",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslFloat("log2"),
    js: jsCall("Math.log2"),
    wasm: log2,
    vjp: ([x], _, g) => [div(g, mul(num(Math.LN2), x))],
    roundoff: logarithm(1),
    domain: { args: [[0.05, 10]] },
  },
  {
    name: "log10",
    form: CALL,
    arity: [1, 1],
    wgsl: ([a], { scalar, literal, use }) =>
      scalar === "f64" ? `${use("dn_log10")}(${a.text})` : `log(${a.text}) * ${literal(Math.LOG10E)}`,
    js: jsCall("Math.log10"),
    wasm: log10,
    vjp: ([x], _, g) => [div(g, mul(num(Math.LN10), x))],
    roundoff: logarithm(1),
    domain: { args: [[0.05, 10]] },
  },
];
