import type { ElementExpr, Expr } from "./expr.ts";

/** The inputs that a formula reads, without repetition and sorted. */
export interface Leaves {
  /** Plain inputs. */
  readonly names: readonly string[];
  /** Rows of indexed inputs and their components. */
  readonly elements: readonly { readonly name: string; readonly index: "i" | "j"; readonly component?: number }[];
}

const known = new WeakMap<Expr, Leaves>();

/** The free names and the elements that `expr` reads. */
export function leaves(expr: Expr): Leaves {
  let found = known.get(expr);
  if (found === undefined) known.set(expr, found = collect(expr));
  return found;
}

function collect(expr: Expr): Leaves {
  const names = new Set<string>();
  const elements = new Map<string, ElementExpr>();
  const seen = new Set<Expr>();
  const walk = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "call") e.args.forEach(walk);
    else if (e.kind === "name") names.add(e.name);
    else if (e.kind === "element") elements.set(`${e.name} ${e.index} ${e.component ?? ""}`, e);
  };
  walk(expr);
  return {
    names: [...names].sort(),
    elements: [...elements].sort(byKey).map(([, { name, index, component }]) =>
      component === undefined ? { name, index } : { name, index, component }
    ),
  };
}

function byKey([, a]: [string, ElementExpr], [, b]: [string, ElementExpr]): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.index !== b.index) return a.index < b.index ? -1 : 1;
  return (a.component ?? -1) - (b.component ?? -1);
}

/**
 * `expr` with its names and elements replaced: `by` gives the replacement of a leaf, or undefined to keep it. Shared
 * subtrees stay shared.
 */
export function substitute(expr: Expr, by: (leaf: Expr) => Expr | undefined): Expr {
  const done = new Map<Expr, Expr>();
  const walk = (e: Expr): Expr => {
    let result = done.get(e);
    if (result === undefined) {
      if (e.kind === "call") {
        const args = e.args.map(walk);
        result = args.every((a, i) => a === e.args[i]) ? e : { kind: "call", fn: e.fn, args };
      } else {
        result = e.kind === "number" ? e : by(e) ?? e;
      }
      done.set(e, result);
    }
    return result;
  };
  return walk(expr);
}
