import type { IterationNode, NonterminalNode } from "ohm-js";
import { call, type Expr, type Index } from "./expr.ts";
import { FormulaError } from "./formula_error.ts";
import { callable, constants, functions } from "./functions.ts";
import { grammar } from "./grammar.ts";
import { nearest } from "./nearest.ts";
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
    return semantics(match).tree();
  } catch (error) {
    // The parser is recursive, so the engine's stack is the limit of nesting.
    if (error instanceof RangeError) throw new FormulaError("Formula is nested too deeply", text, 0);
    throw error;
  }
}

type Node = NonterminalNode;

function fail(what: string, node: { readonly source: Node["source"] }): never {
  throw new FormulaError(what, node.source.sourceString, node.source.startIdx);
}

const infix = new Map<string, string>();
const prefix = new Map<string, string>();
for (const { name, form } of functions.values()) {
  if (form.kind === "infix") infix.set(form.symbol, name);
  if (form.kind === "prefix") prefix.set(form.symbol, name);
}

function binary(a: Node, operator: Node, b: Node): Expr {
  const fn = infix.get(operator.sourceString)!;
  return { ...call(fn, a.tree(), b.tree()), at: operator.source.startIdx };
}

/** The name of an input: anything but the name of a function or a constant. */
function inputName(id: Node): string {
  const text = id.sourceString;
  if (constants.has(text)) fail(`"${text}" is a constant and has no rows`, id);
  if (callable.has(text)) fail(`"${text}" is a function: call it as ${text}(…), or give the input another name`, id);
  return text;
}

const semantics = grammar.createSemantics().addOperation<Expr>("tree", {
  Choice_select: (c: Node, mark: Node, a: Node, _: Node, b: Node) => ({
    ...call("select", c.tree(), a.tree(), b.tree()),
    at: mark.source.startIdx,
  }),
  Or_binary: binary,
  And_binary: binary,
  Compare_binary: binary,
  Sum_binary: binary,
  Product_binary: binary,
  Power_binary: binary,
  Unary_prefix(symbol: Node, operand: Node) {
    const at = symbol.source.startIdx;
    const x: Expr = operand.tree();
    // A minus before a bare literal belongs to it, so that negative constants print and parse as themselves.
    const bare = x.kind === "number" && x.value >= 0 && x.at === operand.source.startIdx;
    if (symbol.sourceString === "-" && bare) return { kind: "number", value: -x.value, at };
    return { ...call(prefix.get(symbol.sourceString)!, x), at };
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
