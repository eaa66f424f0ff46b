import { inferTypes } from "./check.ts";
import { type Expr, name } from "./expr.ts";
import { recordOf } from "./functions.ts";
import { expansion } from "./lower.ts";
import type { Signature } from "./signature.ts";
import { interner } from "./structure.ts";

/** A sum or maximum over the components of long vectors, taken out of a formula. */
export interface Fold {
  /** The name that stands for it in the formula, and in later folds. */
  readonly name: string;
  /** How components are combined. */
  readonly by: "add" | "max";
  /** What is combined: a formula of vectors. */
  readonly term: Expr;
  /** The number of components. */
  readonly length: number;
  /** Folds of round 0 need no others, those of round 1 need some of round 0, and so on. */
  readonly round: number;
  /** Whether it depends on the row i. */
  readonly outer: boolean;
  /** Whether it depends on the row j. */
  readonly inner: boolean;
}

/** A formula without its long folds. */
export interface Split {
  /** The formula, with names in their places. */
  readonly exprs: readonly Expr[];
  /** What the names stand for, in an order in which they can be computed. */
  readonly folds: readonly Fold[];
}

/**
 * Takes the folds over at least `least` components out of some formulas, and all folds that are within these, so that a kernel can
 * compute those of many pairs in one loop, as a matrix product is computed. Those of a row i alone stay, unless `alone` is set.
 * `fresh` gives names that the formulas do not use.
 */
export function splitFolds(
  exprs: readonly Expr[],
  signature: Signature,
  least: number,
  fresh: (k: number) => string,
  alone = false,
): Split {
  const intern = interner(expansion("f32")), infer = inferTypes(signature);
  const folds: Fold[] = [], taken = new Map<Expr, Fold>();
  const depends = new Map<Expr, { i: boolean; j: boolean }>();
  const outside = walker(false), within = walker(true);
  return { exprs: exprs.map((expr) => outside(intern(expr).expr).expr), folds };

  function walker(every: boolean): (node: Expr) => { expr: Expr; round: number } {
    const known = new Map<Expr, { expr: Expr; round: number }>();
    return function walk(node: Expr) {
      let found = known.get(node);
      if (found === undefined) {
        const fold = taken.get(node) ?? take(node, every);
        found = fold ? { expr: name(fold.name), round: fold.round + 1 } : rebuild(node, walk);
        known.set(node, found);
      }
      return found;
    };
  }

  function take(node: Expr, every: boolean): Fold | undefined {
    const record = node.kind === "call" ? recordOf(node.fn) : undefined;
    if (node.kind !== "call" || !record?.fold) return undefined;
    const term = intern(record.fold.term(...node.args)).expr, { length } = infer(term), { i, j } = rows(term);
    if (length === undefined || !(every || (length >= least && (j || alone)))) return undefined;
    const { expr, round } = within(term);
    const fold = {
      name: fresh(folds.length),
      by: record.fold.by,
      term: expr,
      length,
      round,
      outer: i,
      inner: j,
    };
    folds.push(fold);
    taken.set(node, fold);
    return fold;
  }

  function rebuild(node: Expr, walk: (node: Expr) => { expr: Expr; round: number }): { expr: Expr; round: number } {
    if (node.kind !== "call") return { expr: node, round: 0 };
    const args = node.args.map(walk);
    return {
      expr: { kind: "call", fn: node.fn, args: args.map((arg) => arg.expr) },
      round: args.reduce((most, arg) => Math.max(most, arg.round), 0),
    };
  }

  /** Which rows a node depends on. */
  function rows(node: Expr): { i: boolean; j: boolean } {
    let found = depends.get(node);
    if (found === undefined) {
      found = node.kind === "element"
        ? { i: node.index === "i", j: node.index === "j" }
        : node.kind === "call"
        ? node.args.map(rows).reduce((a, b) => ({ i: a.i || b.i, j: a.j || b.j }), { i: false, j: false })
        : { i: false, j: false };
      depends.set(node, found);
    }
    return found;
  }
}
