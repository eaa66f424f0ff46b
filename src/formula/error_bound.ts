import { compile } from "./compile.ts";
import { call, type Expr, name } from "./expr.ts";
import { recordOf } from "./functions.ts";

/** A value with a bound of the error that a device may have made in it; arrays for vectors. */
export interface Bounded {
  /** The f64 value or its components. */
  readonly value: number | readonly number[];
  /** Bounds of the absolute error, of the same form. */
  readonly bound: number | readonly number[];
}

/** Results below the smallest normal number may be flushed to zero. */
function flushed(u: number): number {
  return u === 0 ? 0 : u > 2 ** -53 ? 2 ** -125 : 2 ** -1021;
}

const compiled = new Map<string, (...values: number[]) => number>();

function functionOf(fn: string, arity: number): (...values: number[]) => number {
  const id = `${fn}/${arity}`;
  let f = compiled.get(id);
  if (!f) {
    const names = Array.from({ length: arity }, (_, k) => `a${k}`);
    compiled.set(id, f = compile(call(fn, ...names.map((n) => name(n))), names));
  }
  return f;
}

/** The values of leaves: an array for a vector. */
export type LeafValues = (leaf: Expr) => number | readonly number[];

/**
 * Running error analysis: evaluates a formula in f64 and bounds how far a computation of unit roundoff `u` may be from it. Each
 * operation adds its own rounding error (from its record) to what the errors of its arguments do to it, which is found by moving
 * each argument by its error both ways, so that jumps and kinks count too.
 */
export function errorBound(expr: Expr, leaf: LeafValues, u: number): Bounded {
  return errorAnalysis(expr, u)(leaf);
}

/** {@linkcode errorBound} as a function to be called for many values of the leaves: the formula is looked at once. */
export function errorAnalysis(expr: Expr, u: number): (leaf: LeafValues) => Bounded {
  const steps: Step[] = [], results: Bounded[] = [];
  // Trees that share parts are graphs: each part is a step once.
  const known = new Map<Expr, number>();
  const placeOf = (expr: Expr): number => {
    let place = known.get(expr);
    if (place === undefined) {
      const step = stepOf(expr, u, placeOf, results);
      place = typeof step === "number" ? step : steps.push(step) - 1;
      known.set(expr, place);
    }
    return place;
  };
  const last = placeOf(expr);
  return (leaf) => {
    for (let k = 0; k < steps.length; k++) results[k] = steps[k](leaf);
    return results[last];
  };
}

/** One operation, whose arguments are in the results of earlier steps. */
type Step = (leaf: LeafValues) => Bounded;

/** A step, or the place of the one that gives the same. */
function stepOf(expr: Expr, u: number, placeOf: (expr: Expr) => number, results: readonly Bounded[]): Step | number {
  if (expr.kind === "number") {
    const constant = { value: expr.value, bound: u * Math.abs(expr.value) };
    return () => constant;
  }
  if (expr.kind !== "call") {
    return (leaf) => {
      const value = leaf(expr);
      return { value, bound: typeof value === "number" ? 0 : value.map(() => 0) };
    };
  }
  const record = recordOf(expr.fn), other = record.expand?.(...expr.args);
  if (other) return placeOf(other);
  const places = expr.args.map(placeOf), { fold } = record;
  const apply = fold
    ? scalarTerm(fold.term(...places.map((_, k) => name(`a${k}`))), u)
    : operation(expr.fn, places.length, u);
  const values = places.map(() => 0), bounds = places.map(() => 0);
  const component = (k: number): Scalar => {
    for (let a = 0; a < places.length; a++) {
      const { value, bound } = results[places[a]];
      values[a] = typeof value === "number" ? value : value[k];
      bounds[a] = typeof bound === "number" ? bound : bound[k];
    }
    return apply(values, bounds);
  };
  return () => {
    let length: number | undefined;
    for (const place of places) {
      const { value } = results[place];
      if (typeof value !== "number") length = value.length;
    }
    if (length === undefined && !fold) return component(0);
    const parts = Array.from({ length: length ?? 1 }, (_, k) => component(k));
    if (fold) return fold.by === "add" ? foldSum(parts, u) : foldMax(parts);
    return { value: parts.map((p) => p.value), bound: parts.map((p) => p.bound) };
  };
}

interface Scalar {
  value: number;
  bound: number;
}

/** What is computed of values that carry errors themselves. */
type Apply = (values: readonly number[], bounds: readonly number[]) => Scalar;

/** A formula of the names a0, a1, … */
function scalarTerm(term: Expr, u: number): Apply {
  if (term.kind === "number") return () => ({ value: term.value, bound: 0 });
  if (term.kind === "name") {
    const k = Number(term.name.slice(1));
    return (values, bounds) => ({ value: values[k], bound: bounds[k] });
  }
  if (term.kind === "element") throw new TypeError("A fold's term has no elements");
  const other = recordOf(term.fn).expand?.(...term.args);
  if (other) return scalarTerm(other, u);
  const args = term.args.map((a) => scalarTerm(a, u)), apply = operation(term.fn, args.length, u);
  const inner = args.map(() => 0), errors = args.map(() => 0);
  return (values, bounds) => {
    args.forEach((arg, k) => ({ value: inner[k], bound: errors[k] } = arg(values, bounds)));
    return apply(inner, errors);
  };
}

/** Calls a function by one or two arguments without a list of them: this is done for every number that a test compares. */
function spread<F extends (...values: number[]) => number>(f: F, arity: number): (values: readonly number[]) => number {
  if (arity === 1) return (v) => f(v[0]);
  return arity === 2 ? (v) => f(v[0], v[1]) : (v) => f(...v);
}

function operation(fn: string, arity: number, u: number): Apply {
  const f = spread(functionOf(fn, arity), arity), { roundoff } = recordOf(fn), least = flushed(u);
  const moved = new Array<number>(arity).fill(0);
  return (values, bounds) => {
    const value = f(values), finite = Number.isFinite(value);
    let bound = finite ? (roundoff ? roundoff(value, ...values) : Math.abs(value)) * u + least : 0;
    for (let k = 0; k < arity; k++) moved[k] = values[k];
    for (let k = 0; k < arity; k++) {
      const by = bounds[k];
      if (!(by > 0)) continue;
      moved[k] = values[k] - by;
      const below = f(moved);
      moved[k] = values[k] + by;
      const above = f(moved);
      moved[k] = values[k];
      // Next to a pole or the end of a domain either side may be what is computed; NaN and NaN, ∞ and ∞ are the same.
      if (Number.isFinite(below) && Number.isFinite(above)) {
        bound += finite ? Math.max(Math.abs(below - value), Math.abs(above - value)) : Infinity;
      } else if (finite || Number.isFinite(below) || Number.isFinite(above)) bound = Infinity;
    }
    return { value, bound };
  };
}

function foldSum(terms: readonly Scalar[], u: number): Bounded {
  let value = 0, bound = 0, magnitude = 0;
  for (const t of terms) {
    value += t.value;
    bound += t.bound;
    magnitude += Math.abs(t.value);
  }
  return { value, bound: bound + terms.length * u * magnitude };
}

function foldMax(terms: readonly Scalar[]): Bounded {
  return {
    value: terms.reduce((m, t) => Math.max(m, t.value), -Infinity),
    bound: terms.reduce((m, t) => Math.max(m, t.bound), 0),
  };
}
