import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { add, CALL, div, jsCall, mul, neg, num, square, sub, unaryVjp, wgslHelper } from "./rules.ts";
import { cos, sin, tan } from "../wasm/math/circular.ts";
import { acos, asin, atan, atan2 } from "../wasm/math/arc.ts";

// In single precision a large angle is off by up to a unit of its last place.
const circular = (_: number, x: number) => 16 + 4 * Math.abs(x);
const fine = (value: number) => 10 * Math.abs(value);

/** Circular functions and their inverses, in radians. */
export const trigonometric: readonly FunctionRecord[] = [
  {
    name: "sin",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_sin"),
    js: jsCall("Math.sin"),
    wasm: sin,
    vjp: unaryVjp((x) => call("cos", x)),
    roundoff: circular,
    domain: { args: [[-5, 5]] },
  },
  {
    name: "cos",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_cos"),
    js: jsCall("Math.cos"),
    wasm: cos,
    vjp: unaryVjp((x) => neg(call("sin", x))),
    roundoff: circular,
    domain: { args: [[-5, 5]] },
  },
  {
    name: "tan",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_tan"),
    js: jsCall("Math.tan"),
    wasm: tan,
    vjp: unaryVjp((_, value) => add(num(1), square(value))),
    roundoff: (value, x) => circular(0, x) * (1 + value * value) + 6 * Math.abs(value),
    domain: { args: [[-1.2, 1.2]] },
  },
  {
    name: "asin",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_asin"),
    js: jsCall("Math.asin"),
    wasm: asin,
    vjp: ([x], _, g) => [div(g, call("sqrt", sub(num(1), square(x))))],
    roundoff: fine,
    domain: { args: [[-0.95, 0.95]] },
  },
  {
    name: "acos",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_acos"),
    js: jsCall("Math.acos"),
    wasm: acos,
    vjp: ([x], _, g) => [neg(div(g, call("sqrt", sub(num(1), square(x)))))],
    roundoff: fine,
    domain: { args: [[-0.95, 0.95]] },
  },
  {
    name: "atan",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_atan"),
    js: jsCall("Math.atan"),
    wasm: atan,
    vjp: ([x], _, g) => [div(g, add(num(1), square(x)))],
    roundoff: fine,
    domain: { args: [[-10, 10]] },
  },
  {
    name: "atan2",
    form: CALL,
    arity: [2, 2],
    wgsl: wgslHelper("dn_atan2"),
    js: jsCall("Math.atan2"),
    wasm: atan2,
    vjp: ([y, x], _, g) => {
      const r2 = add(square(x), square(y));
      return [div(mul(g, x), r2), neg(div(mul(g, y), r2))];
    },
    roundoff: (value) => 16 * Math.abs(value),
    domain: {
      args: [[-10, 10], [-10, 10]],
      smooth: (y, x) => Math.hypot(x, y) > 0.3 && (x > 0 || Math.abs(y) > 0.05),
    },
  },
];
