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
 * at 0, `relu` too, `max` and `min` share it equally among ties, and nothing flows through conditions, rounding and the
 * branches that are not taken, even where these are not finite.
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
  const root = interner()(expr).expr;
  const nodes = fromRoot(root);
  const adjoints = new Map<Expr, Adjoint>([[root, { value: seed }]]);

  for (const node of nodes) {
    const adjoint = adjoints.get(node);
    if (node.kind !== "call" || adjoint === undefined) continue;
    const contributions = recordOf(node.fn).vjp(node.args, node, adjoint.value);
    const width = node.args.map((arg) => infer(arg).length).find((length) => length !== undefined);
    node.args.forEach((arg, i) => {
      const contribution = contributions[i];
      if (contribution === undefined || arg.kind === "number") return;
      let share = peel(contribution, adjoint.where);
      if (width !== undefined && infer(arg).length === undefined) {
        share = { value: collect(whole(share), width, infer) };
      }
      adjoints.set(arg, plus(adjoints.get(arg), share));
    });
  }

  const result = new Map<string, Expr>();
  for (const node of nodes) {
    if (node.kind !== "name" && node.kind !== "element") continue;
    const adjoint = adjoints.get(node);
    result.set(print(node), adjoint === undefined ? constant(0) : simplify(whole(adjoint)));
  }
  return result;
}

/**
 * An adjoint: `value` where the condition holds, 0 elsewhere. The condition is kept apart until the end, since what is
 * multiplied by 0 may be infinite or NaN: in `x > 0 ? sqrt(x) : 0` nothing must come back from the root of a negative x.
 */
interface Adjoint {
  readonly value: Expr;
  readonly where?: Expr;
}

/** `value` with the conditions around it taken off and joined to `where`. */
function peel(value: Expr, where?: Expr): Adjoint {
  if (value.kind !== "call" || value.fn !== "select") return where === undefined ? { value } : { value, where };
  const [condition, a, b] = value.args;
  const join = (c: Expr) => where === undefined ? c : call("and", where, c);
  if (isZero(b)) return peel(a, join(condition));
  if (isZero(a)) return peel(b, join(call("not", condition)));
  return where === undefined ? { value } : { value, where };
}

function isZero(expr: Expr): boolean {
  return expr.kind === "number" && expr.value === 0;
}

function whole({ value, where }: Adjoint): Expr {
  return where === undefined ? value : call("select", where, value, constant(0));
}

function plus(a: Adjoint | undefined, b: Adjoint): Adjoint {
  if (a === undefined) return b;
  if (a.where === b.where) return { ...a, value: call("add", a.value, b.value) };
  return { value: call("add", whole(a), whole(b)) };
}

/** What a scalar that was repeated for every component of a vector collects from them. */
function collect(contribution: Expr, width: number, infer: ReturnType<typeof inferTypes>): Expr {
  const vector = infer(contribution).length !== undefined;
  return vector ? call("sum", contribution) : call("mul", constant(width), contribution);
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
