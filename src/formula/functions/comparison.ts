import type { Expr } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { CALL, jsCall, jsInfix, noVjp, num, select, wgslHelper, wgslInfix } from "./rules.ts";

const pair = { args: [[-10, 10], [-10, 10]], smooth: (a: number, b: number) => Math.abs(a - b) > 0.05 } as const;

function comparison(name: string, symbol: string, rules: Partial<FunctionRecord>): FunctionRecord {
  return {
    name,
    form: { kind: "infix", symbol, precedence: 4, associativity: "none" },
    arity: [2, 2],
    boolean: true,
    wgsl: wgslInfix(symbol),
    js: jsInfix(symbol),
    integer: { wgsl: wgslInfix(symbol), js: jsInfix(symbol) },
    f64: true,
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
    integer: { wgsl: wgslInfix("=="), js: jsInfix("===") },
  }),
  comparison("ne", "!=", {
    wgsl: ([a, b], { strict, use }) =>
      strict && a.text === b.text ? `${use("dn_isnan")}(${a.text})` : `!(${a.text} == ${b.text})`,
    js: jsInfix("!=="),
    integer: { wgsl: wgslInfix("!="), js: jsInfix("!==") },
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
    integer: { wgsl: ([a]) => `!${a.text}`, js: ([a]) => `!${a}` },
    f64: true,
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
    integer: {
      wgsl: ([c, a, b]) => `select(${b.text}, ${a.text}, ${c.text})`,
      js: ([c, a, b]) => `${c} ? ${a} : ${b}`,
    },
    f64: true,
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
    f64: true,
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
    f64: true,
    vjp: noVjp,
    roundoff: () => 0,
    domain: { args: [[-10, 10]] },
  },
];

function logical(name: string, symbol: string, precedence: number): FunctionRecord {
  return {
    name,
    form: { kind: "infix", symbol, precedence, associativity: "left" },
    arity: [2, 2],
    boolean: true,
    conditions: "all",
    wgsl: wgslInfix(symbol),
    js: jsInfix(symbol),
    integer: { wgsl: wgslInfix(symbol), js: jsInfix(symbol) },
    f64: true,
    vjp: noVjp,
    roundoff: () => 0,
    domain: { ...pair, smooth: (a, b) => Math.abs(a) > 0.05 && Math.abs(b) > 0.05 },
  };
}
