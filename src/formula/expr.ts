/**
 * A formula as a tree. Operators are calls too (`a + b` is `call("add", a, b)`), so every walk has four cases.
 *
 * `at` is the offset of the node in the text it was parsed from; it takes no part in equality.
 */
export type Expr = NumberExpr | NameExpr | ElementExpr | CallExpr;

/** A constant. `pi`, `inf` and `nan` are numbers once parsed. */
export interface NumberExpr {
  /** Tells the kinds of node apart. */
  readonly kind: "number";
  /** The constant. */
  readonly value: number;
  /** Where it was parsed from: an offset in the text. */
  readonly at?: number;
}

/** A plain input: the operand of an elementwise formula, or a scalar parameter. */
export interface NameExpr {
  /** Tells the kinds of node apart. */
  readonly kind: "name";
  /** The input. */
  readonly name: string;
  /** Where it was parsed from: an offset in the text. */
  readonly at?: number;
}

/** The index of a row in a pairwise reduction: `i` is the outer one, `j` the one reduced over. */
export type Index = "i" | "j";

/** A row of an indexed input, `x[i]`, or one component of it, `x[i, 0]`. */
export interface ElementExpr {
  /** Tells the kinds of node apart. */
  readonly kind: "element";
  /** The input. */
  readonly name: string;
  /** Which index picks the row. */
  readonly index: Index;
  /** The component of a vector row, from 0; undefined for the whole row. */
  readonly component?: number;
  /** Where it was parsed from: an offset in the text. */
  readonly at?: number;
}

/** A function or operator applied to arguments. `fn` is the name of a record of the function table. */
export interface CallExpr {
  /** Tells the kinds of node apart. */
  readonly kind: "call";
  /** The name of the function or operator: `exp`, `add`, `select`, … */
  readonly fn: string;
  /** The arguments. */
  readonly args: readonly Expr[];
  /** Where it was parsed from: an offset in the text. */
  readonly at?: number;
}

/** The constant `value`. */
export function constant(value: number): Expr {
  return { kind: "number", value };
}

/** The plain input called `name`. */
export function name(name: string): Expr {
  return { kind: "name", name };
}

/** The row `name[index]`, or its component `name[index, component]`. */
export function element(name: string, index: Index, component?: number): Expr {
  return component === undefined ? { kind: "element", name, index } : { kind: "element", name, index, component };
}

/** `fn` applied to `args`; operators have the names `add`, `sub`, `mul`, `div`, `neg`, `pow`, `lt`, `select`, … */
export function call(fn: string, ...args: Expr[]): Expr {
  return { kind: "call", fn, args };
}
