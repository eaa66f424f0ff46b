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

/**
 * Running error analysis: evaluates a formula in f64 and bounds how far a computation of unit roundoff `u` may be from it. Each
 * operation adds its own rounding error (from its record) to what the errors of its arguments do to it, which is found by moving
 * each argument by its error both ways, so that jumps and kinks count too. `leaf` gives the value of a leaf: an array for a vector.
 */
export function errorBound(expr: Expr, leaf: (expr: Expr) => number | readonly number[], u: number): Bounded {
  // Trees that share parts are graphs: each part is analysed once.
  const known = new Map<Expr, Bounded>();
  const analyse = (expr: Expr): Bounded => {
    let found = known.get(expr);
    if (!found) known.set(expr, found = boundOf(expr, leaf, u, analyse));
    return found;
  };
  return analyse(expr);
}

function boundOf(
  expr: Expr,
  leaf: (expr: Expr) => number | readonly number[],
  u: number,
  analyse: (expr: Expr) => Bounded,
): Bounded {
  if (expr.kind === "number") return { value: expr.value, bound: u * Math.abs(expr.value) };
  if (expr.kind !== "call") {
    const value = leaf(expr);
    return { value, bound: typeof value === "number" ? 0 : value.map(() => 0) };
  }
  const record = recordOf(expr.fn);
  const other = record.expand?.(...expr.args);
  if (other) return analyse(other);
  const args = expr.args.map(analyse);
  const length = args.map((a) => a.value).find((v) => typeof v !== "number")?.length;
  const component = (k: number): { values: number[]; bounds: number[] } => ({
    values: args.map((a) => typeof a.value === "number" ? a.value : a.value[k]),
    bounds: args.map((a) => typeof a.bound === "number" ? a.bound : a.bound[k]),
  });
  if (record.fold) {
    const names = expr.args.map((_, k) => name(`a${k}`));
    const term = record.fold.term(...names);
    const terms = Array.from({ length: length ?? 1 }, (_, k) => {
      const { values, bounds } = component(k);
      return scalarTerm(term, values, bounds, u);
    });
    return record.fold.by === "add" ? foldSum(terms, u) : foldMax(terms);
  }
  if (length === undefined) {
    const { values, bounds } = component(0);
    return operation(expr.fn, values, bounds, u);
  }
  const parts = Array.from({ length }, (_, k) => {
    const { values, bounds } = component(k);
    return operation(expr.fn, values, bounds, u);
  });
  return { value: parts.map((p) => p.value), bound: parts.map((p) => p.bound) };
}

interface Scalar {
  value: number;
  bound: number;
}

/** A formula of the names a0, a1, … whose values carry errors themselves. */
function scalarTerm(term: Expr, values: readonly number[], bounds: readonly number[], u: number): Scalar {
  if (term.kind === "number") return { value: term.value, bound: 0 };
  if (term.kind === "name") {
    const k = Number(term.name.slice(1));
    return { value: values[k], bound: bounds[k] };
  }
  if (term.kind === "element") throw new TypeError("A fold's term has no elements");
  const other = recordOf(term.fn).expand?.(...term.args);
  if (other) return scalarTerm(other, values, bounds, u);
  const args = term.args.map((a) => scalarTerm(a, values, bounds, u));
  return operation(term.fn, args.map((a) => a.value), args.map((a) => a.bound), u);
}

function operation(fn: string, values: readonly number[], bounds: readonly number[], u: number): Scalar {
  const f = functionOf(fn, values.length), value = f(...values);
  const record = recordOf(fn);
  const finite = Number.isFinite(value);
  let bound = !finite ? 0 : (record.roundoff ? record.roundoff(value, ...values) : Math.abs(value)) * u + flushed(u);
  const moved = [...values];
  for (let k = 0; k < values.length; k++) {
    if (!(bounds[k] > 0)) continue;
    let reach = 0;
    for (const sign of [-1, 1]) {
      moved[k] = values[k] + sign * bounds[k];
      const there = f(...moved);
      // Next to a pole or the end of a domain either side may be what is computed; NaN and NaN, ∞ and ∞ are the same.
      if (!finite) reach = Number.isFinite(there) ? Infinity : reach;
      else reach = Math.max(reach, Number.isFinite(there) ? Math.abs(there - value) : Infinity);
    }
    moved[k] = values[k];
    bound += reach;
  }
  return { value, bound };
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
