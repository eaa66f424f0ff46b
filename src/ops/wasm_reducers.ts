import type { Scalar } from "../formula/mod.ts";
import {
  f32x4,
  f64x2,
  type FloatLanes,
  floatLanes,
  flushedExp,
  type FunctionBuilder,
  i32x4,
  integerLanes,
  type Lanes,
  lanes as laneBytes,
  log,
  type V,
  v128,
  type Value,
  type Variable,
} from "../formula/wasm/mod.ts";
import type { Reduction } from "./reducers.ts";

/** How a reduction runs in vectors: accumulators of one or two fields, each lane for itself, that values and others join. */
export interface WasmReducer {
  /** Start value of each field. */
  readonly init: (m: Lanes) => V[];
  /** A value that changes nothing: it stands in lanes without an element. */
  readonly neutral: (m: Lanes) => V;
  /** Whether the second field is a position. */
  readonly positions?: true;
  /** Whether partial results are joined in f64 where values are floats: sums of sums lose nothing there. */
  readonly widens?: true;
  /** Takes in several vectors, in order; `positions` holds those of their elements. */
  readonly step: (m: Lanes, acc: readonly Variable<"v128">[], values: readonly V[], positions: readonly V[]) => void;
  /** Takes in another accumulator, of later elements or of neighbouring lanes. */
  readonly merge: (m: Lanes, acc: readonly Variable<"v128">[], other: readonly V[]) => void;
  /** Joins all lanes faster than {@linkcode joinLanes} does. */
  readonly joinLanes?: (m: Lanes, acc: readonly Variable<"v128">[]) => void;
  /** The result; `count` is the number of elements in all lanes. Positions are of {@linkcode positionType}. */
  readonly finish: (m: Lanes, acc: readonly V[], count: () => V) => V;
}

/** The lanes of a scalar type. */
export function lanesFor(fn: FunctionBuilder, scalar: Scalar): Lanes {
  return scalar === "f32" || scalar === "f64" ? floatLanes(fn, scalar) : integerLanes(fn, scalar);
}

/** Scalar type of positions beside values of a type: as wide as those. */
export function positionType(scalar: Scalar): Scalar {
  return scalar === "f64" ? "f64" : "i32";
}

/** The positions `at`, `at + 1`, … */
export function positionsFrom(fn: FunctionBuilder, scalar: Scalar, at: Value<"i32">): V {
  if (scalar !== "f64") return fn.let(i32x4.add(i32x4.splat(at), i32x4.const(0, 1, 2, 3)));
  return fn.let(f64x2.add(f64x2.convertLowI32x4S(i32x4.splat(at)), f64x2.const(0, 1)));
}

/** Joins all lanes of an accumulator, so that each holds the result. */
export function joinLanes(m: Lanes, reducer: WasmReducer, acc: readonly Variable<"v128">[]): void {
  if (reducer.joinLanes) return reducer.joinLanes(m, acc);
  turns(m, (turn) => reducer.merge(m, acc, acc.map(turn)));
}

/** Lanes meet each other: `meet` joins all lanes with those that are half of them away, then half of that. */
function turns(m: Lanes, meet: (turn: (value: V) => V) => void): void {
  const orders = m.count === 4 ? [[2, 3, 0, 1], [1, 0, 3, 2]] : [[1, 0]];
  for (const order of orders) {
    meet((value) => m.fn.let(v128.shuffle(value, value, laneBytes(m.count === 4 ? 4 : 8, ...order))));
  }
}

function pairs(values: readonly V[], join: (a: V, b: V) => V): V {
  if (values.length === 1) return values[0];
  const half = values.length >> 1;
  return join(pairs(values.slice(0, half), join), pairs(values.slice(half), join));
}

/** A reducer of one field that values join as other accumulators do. */
function simple(start: (m: Lanes) => number, join: (m: Lanes, a: V, b: V) => V): WasmReducer {
  return {
    init: (m) => [m.constant(start(m))],
    neutral: (m) => m.constant(start(m)),
    // Neighbours first: the rounding error grows with the depth of the tree.
    step: (m, [s], values) => m.fn.set(s, join(m, s, pairs(values, (a, b) => join(m, a, b)))),
    merge: (m, [s], [other]) => m.fn.set(s, join(m, s, other)),
    finish: (_, [s]) => s,
  };
}

const sum: WasmReducer = { ...simple(() => 0, (m, a, b) => m.add(a, b)), widens: true };

const isFloat = (m: Lanes): m is FloatLanes => m.scalar === "f32" || m.scalar === "f64";

/** The least value of the type, or its largest. */
function end(m: Lanes, which: "least" | "largest"): number {
  if (isFloat(m)) return which === "least" ? -Infinity : Infinity;
  if (m.scalar === "u32") return which === "least" ? 0 : 4294967295;
  return which === "least" ? -2147483648 : 2147483647;
}

// First position of the extreme value; NaN counts as the most extreme, as in NumPy.
function position(which: "largest" | "least"): WasmReducer {
  const start = which === "largest" ? "least" : "largest";
  const more = (m: Lanes, a: V, b: V) => which === "largest" ? m.gt(a, b) : m.lt(a, b);
  const better = (m: Lanes, a: V, b: V) =>
    isFloat(m) ? m.or(more(m, a, b), m.andnot(m.ne(a, a), m.ne(b, b))) : more(m, a, b);
  const same = (m: Lanes, a: V, b: V) => isFloat(m) ? m.or(m.eq(a, b), m.and(m.ne(a, a), m.ne(b, b))) : m.eq(a, b);
  const nowhere = (m: Lanes) =>
    lanesFor(m.fn, positionType(m.scalar)).constant(m.scalar === "f64" ? 2 ** 52 : 2 ** 31 - 1);
  const take = (m: Lanes, [v, k]: readonly Variable<"v128">[], mask: V, value: V, at: V) => {
    m.fn.set(v, m.select(mask, value, v));
    m.fn.set(k, m.select(mask, at, k));
  };
  return {
    positions: true,
    init: (m) => [m.constant(end(m, start)), nowhere(m)],
    neutral: (m) => m.constant(end(m, start)),
    step: (m, acc, values, at) => values.forEach((v, q) => take(m, acc, better(m, v, acc[0]), v, at[q])),
    merge: (m, acc, [v, k]) => {
      const before = lanesFor(m.fn, positionType(m.scalar)).lt(k, acc[1]);
      take(m, acc, m.or(better(m, v, acc[0]), m.and(same(m, v, acc[0]), before)), v, k);
    },
    // Nothing was better than the start: all are equal to it, and the first of them counts.
    finish: (m, [, k]) => {
      const at = lanesFor(m.fn, positionType(m.scalar));
      return at.select(at.eq(k, nowhere(m)), at.constant(0), k);
    },
  };
}

// Masks; tested against zero by inequality, so NaN counts as true.
function logical(start: 0 | 1, join: (m: Lanes, a: V, b: V) => V): WasmReducer {
  const mask = (m: Lanes) => start === 0 ? m.ne(m.constant(0), m.constant(0)) : m.eq(m.constant(0), m.constant(0));
  return {
    ...simple(() => start, join),
    init: (m) => [mask(m)],
    step: (m, [s], values) =>
      m.fn.set(s, join(m, s, pairs(values.map((v) => m.ne(v, m.constant(0))), (a, b) => join(m, a, b)))),
    finish: (m, [s]) => m.toNumber(s),
  };
}

/** How far values may be above an accumulator's shift before it follows them: little enough for exp to stay exact. */
const SLACK = 8;

/**
 * A shift c and the sum s of exp(v − c): log Σ exp(v) = c + log s. The shift stays finite, so that NaN and −∞ need no care:
 * exp(−∞ − c) = 0. It follows the largest value only when one is much larger, which is soon never.
 */
const logsumexp: WasmReducer = {
  init: (m) => [m.constant(-largest(m)), m.constant(0)],
  neutral: (m) => m.constant(-Infinity),
  step: (lanes, [c, s], values) => {
    const m = lanes as FloatLanes, { fn } = m;
    const top = pairs(values, (a, b) => m.pmax(a, b)), held = values.map((v) => fn.variable(v));
    fn.if(m.any(m.gt(top, m.add(c, m.constant(SLACK)))), () => {
      const next = m.pmin(m.pmax(c, top), m.constant(largest(m)));
      fn.set(s, m.mul(s, flushedExp(m, m.sub(c, next))));
      fn.set(c, next);
      // Infinity is counted here and not as an exponential.
      fn.set(s, m.add(s, m.and(m.eq(top, m.constant(Infinity)), m.constant(Infinity))));
      held.forEach((v) => fn.set(v, m.pmin(v, next)));
    });
    fn.set(s, m.add(s, pairs(held.map((v) => flushedExp(m, m.sub(v, c))), (a, b) => m.add(a, b))));
  },
  merge: (lanes, [c, s], [c2, s2]) => {
    const m = lanes as FloatLanes, next = m.pmax(c, c2);
    m.fn.set(s, m.add(m.mul(s, flushedExp(m, m.sub(c, next))), m.mul(s2, flushedExp(m, m.sub(c2, next)))));
    m.fn.set(c, next);
  },
  // One exponential for all lanes: first the common shift, then the sum.
  joinLanes: (lanes, [c, s]) => {
    const m = lanes as FloatLanes, { fn } = m, next = fn.variable(c);
    turns(m, (turn) => fn.set(next, m.pmax(next, turn(next))));
    fn.set(s, m.mul(s, flushedExp(m, m.sub(c, next))));
    fn.set(c, next);
    turns(m, (turn) => fn.set(s, m.add(s, turn(s))));
  },
  finish: (lanes, [c, s]) => {
    const m = lanes as FloatLanes;
    return m.add(c, log(m, s));
  },
};

function largest(m: Lanes): number {
  return m.scalar === "f64" ? Number.MAX_VALUE : 3.4028234663852886e38;
}

/** How each reduction runs in WebAssembly. */
export const WASM_REDUCERS: Readonly<Record<Reduction, WasmReducer>> = {
  sum,
  mean: { ...sum, finish: (m, [s], count) => (m as FloatLanes).div(s, count()) },
  prod: { ...simple(() => 1, (m, a, b) => m.mul(a, b)), widens: true },
  max: simple((m) => end(m, "least"), (m, a, b) => m.max(a, b)),
  min: simple((m) => end(m, "largest"), (m, a, b) => m.min(a, b)),
  argmax: position("largest"),
  argmin: position("least"),
  logsumexp,
  any: logical(0, (m, a, b) => m.or(a, b)),
  all: logical(1, (m, a, b) => m.and(a, b)),
};

/** Fields of an accumulator. */
export function fieldCount(reducer: WasmReducer): number {
  return reducer === logsumexp || reducer.positions ? 2 : 1;
}

/** A number of elements in all lanes. */
export function countLanes(fn: FunctionBuilder, scalar: Scalar, count: Value<"i32">): V {
  const m = lanesFor(fn, scalar), value = i32x4.splat(count);
  return isFloat(m)
    ? fn.let(scalar === "f64" ? f64x2.convertLowI32x4S(value) : f32x4.convertI32x4S(value))
    : fn.let(value);
}
