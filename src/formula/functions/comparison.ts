import type { Expr } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { CALL, jsCall, jsInfix, lanewise, noVjp, num, select, wgslHelper, wgslInfix } from "./rules.ts";

const pair = { args: [[-10, 10], [-10, 10]], smooth: (a: number, b: number) => Math.abs(a - b) > 0.05 } as const;

function comparison(
  name: "lt" | "le" | "gt" | "ge" | "eq" | "ne",
  symbol: string,
  rules: Partial<FunctionRecord>,
): FunctionRecord {
  return {
    name,
    form: { kind: "infix", symbol, precedence: 4, associativity: "none" },
    arity: [2, 2],
    boolean: true,
    wgsl: wgslInfix(symbol),
    js: jsInfix(symbol),
    wasm: lanewise(name),
    integer: { wgsl: wgslInfix(symbol), js: jsInfix(symbol), wasm: lanewise(name) },
    vjp: noVjp,
    roundoff: () => 0,
    domain: pair,
    ...rules,
  };
}

/** Comparisons, logic and the conditional. Comparisons with NaN are false, except `!=`. */
export const comparisons: readonly FunctionRecord[] = [
  comparison("lt", "<", {}),
  comparison("le", "<=", {}),
  comparison("gt", ">", {}),
  comparison("ge", ">=", {}),
  // Drivers fold x == x to true, and emit x != y as an ordered comparison, which is false for NaN.
  comparison("eq", "==", {
    wgsl: ([a, b], { strict, use }) =>
      strict && a.text === b.text ? `!${use("dn_isnan")}(${a.text})` : `${a.text} == ${b.text}`,
    js: jsInfix("==="),
    integer: { wgsl: wgslInfix("=="), js: jsInfix("==="), wasm: lanewise("eq") },
  }),
  comparison("ne", "!=", {
    wgsl: ([a, b], { strict, use }) =>
      strict && a.text === b.text ? `${use("dn_isnan")}(${a.text})` : `!(${a.text} == ${b.text})`,
    js: jsInfix("!=="),
    integer: { wgsl: wgslInfix("!="), js: jsInfix("!=="), wasm: lanewise("ne") },
  }),
  logical("and", "&&", 3),
  logical("or", "||", 2),
  {
    name: "not",
    form: { kind: "prefix", symbol: "!", precedence: 8 },
    arity: [1, 1],
    boolean: true,
    conditions: "all",
    wgsl: ([a]) => `!${a.text}`,
    js: ([a]) => `!${a}`,
    wasm: lanewise("not"),
    integer: { wgsl: ([a]) => `!${a.text}`, js: ([a]) => `!${a}`, wasm: lanewise("not") },
    vjp: noVjp,
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (a) => Math.abs(a) > 0.05 },
  },
  {
    name: "select",
    form: { kind: "ternary", precedence: 1 },
    alias: "where",
    arity: [3, 3],
    conditions: "first",
    wgsl: ([c, a, b]) => `select(${b.text}, ${a.text}, ${c.text})`,
    js: ([c, a, b]) => `${c} ? ${a} : ${b}`,
    wasm: lanewise("select"),
    integer: {
      wgsl: ([c, a, b]) => `select(${b.text}, ${a.text}, ${c.text})`,
      js: ([c, a, b]) => `${c} ? ${a} : ${b}`,
      wasm: lanewise("select"),
    },
    vjp: ([c], _, g: Expr) => [undefined, select(c, g, num(0)), select(c, num(0), g)],
    roundoff: () => 0,
    domain: { args: [[-10, 10], [-10, 10], [-10, 10]], smooth: (c) => Math.abs(c) > 0.05 },
  },
  {
    name: "isnan",
    form: CALL,
    arity: [1, 1],
    boolean: true,
    wgsl: wgslHelper("dn_isnan"),
    js: jsCall("Number.isNaN"),
    wasm: (m, a) => m.ne(a, a),
    vjp: noVjp,
    roundoff: () => 0,
    domain: { args: [[-10, 10]] },
  },
  {
    name: "isfinite",
    form: CALL,
    arity: [1, 1],
    boolean: true,
    wgsl: wgslHelper("dn_isfinite"),
    js: jsCall("Number.isFinite"),
    wasm: (m, a) => m.lt(m.abs(a), m.constant(Infinity)),
    vjp: noVjp,
    roundoff: () => 0,
    domain: { args: [[-10, 10]] },
  },
];

function logical(name: "and" | "or", symbol: string, precedence: number): FunctionRecord {
  return {
    name,
    form: { kind: "infix", symbol, precedence, associativity: "left" },
    arity: [2, 2],
    boolean: true,
    conditions: "all",
    wgsl: wgslInfix(symbol),
    js: jsInfix(symbol),
    wasm: lanewise(name),
    integer: { wgsl: wgslInfix(symbol), js: jsInfix(symbol), wasm: lanewise(name) },
    vjp: noVjp,
    roundoff: () => 0,
    domain: { ...pair, smooth: (a, b) => Math.abs(a) > 0.05 && Math.abs(b) > 0.05 },
  };
}
