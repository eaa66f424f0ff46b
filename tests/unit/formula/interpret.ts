import type { Expr } from "../../../src/formula/mod.ts";

/** The value of a leaf: an array for a vector. */
export type Environment = (leaf: Exclude<Expr, { kind: "number" | "call" }>) => number | number[];

type Value = number | number[];
type Watch = (fn: string, args: Value[], value: Value) => void;

/** Whether every intermediate value of a formula is finite. */
export function isRegular(expr: Expr, environment: Environment): boolean {
  let regular = true;
  interpret(expr, environment, (_, __, value) => regular &&= [value].flat().every(Number.isFinite));
  return regular;
}

/** Whether besides no function is used where its derivative is infinite, as that of the square root is at 0. */
export function isDifferentiable(expr: Expr, environment: Environment): boolean {
  let regular = isRegular(expr, environment);
  interpret(expr, environment, (fn, args) => {
    const first = [args[0]].flat();
    if (["sqrt", "cbrt"].includes(fn) && first.includes(0)) regular = false;
    if (fn === "pow" && first.some((x) => x <= 0)) regular = false;
    if (["asin", "acos", "acosh"].includes(fn) && first.some((x) => Math.abs(x) === 1)) regular = false;
  });
  return regular;
}

/**
 * What a formula means, node by node and with nothing shared: written to be read, and apart from the emitters. `watch`
 * sees every call with its arguments and value.
 */
export function interpret(expr: Expr, environment: Environment, watch?: Watch): Value {
  if (expr.kind === "number") return expr.value;
  if (expr.kind !== "call") return environment(expr);
  const args = expr.args.map((arg) => interpret(arg, environment, watch));
  const value = apply(expr.fn, args);
  watch?.(expr.fn, args, value);
  return value;
}

function apply(fn: string, args: Value[]): Value {
  if (Object.hasOwn(folds, fn)) {
    const length = args.find((a) => typeof a !== "number") as number[] | undefined;
    const rows = args.map((a) => typeof a === "number" ? Array(length?.length ?? 1).fill(a) as number[] : a);
    return folds[fn](...rows);
  }
  const f = scalars[fn];
  const vector = args.find((a) => typeof a !== "number") as number[] | undefined;
  if (vector === undefined) return Number(f(...args as number[]));
  return vector.map((_, k) => Number(f(...args.map((a) => typeof a === "number" ? a : a[k]))));
}

const total = (v: number[]) => v.reduce((a, b) => a + b, 0);
const squares = (u: number[], v: number[]) => total(u.map((a, k) => (a - v[k]) ** 2));
const folds: Record<string, (...args: number[][]) => number> = {
  sum: total,
  dot: (u, v) => total(u.map((a, k) => a * v[k])),
  sqdist: squares,
  dist: (u, v) => Math.sqrt(squares(u, v)),
  norm: (v) => Math.sqrt(total(v.map((a) => a * a))),
  l1dist: (u, v) => total(u.map((a, k) => Math.abs(a - v[k]))),
  maxdist: (u, v) => Math.max(0, ...u.map((a, k) => Math.abs(a - v[k]))),
};

/** A series of 20 terms from the first one and the ratio of term n + 1 to term n, n = 1, 2, … */
function series(first: number, ratio: (n: number) => number): number {
  let term = first;
  let sum = first;
  for (let n = 1; n < 20; n++) {
    term *= ratio(n);
    sum += term;
  }
  return sum;
}

const truth = (x: number) => x !== 0;

/** The integral of exp(-t²) from a to b by Romberg's method: trapezoids, extrapolated. */
function gaussian(a: number, b: number): number {
  let previous: number[] = [];
  for (let level = 0; level <= 13; level++) {
    const n = 2 ** level;
    const h = (b - a) / n;
    let sum = (Math.exp(-a * a) + Math.exp(-b * b)) / 2;
    for (let k = 1; k < n; k++) sum += Math.exp(-((a + k * h) ** 2));
    const row = [h * sum];
    for (let m = 1; m <= level; m++) row.push(row[m - 1] + (row[m - 1] - previous[m - 1]) / (4 ** m - 1));
    if (level > 6 && row[level] === previous[level - 1]) return row[level];
    previous = row;
  }
  return previous.at(-1)!;
}

function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  return Math.abs(x) > 6 ? Math.sign(x) : 2 / Math.sqrt(Math.PI) * gaussian(0, x);
}

function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 0) return 1 + erf(-x);
  return x > 27 ? 0 : 2 / Math.sqrt(Math.PI) * gaussian(x, x + 40 / (x + 5));
}

const scalars: Record<string, (...args: number[]) => number | boolean> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (a) => -a,
  pow: (a, b) => a === 1 ? 1 : a ** b,
  mod: (a, b) => {
    const r = a % b;
    return r !== 0 && (r < 0) !== (b < 0) ? r + b : r;
  },
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  and: (a, b) => truth(a) && truth(b),
  or: (a, b) => truth(a) || truth(b),
  not: (a) => !truth(a),
  select: (c, a, b) => truth(c) ? a : b,
  isnan: (a) => a !== a,
  isfinite: (a) => a - a === 0,
  abs: (a) => a < 0 ? -a : a,
  sign: (a) => a > 0 ? 1 : a < 0 ? -1 : a,
  min: (...args) => Math.min(...args),
  max: (...args) => Math.max(...args),
  clamp: (x, lo, hi) => Math.min(Math.max(x, lo), hi),
  square: (a) => a * a,
  reciprocal: (a) => 1 / a,
  sqrt: (a) => a ** 0.5,
  rsqrt: (a) => a === 0 ? Infinity : 1 / a ** 0.5,
  cbrt: (a) => a < 0 ? -((-a) ** (1 / 3)) : a ** (1 / 3),
  hypot: (a, b) => (a * a + b * b) ** 0.5,
  exp: (a) => Math.E ** a,
  expm1: (a) => Math.abs(a) < 0.1 ? series(a, (n) => a / (n + 1)) : Math.exp(a) - 1,
  exp2: (a) => 2 ** a,
  log: (a) => Math.log2(a) * Math.LN2,
  log1p: (a) => Math.abs(a) < 0.1 ? series(a, (n) => -a * n / (n + 1)) : Math.log(1 + a),
  log2: (a) => Math.log(a) / Math.LN2,
  log10: (a) => Math.log(a) / Math.LN10,
  floor: (a) => Math.floor(a),
  ceil: (a) => -Math.floor(-a),
  trunc: (a) => a < 0 ? -Math.floor(-a) : Math.floor(a),
  round: (a) => {
    const low = Math.floor(a);
    if (a - low !== 0.5) return Math.round(a);
    return low % 2 === 0 ? low : low + 1;
  },
  sin: Math.sin,
  cos: Math.cos,
  tan: (a) => Math.sin(a) / Math.cos(a),
  asin: (a) => Math.atan(a / Math.sqrt((1 - a) * (1 + a))),
  acos: (a) => 2 * Math.atan(Math.sqrt((1 - a) / (1 + a))),
  atan: Math.atan,
  atan2: (y, x) => {
    if (Number.isNaN(x + y)) return NaN;
    if (x > 0) return Math.atan(y / x);
    if (x < 0) return Math.atan(y / x) + (y < 0 || Object.is(y, -0) ? -Math.PI : Math.PI);
    return y > 0 ? Math.PI / 2 : y < 0 ? -Math.PI / 2 : x + y === 0 ? Math.atan2(y, x) : NaN;
  },
  sinh: (a) => Math.abs(a) < 0.1 ? series(a, (n) => a * a / (2 * n * (2 * n + 1))) : (Math.exp(a) - Math.exp(-a)) / 2,
  cosh: (a) => (Math.exp(a) + Math.exp(-a)) / 2,
  tanh: (a) => {
    if (Math.abs(a) > 0.05) return a > 0 ? 1 - 2 / (Math.exp(2 * a) + 1) : 2 / (Math.exp(-2 * a) + 1) - 1;
    const e = series(2 * a, (n) => 2 * a / (n + 1));
    return e / (e + 2);
  },
  asinh: (a) =>
    Math.abs(a) < 0.1
      ? series(a, (n) => -a * a * (2 * n - 1) ** 2 / (2 * n * (2 * n + 1)))
      : Math.sign(a) * Math.log(Math.abs(a) + Math.sqrt(a * a + 1)),
  acosh: (a) => Math.log(a + Math.sqrt((a - 1) * (a + 1))),
  atanh: (a) =>
    Math.abs(a) < 0.1 ? series(a, (n) => a * a * (2 * n - 1) / (2 * n + 1)) : 0.5 * Math.log((1 + a) / (1 - a)),
  sigmoid: (a) => a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)),
  relu: (a) => a > 0 ? a : a < 0 ? 0 : a,
  softplus: (a) => a > 30 ? a + Math.exp(-a) : Math.log1p(Math.exp(a)),
  silu: (a) => a / (1 + Math.exp(-a)),
  gelu: (a) => a * erfc(-a / Math.SQRT2) / 2,
  erf,
};
