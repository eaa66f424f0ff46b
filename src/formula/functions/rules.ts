import type { Expr } from "../expr.ts";
import { call, constant } from "../expr.ts";
import type { FunctionRecord, JsRule, WgslRule } from "../function_record.ts";
import type { Lanes, V } from "../wasm/lanes.ts";

/** The form of a function that is written `f(a, b)`. */
export const CALL: FunctionRecord["form"] = { kind: "call" };

/** `a symbol b` in WGSL. */
export function wgslInfix(symbol: string): WgslRule {
  return ([a, b]) => `${a.text} ${symbol} ${b.text}`;
}

/** `f(a, b, …)` in WGSL with a builtin function. */
export function wgslBuiltin(fn: string): WgslRule {
  return (args) => `${fn}(${args.map((a) => a.text).join(", ")})`;
}

/** `f(a, b, …)` in WGSL with a helper function. */
export function wgslHelper(fn: string): WgslRule {
  return (args, { use }) => `${use(fn)}(${args.map((a) => a.text).join(", ")})`;
}

/** The builtin in f32; in f64, which the builtins of drivers do not know, the helper `dn_…`. */
export function wgslFloat(fn: string): WgslRule {
  return (args, context) => (context.scalar === "f64" ? wgslHelper(`dn_${fn}`) : wgslBuiltin(fn))(args, context);
}

/** The helper where NaN and ±Inf matter, else the builtin. */
export function wgslStrict(helper: string, builtin: string): WgslRule {
  return (args, context) =>
    (context.strict || context.scalar === "f64" ? wgslHelper(helper) : wgslBuiltin(builtin))(args, context);
}

/** `f(a, b, …)` in JavaScript. */
export function jsCall(fn: string): JsRule {
  return (args) => `${fn}(${args.join(", ")})`;
}

/** `a symbol b` in JavaScript. */
export function jsInfix(symbol: string): JsRule {
  return ([a, b]) => `${a} ${symbol} ${b}`;
}

/** Operations that lanes of all types have. */
type LaneOperation = {
  [K in keyof Lanes]: Lanes[K] extends (...args: V[]) => V ? K : never;
}[keyof Lanes];

/** An operation of SIMD lanes, of any type. */
export function lanewise(operation: LaneOperation): (lanes: Lanes, ...args: V[]) => V {
  return (lanes, ...args) => (lanes[operation] as (...args: V[]) => V)(...args);
}

/** An expression rounded to the 32-bit integer type, in JavaScript. */
export function wrap(text: string, scalar: string): string {
  return scalar === "u32" ? `(${text}) >>> 0` : `(${text}) | 0`;
}

/** The vjp of a function of one argument from its derivative. */
export function unaryVjp(derivative: (x: Expr, value: Expr) => Expr): FunctionRecord["vjp"] {
  return ([x], value, adjoint) => [mul(adjoint, derivative(x, value))];
}

/** The vjp of a function that is locally constant. */
export const noVjp: FunctionRecord["vjp"] = (args) => args.map(() => undefined);

// Short names for building derivative formulas.
export const add = (a: Expr, b: Expr): Expr => call("add", a, b);
export const sub = (a: Expr, b: Expr): Expr => call("sub", a, b);
export const mul = (a: Expr, b: Expr): Expr => call("mul", a, b);
export const div = (a: Expr, b: Expr): Expr => call("div", a, b);
export const neg = (a: Expr): Expr => call("neg", a);
export const square = (a: Expr): Expr => call("mul", a, a);
export const eq = (a: Expr, b: Expr): Expr => call("eq", a, b);
export const select = (condition: Expr, a: Expr, b: Expr): Expr => call("select", condition, a, b);
export const num = constant;
/** `value`, but 0 where `guard` is 0: the subgradient of a distance at 0. */
export const unlessZero = (guard: Expr, value: Expr): Expr => select(eq(guard, num(0)), num(0), value);
