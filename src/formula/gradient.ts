import { check, inferTypes } from "./check.ts";
import { call, constant, type Expr } from "./expr.ts";
import { recordOf } from "./functions.ts";
import { leaves } from "./leaves.ts";
import { print } from "./print.ts";
import type { Signature } from "./signature.ts";
import { simplify } from "./simplify.ts";
import { interner } from "./structure.ts";

/**
 * The derivatives of ⟨`seed`, `expr`⟩ by every leaf of `expr`, in reverse mode: one sweep from the value to the leaves,
 * with the vector-Jacobian product of each operation. For a scalar formula the seed is a scalar (default 1); for one that
 * is a vector it is a vector, or a scalar that stands for all components.
 *
 * The result has the text of each leaf as key: `eps`, `x[i]`, `x[i, 0]`. `x[i]` and `x[i, 0]` are separate leaves: the
 * derivative by the row is that of `x[i]` plus, in component 0, that of `x[i, 0]`. The derivative by a vector leaf is a
 * vector, or a scalar that stands for all components.
 *
 * Where a formula is not differentiable it is what NumPy-like systems take: `abs`, `norm` and `dist` have derivative 0
 * at 0, `relu` too, `max` and `min` share it equally among ties, and nothing flows through conditions and rounding.
 *
 * @param signature Of the inputs of `expr` and of `seed`.
 * @throws {FormulaError} where the formula or the seed does not fit the signature.
 * @throws {TypeError} where the seed is a vector and the formula is none, or is of another length.
 *
 * @example
 * ```ts
 * import { gradient, parse, print } from "denovo/formula/mod.ts";
 *
 * const g = gradient(parse("exp(-x / s)"), { x: { kind: "plain" }, s: { kind: "plain" } });
 * print(g.get("x")!); // "-(exp(-x / s) / s)"
 * ```
 */
export function gradient(expr: Expr, signature: Signature, seed: Expr = constant(1)): Map<string, Expr> {
  const { length } = check(expr, signature);
  const seedType = check(seed, signature);
  if (seedType.length !== undefined && seedType.length !== length) {
    const value = length === undefined ? "a scalar" : `a vector of length ${length}`;
    throw new TypeError(`Cannot take a seed of length ${seedType.length} for a formula that is ${value}`);
  }
  const infer = inferTypes(signature);
  const intern = interner();
  const root = intern(expr).expr;
  const adjoints = new Map<Expr, Expr>([[root, seed]]);

  for (const node of fromRoot(root)) {
    const adjoint = adjoints.get(node);
    if (node.kind !== "call" || adjoint === undefined) continue;
    const record = recordOf(node.fn);
    const contributions = record.vjp(node.args, node, adjoint);
    const width = node.args.map((arg) => infer(arg).length).find((length) => length !== undefined);
    node.args.forEach((arg, i) => {
      let contribution = contributions[i];
      if (contribution === undefined || arg.kind === "number") return;
      if (width !== undefined && infer(arg).length === undefined) {
        // A scalar that was repeated for every component collects from all.
        contribution = infer(contribution).length === undefined
          ? call("mul", constant(width), contribution)
          : call("sum", contribution);
      }
      const known = adjoints.get(arg);
      adjoints.set(arg, known === undefined ? contribution : call("add", known, contribution));
    });
  }

  const result = new Map<string, Expr>();
  for (const node of fromRoot(root)) {
    if (node.kind === "name" || node.kind === "element") {
      result.set(print(node), simplify(adjoints.get(node) ?? constant(0)));
    }
  }
  return result;
}

/**
 * The derivative of a formula of plain inputs by the input `wrt`.
 *
 * @throws {FormulaError} for a formula with rows.
 *
 * @example
 * ```ts
 * import { derivative, parse, print } from "denovo/formula/mod.ts";
 *
 * print(derivative(parse("x^3"), "x")); // "3 * x ^ 2"
 * ```
 */
export function derivative(expr: Expr, wrt: string): Expr {
  const signature = Object.fromEntries(leaves(expr).names.map((name) => [name, { kind: "plain" } as const]));
  return gradient(expr, signature).get(wrt) ?? constant(0);
}

/** The nodes of a graph so that each comes before its arguments. */
function fromRoot(root: Expr): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (node: Expr): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.kind === "call") node.args.forEach(visit);
    order.push(node);
  };
  visit(root);
  return order.reverse();
}
