import { inferTypes } from "./check.ts";
import { type Expr, name } from "./expr.ts";
import { expansion } from "./lower.ts";
import type { Signature } from "./signature.ts";
import { interner } from "./structure.ts";

/** A formula of vectors without what is the same for all components. */
export interface Components {
  /** The formula, with names for its scalar parts. */
  readonly term: Expr;
  /** What each of these names stands for. */
  readonly scalars: readonly { readonly name: string; readonly expr: Expr }[];
}

/**
 * Takes the largest scalar parts out of a formula, so that they can be computed once and not for each component. Numbers, names and
 * whole elements stay. `fresh` gives names that the formula does not use.
 */
export function splitScalars(expr: Expr, signature: Signature, fresh: (k: number) => string): Components {
  const intern = interner(expansion("f32")), infer = inferTypes(signature);
  const known = new Map<Expr, Expr>(), scalars: { name: string; expr: Expr }[] = [];
  return { term: walk(intern(expr).expr), scalars };

  function walk(node: Expr): Expr {
    let found = known.get(node);
    if (found === undefined) known.set(node, found = split(node));
    return found;
  }

  function split(node: Expr): Expr {
    const scalar = infer(node).length === undefined;
    if (node.kind === "number" || node.kind === "name") return node;
    if (node.kind === "element") return scalar && node.component !== undefined ? taken(node) : node;
    return scalar ? taken(node) : { kind: "call", fn: node.fn, args: node.args.map(walk) };
  }

  function taken(node: Expr): Expr {
    const id = fresh(scalars.length);
    scalars.push({ name: id, expr: node });
    return name(id);
  }
}
