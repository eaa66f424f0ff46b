import type { Expr } from "./expr.ts";
import { FormulaError, tooDeep } from "./formula_error.ts";
import { recordOf } from "./functions.ts";
import { nearest } from "./nearest.ts";
import { parse, sourceOf } from "./parse.ts";
import { print } from "./print.ts";
import { depth, MAX_DEPTH } from "./structure.ts";
import type { Signature } from "./signature.ts";

/** What a formula gives. */
export interface FormulaType {
  /** One number, or one for each component of its vector inputs. */
  readonly kind: "scalar" | "vector";
  /** The number of components of a vector. */
  readonly length?: number;
  /** Whether the values are truth values. */
  readonly boolean: boolean;
}

/**
 * Checks a formula against its inputs and tells what it gives.
 *
 * @param text The text of the formula, for error messages; by default the text it was parsed from.
 * @throws {FormulaError} for a name that is not in the signature, an input used with an index where it has none (or the
 * other way round), a component out of range, vectors of different length in one operation, and more than 1000 levels of
 * nesting.
 */
export function check(expr: Expr, signature: Signature, text?: string): FormulaType {
  const source = text ?? sourceOf(expr);
  if (depth(expr) > MAX_DEPTH) throw tooDeep(source ?? "");
  try {
    const { length, boolean } = inferTypes(signature)(expr);
    return length === undefined ? { kind: "scalar", boolean } : { kind: "vector", length, boolean };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    if (source !== undefined) throw new FormulaError(error.message, source, error.node.at ?? 0);
    // The tree was built, not parsed: print it and read it back, so that its nodes have places.
    const printed = print(expr);
    check(parse(printed), signature, printed);
    throw new FormulaError(error.message, printed, 0);
  }
}

/** The type of a node: `length` of a vector, undefined for a scalar. */
export interface NodeType {
  readonly length: number | undefined;
  readonly boolean: boolean;
}

/** A formula that does not fit its signature, at a node. */
class Misfit extends TypeError {
  readonly node: Expr;
  constructor(message: string, node: Expr) {
    super(message);
    this.node = node;
  }
}

/** A function that gives the types of expressions over a signature and remembers them. Throws a `TypeError`. */
export function inferTypes(signature: Signature): (expr: Expr) => NodeType {
  const types = new Map<Expr, NodeType>();
  return function infer(expr: Expr): NodeType {
    let type = types.get(expr);
    if (type === undefined) {
      type = typeOf(expr, signature, infer);
      types.set(expr, type);
    }
    return type;
  };
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SCALAR: NodeType = { length: undefined, boolean: false };

function typeOf(expr: Expr, signature: Signature, infer: (expr: Expr) => NodeType): NodeType {
  if (expr.kind === "number") return SCALAR;
  if (expr.kind !== "call") return leafType(expr, signature);
  const record = recordOf(expr.fn);
  const [least, most] = record.arity;
  if (expr.args.length < least || expr.args.length > most) {
    throw new Misfit(`Cannot apply "${expr.fn}" to ${expr.args.length} arguments`, expr);
  }
  let length: number | undefined;
  for (const arg of expr.args) {
    const type = infer(arg);
    if (type.length === undefined) continue;
    if (length !== undefined && length !== type.length) {
      const what = record.form.kind === "infix" ? record.form.symbol : record.alias ?? record.name;
      throw new Misfit(`Cannot apply "${what}" to vectors of length ${length} and ${type.length}`, expr);
    }
    length = type.length;
  }
  const folded = record.folds === true;
  return { length: folded ? undefined : length, boolean: record.boolean ?? false };
}

function leafType(leaf: Extract<Expr, { kind: "name" | "element" }>, signature: Signature): NodeType {
  const { name } = leaf;
  if (!IDENTIFIER.test(name)) throw new Misfit(`Name ${JSON.stringify(name)} is not an identifier`, leaf);
  if (!Object.hasOwn(signature, name)) {
    const hint = nearest(name, Object.keys(signature));
    throw new Misfit(`Unknown name "${name}"${hint === undefined ? "" : `, did you mean "${hint}"?`}`, leaf);
  }
  const slot = signature[name];
  if (leaf.kind === "name") {
    if (slot.kind === "row") throw new Misfit(`Input "${name}" has rows: write ${name}[i] or ${name}[j]`, leaf);
    return SCALAR;
  }
  if (slot.kind === "plain") {
    throw new Misfit(`Input "${name}" has no rows: write ${name} without an index`, leaf);
  }
  if (leaf.component === undefined) return { length: slot.length, boolean: false };
  if (slot.length === undefined) {
    throw new Misfit(`Input "${name}" has one number per row: write ${name}[${leaf.index}] without a component`, leaf);
  }
  if (leaf.component >= slot.length) {
    const range = slot.length === 0 ? "it has none" : `expected 0 to ${slot.length - 1}`;
    throw new Misfit(`Component ${leaf.component} of "${name}" is out of range: ${range}`, leaf);
  }
  return SCALAR;
}
