import { type Expr, gradient, leaves, name as leaf } from "../formula/mod.ts";
import { type Formula, plainSignature, toExpr } from "./formulas.ts";

/** The derivatives of a formula of plain names. */
export interface Partials {
  /** The name under which the derivatives read the cotangent of the formula's value; none of the formula's own. */
  readonly seed: string;
  /** Cotangent of each name, `seed · ∂f/∂name`; without those that are 0 everywhere. */
  readonly of: ReadonlyMap<string, Expr>;
}

const known = new WeakMap<Expr, Partials>();

/** The derivatives of a formula, taken once per tree. */
export function partialsOf(formula: Formula): Partials {
  const expr = toExpr(formula);
  let found = known.get(expr);
  if (found === undefined) {
    const { names } = leaves(expr);
    let seed = "cotangent";
    while (names.includes(seed)) seed += "_";
    const all = gradient(expr, plainSignature([...names, seed]), leaf(seed));
    const of = new Map([...all].filter(([, partial]) => !(partial.kind === "number" && partial.value === 0)));
    known.set(expr, found = { seed, of });
  }
  return found;
}

/** The names, other than the seed, that the derivatives by `wanted` read. */
export function readByPartials(formula: Formula, wanted: Iterable<string>): string[] {
  const { seed, of } = partialsOf(formula), read = new Set<string>();
  for (const id of wanted) {
    const partial = of.get(id);
    if (partial) { for (const name of leaves(partial).names) if (name !== seed) read.add(name); }
  }
  return [...read];
}
