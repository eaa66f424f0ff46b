import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { add, CALL, div, jsCall, mul, num, square, sub, unaryVjp, wgslHelper } from "./rules.ts";
import { acosh, asinh, atanh, cosh, sinh, tanh } from "../wasm/math/hyperbolic.ts";

/** Hyperbolic functions and their inverses. */
export const hyperbolic: readonly FunctionRecord[] = [
  {
    name: "sinh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_sinh"),
    js: jsCall("Math.sinh"),
    wasm: sinh,
    vjp: unaryVjp((x) => call("cosh", x)),
    roundoff: (value, x) => Math.abs(value) * (16 + 6 * Math.abs(x)),
    domain: { args: [[-4, 4]] },
  },
  {
    name: "cosh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_cosh"),
    js: jsCall("Math.cosh"),
    wasm: cosh,
    vjp: unaryVjp((x) => call("sinh", x)),
    roundoff: (value, x) => Math.abs(value) * (16 + 6 * Math.abs(x)),
    domain: { args: [[-4, 4]] },
  },
  {
    name: "tanh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_tanh"),
    js: jsCall("Math.tanh"),
    wasm: tanh,
    vjp: unaryVjp((_, value) => sub(num(1), square(value))),
    roundoff: (value) => 24 * Math.abs(value),
    domain: { args: [[-4, 4]] },
  },
  {
    name: "asinh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_asinh"),
    js: jsCall("Math.asinh"),
    wasm: asinh,
    vjp: ([x], _, g) => [div(g, call("sqrt", add(square(x), num(1))))],
    roundoff: (value) => 32 * Math.abs(value),
    domain: { args: [[-10, 10]] },
  },
  {
    name: "acosh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_acosh"),
    js: jsCall("Math.acosh"),
    wasm: acosh,
    vjp: ([x], _, g) => [div(g, call("sqrt", mul(sub(x, num(1)), add(x, num(1)))))],
    roundoff: (value) => 32 * Math.abs(value),
    domain: { args: [[1.05, 10]] },
  },
  {
    name: "atanh",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_atanh"),
    js: jsCall("Math.atanh"),
    wasm: atanh,
    vjp: ([x], _, g) => [div(g, sub(num(1), square(x)))],
    roundoff: (value) => 32 * Math.abs(value),
    domain: { args: [[-0.9, 0.9]] },
  },
];
