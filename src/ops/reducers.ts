import type { Scalar } from "../formula/mod.ts";
import { floatHelpers, floatTests, floatText, isFloatScalar, whole } from "./float_text.ts";

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
  readonly finish: (a: string, count: string, scalar: Scalar) => string;
  /** WGSL functions that the statements call, by name. */
  readonly helpers: (scalar: Scalar) => ReadonlyMap<string, string>;
}

const NONE = () => new Map<string, string>();

function pairs(values: readonly string[], join: (a: string, b: string) => string): string {
  if (values.length === 1) return values[0];
  const half = values.length >> 1;
  return join(pairs(values.slice(0, half), join), pairs(values.slice(half), join));
}

const additive = (operator: "+" | "*", start: number): Reducer => ({
  fields: [{ name: "s", kind: "value" }],
  init: (scalar) => [whole(scalar, start)],
  // Neighbours first: the rounding error grows with the depth of the tree.
  step: (a, values) => `${a}_s = ${a}_s ${operator} ${pairs(values, (x, y) => `(${x} ${operator} ${y})`)};`,
  merge: (a, b) => `${a}_s = ${a}_s ${operator} ${b}_s;`,
  finish: (a) => `${a}_s`,
  helpers: NONE,
});

const extreme = (fn: "max" | "min"): Reducer => {
  const pick = (scalar: Scalar) => isFloatScalar(scalar) ? `nan_${fn}` : fn;
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
    helpers: (scalar) => {
      if (!isFloatScalar(scalar)) return NONE();
      const text = `fn nan_${fn}(x: ${scalar}, y: ${scalar}) -> ${scalar} {
  return select(select(${fn}(x, y), y, isNan(y)), x, isNan(x));
}`;
      return floatTests(scalar).set(`nan_${fn}`, text);
    },
  };
};

const position = (order: ">" | "<"): Reducer => {
  // First position of the extreme value; NaN counts as the most extreme, as in NumPy.
  const better = (scalar: Scalar, v: string, m: string) =>
    isFloatScalar(scalar) ? `beats(${v}, ${m})` : `(${v} ${order} ${m})`;
  const start = extreme(order === ">" ? "max" : "min");
  return {
    fields: [{ name: "m", kind: "value" }, { name: "k", kind: "index" }],
    init: (scalar) => [start.init(scalar)[0], "0xffffffffu"],
    step: (a, values, indices, scalar) =>
      values.map((v, q) =>
        `if (${better(scalar, v, `${a}_m`)} | (${a}_k == 0xffffffffu)) { ${a}_m = ${v}; ${a}_k = ${indices[q]}; }`
      ).join("\n"),
    merge: (a, b, scalar) => {
      const tie = isFloatScalar(scalar) ? `same(${b}_m, ${a}_m)` : `${b}_m == ${a}_m`;
      return `if (${b}_k != 0xffffffffu && (${
        better(scalar, `${b}_m`, `${a}_m`)
      } || ${a}_k == 0xffffffffu || (${tie} && ${b}_k < ${a}_k))) { ${a}_m = ${b}_m; ${a}_k = ${b}_k; }`;
    },
    finish: (a) => `${a}_k`,
    helpers: (scalar) => {
      if (!isFloatScalar(scalar)) return NONE();
      const parameters = `(v: ${scalar}, m: ${scalar}) -> bool`;
      return floatTests(scalar)
        .set("beats", `fn beats${parameters} { return !isNan(m) & ((v ${order} m) | isNan(v)); }`)
        .set("same", `fn same${parameters} { return (v == m) | (isNan(v) & isNan(m)); }`);
    },
  };
};

// Tested against zero by equality: NaN counts as true, and `NaN != 0` is false on some drivers.
const logical = (operator: "|" | "&", start: number): Reducer => ({
  fields: [{ name: "b", kind: "index" }],
  init: () => [`${start}u`],
  step: (a, values, _, scalar) =>
    values.map((v) => `${a}_b = ${a}_b ${operator} select(1u, 0u, ${v} == ${whole(scalar, 0)});`).join("\n"),
  merge: (a, b) => `${a}_b = ${a}_b ${operator} ${b}_b;`,
  finish: (a) => `${a}_b`,
  helpers: NONE,
});

const logsumexp: Reducer = {
  fields: [{ name: "m", kind: "value" }, { name: "s", kind: "value" }],
  init: (scalar) => ["-infinity()", whole(scalar, 0)],
  // The block's maximum first, so that a block of four costs five exponentials. Held to finite numbers it needs no case for
  // infinities (exp(±∞) counts for nothing beside an infinite maximum), and NaN shows in the largest of the bits.
  step: (a, values, _, scalar) => {
    const { exp, infinity, largest } = floatText(scalar);
    return `{ let top = max(${a}_m, ${pairs(values, (x, y) => `max(${x}, ${y})`)});
let held = clamp(top, -${largest}, ${largest});
let bits = ${pairs(values.map((v) => `magnitude(${v})`), (x, y) => `max(${x}, ${y})`)};
let total = ${a}_s * select(${exp}(${a}_m - held), ${whole(scalar, 1)}, ${a}_m == top) + ${
      pairs(values.map((v) => `${exp}(${v} - held)`), (x, y) => `(${x} + ${y})`)
    };
${a}_s = select(total, bitcast<${scalar}>(bits), bits > ${infinity}); ${a}_m = top; }`;
  },
  merge: (a, b) =>
    `{ let top = max(${a}_m, ${b}_m); ${a}_s = ${a}_s * lse_term(${a}_m, top) + ${b}_s * lse_term(${b}_m, top); ${a}_m = top; }`,
  finish: (a) => `lse_finish(${a}_m, ${a}_s)`,
  helpers: (scalar) => {
    const { bits, exp, log, magnitude, tiny } = floatText(scalar), zero = whole(scalar, 0);
    return new Map([
      ...floatTests(scalar),
      ...floatHelpers(scalar),
      [
        "magnitude",
        `fn magnitude(x: ${scalar}) -> ${bits} { return bitcast<${bits}>(x) & ${magnitude}; }`,
      ],
      [
        "lse_term",
        `// exp(v − top) with exp(∞ − ∞) = 1 and exp(−∞ − (−∞)) = 0, so that infinities give what the limit gives and NaN stays.
fn lse_term(v: ${scalar}, top: ${scalar}) -> ${scalar} {
  let lowest = v == -infinity();
  let e = ${exp}(select(select(v - top, ${zero}, v == top), -${whole(scalar, 200)}, lowest));
  return select(select(e, ${zero}, lowest), v, isNan(v));
}`,
      ],
      [
        "lse_finish",
        `fn lse_finish(m: ${scalar}, s: ${scalar}) -> ${scalar} {
  if (isNan(s) || isNan(m)) { return s + m; }
  return select(m + ${log}(max(s, ${tiny})), m, (m == -infinity()) | (m == infinity()));
}`,
      ],
    ]);
  },
};

/** The functions of a reducer as one text. */
export function reducerText(reducer: Reducer, scalar: Scalar): string {
  return [...reducer.helpers(scalar).values()].join("\n");
}

/** How each reduction runs on a device. */
export const REDUCERS: Readonly<Record<Reduction, Reducer>> = {
  sum: additive("+", 0),
  mean: { ...additive("+", 0), finish: (a, count, scalar) => `${a}_s / ${scalar}(${count})` },
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
