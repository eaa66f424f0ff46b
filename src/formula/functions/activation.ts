import type { Expr } from "../expr.ts";
import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { add, CALL, jsCall, mul, neg, num, select, square, unaryVjp, wgslHelper } from "./rules.ts";
import { sigmoid as sigmoidLanes } from "../wasm/math/sigmoid.ts";
import { erf, gelu } from "../wasm/math/normal.ts";

const sigmoid = (x: Expr) => call("sigmoid", x);
const INVERSE_SQRT_2PI = 0.3989422804014327;

/** Activations of neural networks and the error function. */
export const activations: readonly FunctionRecord[] = [
  {
    name: "sigmoid",
    form: CALL,
    arity: [1, 1],
    wgsl: ([a], { scalar, literal, use }) =>
      scalar === "f64" ? `${use("dn_sigmoid")}(${a.text})` : `${literal(1)} / (${literal(1)} + exp(-(${a.text})))`,
    js: ([a]) => `1 / (1 + Math.exp(-(${a})))`,
    wasm: sigmoidLanes,
    // sigmoid(-x) and not 1 - sigmoid(x), which loses all digits for large x.
    vjp: unaryVjp((x, value) => mul(value, sigmoid(neg(x)))),
    roundoff: (value, x) => Math.abs(value) * (12 + 4 * Math.abs(x)),
    domain: { args: [[-8, 8]] },
  },
  {
    name: "relu",
    form: CALL,
    arity: [1, 1],
    expand: (x) => call("max", x, num(0)),
    vjp: ([x], _, g) => [select(call("gt", x, num(0)), g, num(0))],
    domain: { args: [[-8, 8]], smooth: (x) => Math.abs(x) > 0.05 },
  },
  {
    name: "softplus",
    form: CALL,
    arity: [1, 1],
    expand: (x) => add(call("max", x, num(0)), call("log1p", call("exp", neg(call("abs", x))))),
    vjp: unaryVjp((x) => sigmoid(x)),
    domain: { args: [[-8, 8]] },
  },
  {
    name: "silu",
    form: CALL,
    arity: [1, 1],
    expand: (x) => mul(x, sigmoid(x)),
    vjp: unaryVjp((x) => mul(sigmoid(x), add(num(1), mul(x, sigmoid(neg(x)))))),
    domain: { args: [[-8, 8]] },
  },
  {
    name: "gelu",
    form: CALL,
    arity: [1, 1],
    // x Φ(x) with Φ by erfc, which keeps its digits for negative x.
    wgsl: wgslHelper("dn_gelu"),
    js: jsCall("h.gelu"),
    wasm: gelu,
    vjp: unaryVjp((x) =>
      add(
        mul(num(0.5), add(num(1), call("erf", mul(num(Math.SQRT1_2), x)))),
        mul(mul(num(INVERSE_SQRT_2PI), x), call("exp", mul(num(-0.5), square(x)))),
      )
    ),
    roundoff: (value, x) => Math.abs(value) * (32 + 6 * Math.min(x, 0) ** 2),
    domain: { args: [[-6, 6]] },
  },
  {
    name: "erf",
    form: CALL,
    arity: [1, 1],
    wgsl: wgslHelper("dn_erf"),
    js: jsCall("h.erf"),
    wasm: erf,
    vjp: unaryVjp((x) => mul(num(2 / Math.sqrt(Math.PI)), call("exp", neg(square(x))))),
    roundoff: (value) => 16 * Math.abs(value),
    domain: { args: [[-4, 4]] },
  },
];
