import type { Expr } from "../expr.ts";
import { call } from "../expr.ts";
import type { FunctionRecord } from "../function_record.ts";
import { CALL, div, eq, mul, neg, num, square, sub, unlessZero } from "./rules.ts";

const sum = (v: Expr) => call("sum", v);
const abs = (v: Expr) => call("abs", v);
const one = { args: [[-3, 3]] } as const;
const two = { args: [[-3, 3], [-3, 3]], smooth: (a: number, b: number) => Math.abs(a - b) > 0.05 } as const;

/** For integers: the absolute difference without a negative step, which u32 has not. */
const difference = (u: Expr, v: Expr) => sub(call("max", u, v), call("min", u, v));

/** Functions from vectors to a scalar. A scalar argument is repeated for every component (or a vector of length 1). */
export const vectors: readonly FunctionRecord[] = [
  {
    name: "sum",
    form: CALL,
    arity: [1, 1],
    folds: true,
    fold: { by: "add", term: (v) => v },
    vjp: (_, __, g) => [g],
    domain: one,
  },
  {
    name: "dot",
    form: CALL,
    arity: [2, 2],
    folds: true,
    expand: (u, v) => sum(mul(u, v)),
    vjp: ([u, v], _, g) => [mul(g, v), mul(g, u)],
    domain: two,
  },
  {
    name: "sqdist",
    form: CALL,
    arity: [2, 2],
    folds: true,
    // By differences, not |u|² + |v|² - 2 u·v, which cancels for near points.
    expand: (u, v) => sum(square(sub(u, v))),
    vjp: ([u, v], _, g) => {
      const du = mul(mul(num(2), g), sub(u, v));
      return [du, neg(du)];
    },
    domain: two,
  },
  {
    name: "dist",
    form: CALL,
    arity: [2, 2],
    folds: true,
    expand: (u, v) => call("sqrt", sum(square(sub(u, v)))),
    vjp: ([u, v], value, g) => {
      const du = mul(unlessZero(value, div(g, value)), sub(u, v));
      return [du, neg(du)];
    },
    domain: two,
  },
  {
    name: "norm",
    form: CALL,
    arity: [1, 1],
    folds: true,
    expand: (v) => call("sqrt", sum(square(v))),
    vjp: ([v], value, g) => [mul(unlessZero(value, div(g, value)), v)],
    domain: { ...one, smooth: (a) => Math.abs(a) > 0.05 },
  },
  {
    name: "l1dist",
    form: CALL,
    arity: [2, 2],
    folds: true,
    expand: (u, v) => sum(abs(sub(u, v))),
    expandInteger: (u, v) => sum(difference(u, v)),
    vjp: ([u, v], _, g) => {
      const du = mul(g, call("sign", sub(u, v)));
      return [du, neg(du)];
    },
    domain: two,
  },
  {
    name: "maxdist",
    form: CALL,
    arity: [2, 2],
    folds: true,
    fold: { by: "max", term: (u, v) => abs(sub(u, v)), integerTerm: difference },
    vjp: ([u, v], value, g) => {
      const farthest = eq(abs(sub(u, v)), value);
      const du = mul(mul(div(g, sum(farthest)), farthest), call("sign", sub(u, v)));
      return [du, neg(du)];
    },
    domain: two,
  },
];
