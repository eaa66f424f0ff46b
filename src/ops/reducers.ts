import type { Scalar } from "../formula/mod.ts";

/** What a reduction computes. */
export type Reduction = "sum" | "mean" | "prod" | "max" | "min" | "argmax" | "argmin" | "logsumexp" | "any" | "all";

/** How a reduction runs on a device: an accumulator of one or two fields that values and other accumulators join. */
export interface Reducer {
  /** Fields of the accumulator: `value` is of the formula's scalar type, `index` is u32. Names end up as `<prefix>_<field>`. */
  readonly fields: readonly { readonly name: string; readonly kind: "value" | "index" }[];
  /** Start value of each field. */
  readonly init: (scalar: Scalar) => readonly string[];
  /** Statements by which the accumulator `a` takes in several values at once, in order of their indices. */
  readonly step: (a: string, values: readonly string[], indices: readonly string[], scalar: Scalar) => string;
  /** Statements by which accumulator `a` takes in accumulator `b`. */
  readonly merge: (a: string, b: string, scalar: Scalar) => string;
  /** The result; `count` is the text of the number of reduced elements. */
  readonly finish: (a: string, count: string) => string;
  /** WGSL functions that the statements call. */
  readonly helpers: (scalar: Scalar) => string;
}

const NONE = () => "";

/** Bit tests: comparing NaN with itself is optimized away by some drivers. */
const NAN_TEST = `fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`;

/** Infinities from bits that the compiler cannot fold: WGSL refuses them as constants. */
const INFINITY = `var<private> infinity_bits: u32 = 0x7f800000u;
fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }`;

function pairs(values: readonly string[], join: (a: string, b: string) => string): string {
  if (values.length === 1) return values[0];
  const half = values.length >> 1;
  return join(pairs(values.slice(0, half), join), pairs(values.slice(half), join));
}

const one = (scalar: Scalar, value: number) => scalar === "f32" ? `${value}.0` : `${scalar}(${value})`;

const additive = (operator: "+" | "*", start: number): Reducer => ({
  fields: [{ name: "s", kind: "value" }],
  init: (scalar) => [one(scalar, start)],
  // Neighbours first: the rounding error grows with the depth of the tree.
  step: (a, values) => `${a}_s = ${a}_s ${operator} ${pairs(values, (x, y) => `(${x} ${operator} ${y})`)};`,
  merge: (a, b) => `${a}_s = ${a}_s ${operator} ${b}_s;`,
  finish: (a) => `${a}_s`,
  helpers: NONE,
});

const extreme = (fn: "max" | "min"): Reducer => {
  const pick = (scalar: Scalar) => scalar === "f32" ? `nan_${fn}` : fn;
  return {
    fields: [{ name: "m", kind: "value" }],
    init: (scalar) => {
      if (scalar === "i32") return [fn === "max" ? "i32(-2147483647 - 1)" : "2147483647i"];
      if (scalar === "u32") return [fn === "max" ? "0u" : "4294967295u"];
      return [fn === "max" ? "-infinity()" : "infinity()"];
    },
    step: (a, values, _, scalar) =>
      `${a}_m = ${pairs([...values, `${a}_m`], (x, y) => `${pick(scalar)}(${x}, ${y})`)};`,
    merge: (a, b, scalar) => `${a}_m = ${pick(scalar)}(${a}_m, ${b}_m);`,
    finish: (a) => `${a}_m`,
    // NaN wins, as in NumPy: the builtin may drop it.
    helpers: (scalar) =>
      scalar !== "f32" ? "" : `${INFINITY}
${NAN_TEST}
fn nan_${fn}(x: f32, y: f32) -> f32 { return select(select(${fn}(x, y), y, isNan(y)), x, isNan(x)); }`,
  };
};

const position = (order: ">" | "<"): Reducer => {
  // First position of the extreme value; NaN counts as the most extreme, as in NumPy.
  const better = (scalar: Scalar, v: string, m: string) =>
    scalar === "f32" ? `beats(${v}, ${m})` : `(${v} ${order} ${m})`;
  const start = extreme(order === ">" ? "max" : "min");
  return {
    fields: [{ name: "m", kind: "value" }, { name: "k", kind: "index" }],
    init: (scalar) => [start.init(scalar)[0], "0xffffffffu"],
    step: (a, values, indices, scalar) =>
      values.map((v, q) =>
        `if (${better(scalar, v, `${a}_m`)} | (${a}_k == 0xffffffffu)) { ${a}_m = ${v}; ${a}_k = ${indices[q]}; }`
      ).join("\n"),
    merge: (a, b, scalar) => {
      const tie = scalar === "f32" ? `same(${b}_m, ${a}_m)` : `${b}_m == ${a}_m`;
      return `if (${b}_k != 0xffffffffu && (${
        better(scalar, `${b}_m`, `${a}_m`)
      } || ${a}_k == 0xffffffffu || (${tie} && ${b}_k < ${a}_k))) { ${a}_m = ${b}_m; ${a}_k = ${b}_k; }`;
    },
    finish: (a) => `${a}_k`,
    helpers: (scalar) =>
      scalar !== "f32" ? "" : `${INFINITY}
${NAN_TEST}
fn beats(v: f32, m: f32) -> bool { return !isNan(m) & ((v ${order} m) | isNan(v)); }
fn same(v: f32, m: f32) -> bool { return (v == m) | (isNan(v) & isNan(m)); }`,
  };
};

// Tested against zero by equality: NaN counts as true, and `NaN != 0` is false on some drivers.
const logical = (operator: "|" | "&", start: number): Reducer => ({
  fields: [{ name: "b", kind: "index" }],
  init: () => [`${start}u`],
  step: (a, values, _, scalar) =>
    values.map((v) => `${a}_b = ${a}_b ${operator} select(1u, 0u, ${v} == ${one(scalar, 0)});`).join("\n"),
  merge: (a, b) => `${a}_b = ${a}_b ${operator} ${b}_b;`,
  finish: (a) => `${a}_b`,
  helpers: NONE,
});

const logsumexp: Reducer = {
  fields: [{ name: "m", kind: "value" }, { name: "s", kind: "value" }],
  init: () => ["-infinity()", "0.0"],
  // The block's maximum first, so that a block of four costs five exponentials. Held to finite numbers it needs no case for
  // infinities (exp(±∞) counts for nothing beside an infinite maximum), and NaN shows in the largest of the bits.
  step: (a, values) =>
    `{ let top = max(${a}_m, ${pairs(values, (x, y) => `max(${x}, ${y})`)});
let held = clamp(top, -3.4028234e38, 3.4028234e38);
let bits = ${pairs(values.map((v) => `magnitude(${v})`), (x, y) => `max(${x}, ${y})`)};
let total = ${a}_s * select(exp(${a}_m - held), 1.0, ${a}_m == top) + ${
      pairs(values.map((v) => `exp(${v} - held)`), (x, y) => `(${x} + ${y})`)
    };
${a}_s = select(total, bitcast<f32>(bits), bits > 0x7f800000u); ${a}_m = top; }`,
  merge: (a, b) =>
    `{ let top = max(${a}_m, ${b}_m); ${a}_s = ${a}_s * lse_term(${a}_m, top) + ${b}_s * lse_term(${b}_m, top); ${a}_m = top; }`,
  finish: (a) => `lse_finish(${a}_m, ${a}_s)`,
  helpers: () =>
    `${INFINITY}
${NAN_TEST}
fn magnitude(x: f32) -> u32 { return bitcast<u32>(x) & 0x7fffffffu; }
// exp(v − top) with exp(∞ − ∞) = 1 and exp(−∞ − (−∞)) = 0, so that infinities give what the limit gives and NaN stays.
fn lse_term(v: f32, top: f32) -> f32 {
  let lowest = v == -infinity();
  let e = exp(select(select(v - top, 0.0, v == top), -200.0, lowest));
  return select(select(e, 0.0, lowest), v, isNan(v));
}
fn lse_finish(m: f32, s: f32) -> f32 {
  if (isNan(s) || isNan(m)) { return s + m; }
  return select(m + log(max(s, 1e-38)), m, (m == -infinity()) | (m == infinity()));
}`,
};

/** How each reduction runs on a device. */
export const REDUCERS: Readonly<Record<Reduction, Reducer>> = {
  sum: additive("+", 0),
  mean: { ...additive("+", 0), finish: (a, count) => `${a}_s / f32(${count})` },
  prod: additive("*", 1),
  max: extreme("max"),
  min: extreme("min"),
  argmax: position(">"),
  argmin: position("<"),
  logsumexp,
  any: logical("|", 0),
  all: logical("&", 1),
};

/** Plain f64 loops over the values of one output element: the definition of each reduction. */
export const REDUCTION_REFERENCES: Readonly<Record<Reduction, (values: Float64Array) => number>> = {
  sum: (v) => v.reduce((a, b) => a + b, 0),
  mean: (v) => v.reduce((a, b) => a + b, 0) / v.length,
  prod: (v) => v.reduce((a, b) => a * b, 1),
  max: (v) => v.reduce((a, b) => Math.max(a, b), -Infinity),
  min: (v) => v.reduce((a, b) => Math.min(a, b), Infinity),
  argmax: (v) => firstExtreme(v, (a, b) => a > b),
  argmin: (v) => firstExtreme(v, (a, b) => a < b),
  logsumexp: (v) => {
    const top = v.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!Number.isFinite(top)) return top;
    return top + Math.log(v.reduce((a, b) => a + Math.exp(b - top), 0));
  },
  any: (v) => Number(v.some((x) => x !== 0)),
  all: (v) => Number(v.every((x) => x !== 0)),
};

function firstExtreme(v: Float64Array, better: (a: number, b: number) => boolean): number {
  let best = 0;
  for (let k = 1; k < v.length; k++) {
    if (Number.isNaN(v[best])) break;
    if (better(v[k], v[best]) || Number.isNaN(v[k])) best = k;
  }
  return best;
}
