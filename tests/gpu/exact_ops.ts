/** Operations of tensors and the same on plain arrays, for values on which every device gives the exact result. */
import type { DType } from "../../src/device/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";

/** What the arithmetic of two dtypes gives. */
const PROMOTED: Record<DType, Record<DType, DType>> = {
  bool: { bool: "i32", u32: "u32", i32: "i32", f16: "f16", f32: "f32", f64: "f64" },
  u32: { bool: "u32", u32: "u32", i32: "i32", f16: "f32", f32: "f32", f64: "f64" },
  i32: { bool: "i32", u32: "i32", i32: "i32", f16: "f32", f32: "f32", f64: "f64" },
  f16: { bool: "f16", u32: "f32", i32: "f32", f16: "f16", f32: "f32", f64: "f64" },
  f32: { bool: "f32", u32: "f32", i32: "f32", f16: "f32", f32: "f32", f64: "f64" },
  f64: { bool: "f64", u32: "f64", i32: "f64", f16: "f64", f32: "f64", f64: "f64" },
};

/** The dtype of arithmetic on two arrays. */
export function promoted(a: DType, b: DType): DType {
  return PROMOTED[a][b];
}

/** The dtype of arithmetic on an array and a number. */
export function promotedNumber(a: DType, number: number): DType {
  if (isFloat(a)) return a;
  return Number.isInteger(number) ? promoted(a, "bool") : "f32";
}

export function isFloat(dtype: DType): boolean {
  return dtype === "f16" || dtype === "f32" || dtype === "f64";
}

type Binary = [
  name: "add" | "sub" | "mul" | "maximum" | "minimum",
  f: (x: number, y: number, dtype: DType) => number,
];

/** A product; of integers the low bits count. */
export function product(x: number, y: number, dtype: DType): number {
  return isFloat(dtype) ? x * y : Math.imul(x, y);
}

/** Arithmetic, by the dtype of the result. */
export const arithmetic: readonly Binary[] = [
  ["add", (x, y) => x + y],
  ["sub", (x, y) => x - y],
  ["mul", product],
  ["maximum", (x, y) => Math.max(x, y)],
  ["minimum", (x, y) => Math.min(x, y)],
];

type Comparison = [
  name: "equal" | "notEqual" | "less" | "lessEqual" | "greater" | "greaterEqual" | "logicalAnd" | "logicalOr",
  f: (x: number, y: number) => boolean,
];

/** What gives booleans. NaN is not zero. */
export const comparisons: readonly Comparison[] = [
  ["equal", (x, y) => x === y],
  ["notEqual", (x, y) => x !== y],
  ["less", (x, y) => x < y],
  ["lessEqual", (x, y) => x <= y],
  ["greater", (x, y) => x > y],
  ["greaterEqual", (x, y) => x >= y],
  ["logicalAnd", (x, y) => x !== 0 && y !== 0],
  ["logicalOr", (x, y) => x !== 0 || y !== 0],
];

type Unary = [name: string, apply: (t: Tensor) => Tensor, f: (x: number, dtype: DType) => number];

function halvesToEven(x: number): number {
  const low = Math.floor(x), rest = x - low;
  if (!(rest === 0.5)) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Functions of one array that keep its dtype (booleans become i32). */
export const unary: readonly Unary[] = [
  ["neg", (t) => t.neg(), (x) => -x],
  ["abs", (t) => t.abs(), (x) => Math.abs(x)],
  ["square", (t) => t.square(), (x, dtype) => product(x, x, dtype)],
  ["relu", (t) => t.relu(), (x) => Math.max(x, 0)],
  ["sign", (t) => t.sign(), (x) => Math.sign(x)],
  ["floor", (t) => t.floor(), (x) => Math.floor(x)],
  ["ceil", (t) => t.ceil(), (x) => Math.ceil(x)],
  ["round", (t) => t.round(), halvesToEven],
];

type Test = [name: string, apply: (t: Tensor) => Tensor, f: (x: number) => boolean];

/** Functions of one array that give booleans. */
export const tests: readonly Test[] = [
  ["isNaN", (t) => t.isNaN(), (x) => Number.isNaN(x)],
  ["isFinite", (t) => t.isFinite(), (x) => Number.isFinite(x)],
  ["logicalNot", (t) => t.logicalNot(), (x) => x === 0],
];

type Reducing = [
  name: "sum" | "prod" | "max" | "min" | "any" | "all" | "argmax" | "argmin" | "mean",
  dtype: (own: DType) => DType,
  f: (values: number[]) => number,
];

const same = (own: DType) => promoted(own, "bool");

function first(values: number[], better: (a: number, b: number) => boolean): number {
  const nan = values.findIndex((x) => Number.isNaN(x));
  if (nan >= 0) return nan;
  let best = 0;
  values.forEach((x, k) => {
    if (better(x, values[best])) best = k;
  });
  return best;
}

/** Reductions. The caller keeps to values whose partial results are exact in any order. */
export const reductions: readonly Reducing[] = [
  ["sum", same, (v) => v.reduce((s, x) => s + x, 0)],
  ["prod", same, (v) => v.reduce((s, x) => s * x, 1)],
  ["max", same, (v) => v.reduce((m, x) => Math.max(m, x), -Infinity)],
  ["min", same, (v) => v.reduce((m, x) => Math.min(m, x), Infinity)],
  ["any", () => "bool", (v) => Number(v.some((x) => x !== 0))],
  ["all", () => "bool", (v) => Number(v.every((x) => x !== 0))],
  ["argmax", () => "i32", (v) => first(v, (a, b) => a > b)],
  ["argmin", () => "i32", (v) => first(v, (a, b) => a < b)],
  ["mean", (own) => isFloat(own) ? own : "f32", (v) => v.reduce((s, x) => s + x, 0) / v.length],
];
