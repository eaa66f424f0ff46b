import type { IterationNode, NonterminalNode } from "ohm-js";
import { call, type Expr, type Index } from "./expr.ts";
import { FormulaError, tooDeep } from "./formula_error.ts";
import { callable, constants } from "./functions.ts";
import { grammar } from "./grammar.ts";
import { nearest } from "./nearest.ts";
import { type Link, nest } from "./nest_operators.ts";
import { depth, MAX_DEPTH } from "./structure.ts";
import { syntaxError } from "./syntax_error.ts";

const parsed = new Map<string, Expr>();
const sources = new WeakMap<Expr, string>();
const CACHE_SIZE = 1000;

/**
 * The tree of a formula's text. Trees are kept, so parsing the same text again costs nothing.
 *
 * @throws {FormulaError} where the text is not a formula, names an unknown function or gives it a wrong number of
 * arguments.
 *
 * @example
 * ```ts
 * import { parse, print } from "denovo/formula/mod.ts";
 *
 * print(parse("exp(-(x^2) / (2*s^2))")); // "exp(-x ^ 2 / (2 * s ^ 2))"
 * ```
 */
export function parse(text: string): Expr {
  if (typeof text !== "string") throw new TypeError(`Cannot parse a formula of type ${typeof text}: expected a string`);
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const expr = read(text);
  if (parsed.size >= CACHE_SIZE) parsed.clear();
  parsed.set(text, expr);
  sources.set(expr, text);
  return expr;
}

/** The text that a tree was parsed from, if it is the root of a parsed one. */
export function sourceOf(expr: Expr): string | undefined {
  return sources.get(expr);
}

function read(text: string): Expr {
  if (text.trim() === "") throw new FormulaError("Formula is empty", text, 0);
  try {
    const match = grammar.match(text);
    if (match.failed()) throw syntaxError(text, match);
    const expr: Expr = semantics(match).tree();
    if (depth(expr) > MAX_DEPTH) throw tooDeep(text);
    return expr;
  } catch (error) {
    // The parser needs more of the stack than the walks: it may not come as far.
    throw error instanceof RangeError ? tooDeep(text) : error;
  }
}

type Node = NonterminalNode;
type OhmNode = IterationNode["children"][number];

function fail(what: string, node: { readonly source: Node["source"] }): never {
  throw new FormulaError(what, node.source.sourceString, node.source.startIdx);
}

/** The name of an input: anything but the name of a function or a constant. */
function inputName(id: Node): string {
  const text = id.sourceString;
  if (constants.has(text)) fail(`"${text}" is a constant and has no rows`, id);
  if (callable.has(text)) fail(`"${text}" is a function: call it as ${text}(…), or give the input another name`, id);
  return text;
}

function symbolOf(node: { readonly sourceString: string; readonly source: Node["source"] }): Link {
  return { symbol: node.sourceString, at: node.source.startIdx };
}

/** The signs before an operand, and the operand. */
function operandOf(operand: OhmNode): Link[] {
  const [signs, primary] = operand.children;
  return [...signs.children.map(symbolOf), { expr: primary.tree(), at: primary.source.startIdx }];
}

const semantics = grammar.createSemantics().addOperation<Expr>("tree", {
  Choice(condition: Node, mark: IterationNode, a: IterationNode, _: IterationNode, b: IterationNode) {
    if (mark.numChildren === 0) return condition.tree();
    const args = [condition, a.child(0), b.child(0)].map((node) => node.tree() as Expr);
    return { ...call("select", ...args), at: mark.child(0).source.startIdx };
  },
  Chain(first: Node, operators: IterationNode, rest: IterationNode) {
    const links = operators.children.flatMap((operator, k) => [symbolOf(operator), ...operandOf(rest.child(k))]);
    return nest([...operandOf(first), ...links], first.source.sourceString);
  },
  Primary_parentheses: (_: Node, inner: Node, __: Node) => inner.tree(),
  Primary_call(fn: Node, _: Node, list: Node, __: Node) {
    const text = fn.sourceString;
    const record = callable.get(text);
    if (record === undefined) {
      const hint = nearest(text, callable.keys());
      fail(`Unknown function "${text}"${hint === undefined ? "" : `, did you mean "${hint}"?`}`, fn);
    }
    const args: Expr[] = list.asIteration().children.map((a) => a.tree());
    const [least, most] = record.arity;
    if (args.length < least || args.length > most) {
      const wanted = most === least ? `${least}` : `at least ${least}`;
      fail(`Expected ${wanted} argument${least === 1 ? "" : "s"} for "${text}", got ${args.length}`, fn);
    }
    return { ...call(record.name, ...args), at: fn.source.startIdx };
  },
  Primary_element(id: Node, _: Node, index: Node, __: IterationNode, component: IterationNode, ___: Node) {
    const row = {
      kind: "element" as const,
      name: inputName(id),
      index: index.sourceString as Index,
      at: id.source.startIdx,
    };
    if (component.numChildren === 0) return row;
    const digits = component.child(0);
    const value = Number(digits.sourceString);
    if (!Number.isSafeInteger(value)) fail(`Component ${digits.sourceString} is too large`, digits);
    return { ...row, component: value };
  },
  Primary_name(id: Node) {
    const value = constants.get(id.sourceString);
    const at = id.source.startIdx;
    return value === undefined ? { kind: "name", name: inputName(id), at } : { kind: "number", value, at };
  },
  number(_: Node, __: IterationNode) {
    return { kind: "number", value: Number(this.sourceString), at: this.source.startIdx };
  },
});
