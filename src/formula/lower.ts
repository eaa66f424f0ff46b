import { inferTypes, type NodeType } from "./check.ts";
import { constant, type Expr } from "./expr.ts";
import type { EmitOptions, Emitted, Scalar, Target } from "./emitted.ts";
import { foldConstant } from "./fold_constant.ts";
import type { FunctionRecord, Operand } from "./function_record.ts";
import { recordOf } from "./functions.ts";
import { interner } from "./structure.ts";

/** The language that a formula is lowered to. */
export interface Dialect {
  /** A literal of the scalar type. */
  literal(value: number): string;
  /** An unsigned integer that counts components. */
  counter(value: number): string;
  /** A statement that names a value. */
  declare(name: string, value: string): string;
  /** A statement that names a value that changes. */
  variable(name: string, value: string): string;
  /** One operation on atoms. */
  apply(record: FunctionRecord, args: readonly Operand[]): string;
  /** A boolean as 0 or 1. */
  toNumber(text: string): string;
  /** Whether a number is not 0; NaN is not. */
  toBoolean(text: string): string;
}

/** A place where the components of vectors are read: each vector there is a scalar, that component of it. */
interface Scope {
  readonly component: string | undefined;
  readonly lines: string[];
  readonly values: Map<Expr, Operand>;
}

/** Vector sums are loops over blocks of so many components; shorter than two blocks they are written out. */
export const BLOCK = 4;

/** The formula that is emitted in place of a call, if another one is. */
export function expansion(scalar: Scalar): (expr: Expr) => Expr | undefined {
  const integer = isInteger(scalar);
  return (expr) => {
    if (expr.kind !== "call") return undefined;
    const record = recordOf(expr.fn);
    return (integer ? record.expandInteger?.(...expr.args) : undefined) ?? record.expand?.(...expr.args);
  };
}

/** Whether a scalar type is a 32-bit integer. */
export function isInteger(scalar: Scalar): boolean {
  return scalar === "i32" || scalar === "u32";
}

/**
 * Turns a formula into statements on scalars, for any dialect. Every subexpression, leaves included, is computed once
 * in each scope that needs it: scalars at the top, vectors for each component that is read.
 */
export function lower(expr: Expr, target: Target, options: EmitOptions, dialect: Dialect): Omit<Emitted, "helpers"> {
  const { signature, scalar, prefix = "t", component } = options;
  const intern = interner(expansion(scalar));
  const infer = inferTypes(signature);
  const root = intern(expr).expr;
  const type = infer(root);
  if (type.length !== undefined && component === undefined) {
    throw new TypeError(`Cannot emit a formula of vectors of length ${type.length} without a component variable`);
  }
  let count = 0;
  const fresh = () => `${prefix}${count++}`;
  const top: Scope = { component: undefined, lines: [], values: new Map() };
  const fixed = new Map<number, Scope>();
  const body: Scope = { component, lines: [], values: new Map() };

  const value = evaluate(root, body);
  return { prelude: top.lines, body: body.lines, value: value.text, boolean: value.boolean };

  /** The scope of component `k`; it belongs to the top, so it is shared by all that read this component. */
  function fixedScope(k: number): Scope {
    let scope = fixed.get(k);
    if (scope === undefined) {
      scope = { component: dialect.counter(k), lines: top.lines, values: new Map() };
      fixed.set(k, scope);
    }
    return scope;
  }

  /** The value of a node in a scope: scalars are computed at the top whatever the scope. */
  function evaluate(node: Expr, scope: Scope): Operand {
    const type = infer(node);
    if (type.length === undefined) scope = top;
    let value = scope.values.get(node);
    if (value === undefined) {
      value = compute(node, type, scope);
      scope.values.set(node, value);
    }
    return value;
  }

  function compute(node: Expr, type: NodeType, scope: Scope): Operand {
    switch (node.kind) {
      case "number":
        return literal(node.value);
      case "name":
        return named(target.name(node.name), false, scope);
      case "element":
        return readElement(node, type, scope);
      case "call": {
        const record = recordOf(node.fn);
        if (record.folds) return fold(record, node.args);
        const args = node.args.map((arg) => evaluate(arg, scope));
        const values = args.map((arg) => arg.constant);
        if (values.every((value) => value !== undefined)) return literal(foldConstant(record, values, scalar));
        return apply(record, args, scope);
      }
    }
  }

  function literal(value: number | boolean): Operand {
    if (typeof value === "boolean") return { text: String(value), boolean: true, constant: Number(value) };
    return { text: dialect.literal(value), boolean: false, constant: value };
  }

  function readElement(node: Extract<Expr, { kind: "element" }>, type: NodeType, scope: Scope): Operand {
    const { name, index, component } = node;
    if (component !== undefined) {
      // The same component as part of a vector that is written out: read once.
      const vector = intern({ kind: "element", name, index }).expr;
      return evaluate(vector, fixedScope(component));
    }
    return named(target.element(name, index, type.length === undefined ? undefined : scope.component), false, scope);
  }

  function named(text: string, boolean: boolean, scope: Scope): Operand {
    const name = fresh();
    scope.lines.push(dialect.declare(name, text));
    return { text: name, boolean };
  }

  function apply(record: FunctionRecord, args: readonly Operand[], scope: Scope): Operand {
    const logical = args.map((_, i) => record.conditions === "all" || (record.conditions === "first" && i === 0));
    const converted = args.map((arg, i) => {
      if (arg.boolean === logical[i]) return arg;
      if (arg.constant !== undefined) return literal(logical[i] ? arg.constant !== 0 : arg.constant);
      return named((logical[i] ? dialect.toBoolean : dialect.toNumber)(arg.text), logical[i], scope);
    });
    return named(dialect.apply(record, converted), record.boolean ?? false, scope);
  }

  function fold(record: FunctionRecord, args: readonly Expr[]): Operand {
    const { by, term: plainTerm, integerTerm } = record.fold!;
    const term = intern((isInteger(scalar) && integerTerm || plainTerm)(...args)).expr;
    const { length } = infer(term);
    const combine = recordOf(by);
    if (length === undefined) return number(evaluate(term, top), top);
    if (length === 0) return evaluate(intern(constant(0)).expr, top);
    const whole = length >= 2 * BLOCK ? length - length % BLOCK : 0;
    const rest = Array.from(
      { length: length - whole },
      (_, k) => () => number(evaluate(term, fixedScope(whole + k)), top),
    );
    if (whole === 0) return tree(combine, rest.map((value) => value()), top);

    const total = fresh();
    const counter = fresh();
    const loop: string[] = [];
    const terms = Array.from({ length: BLOCK }, (_, k) => {
      const component = k === 0 ? counter : fresh();
      if (k > 0) loop.push(dialect.declare(component, `${counter} + ${dialect.counter(k)}`));
      const scope: Scope = { component, lines: loop, values: new Map() };
      return number(evaluate(term, scope), scope);
    });
    const inner: Scope = { component: undefined, lines: loop, values: new Map() };
    const block = apply(combine, [{ text: total, boolean: false }, tree(combine, terms, inner)], inner);
    // What the terms share with the rest of the formula has been computed at the top by now, before the loop.
    top.lines.push(
      dialect.variable(total, dialect.literal(0)),
      `for (${dialect.variable(counter, dialect.counter(0))} ${counter} < ${dialect.counter(whole)}; ${counter} += ${
        dialect.counter(BLOCK)
      }) {`,
      ...loop.map((line) => `  ${line}`),
      `  ${total} = ${block.text};`,
      "}",
    );
    if (rest.length === 0) return { text: total, boolean: false };
    return tree(combine, [{ text: total, boolean: false }, ...rest.map((value) => value())], top);
  }

  function number(value: Operand, scope: Scope): Operand {
    if (!value.boolean) return value;
    return value.constant === undefined ? named(dialect.toNumber(value.text), false, scope) : literal(value.constant);
  }

  /** Combines values in pairs, which is shorter and loses less than one after the other. */
  function tree(combine: FunctionRecord, values: readonly Operand[], scope: Scope): Operand {
    if (values.length === 1) return values[0];
    const half = values.length + 1 >> 1;
    const [a, b] = [values.slice(0, half), values.slice(half)].map((part) => tree(combine, part, scope));
    return apply(combine, [a, b], scope);
  }
}
