import { requireCapable } from "../capability.ts";
import { check, inferTypes, type NodeType } from "../check.ts";
import type { Expr } from "../expr.ts";
import { foldConstant } from "../fold_constant.ts";
import type { FunctionRecord } from "../function_record.ts";
import { recordOf } from "../functions.ts";
import { BLOCK, expansion, isInteger } from "../lower.ts";
import { interner } from "../structure.ts";
import { floatLanes } from "./float_lanes.ts";
import type { Section } from "./function_builder.ts";
import { integerLanes } from "./integer_lanes.ts";
import type { FloatLanes, IntegerLanes, V } from "./lanes.ts";
import { i32 } from "./scalar.ts";
import type { Value } from "./value.ts";
import type { WasmFormula, WasmOptions, WasmTarget } from "./wasm_target.ts";

type Component = Value<"i32"> | number | undefined;

/** A computed subexpression. */
interface Result {
  /** Lanes, or a mask of them. */
  readonly value: V;
  readonly boolean: boolean;
  /** The value, if it is a constant: then the lanes are written only where they are used. */
  readonly constant?: number;
  /** The factors, if it is a product: a sum that adds it can multiply and add at once. */
  readonly factors?: readonly [V, V];
}

/** A place in the code, and for vectors the component that is computed there. */
interface Scope {
  readonly component: Component;
  readonly section: Section;
  readonly values: Map<Expr, Result>;
}

/**
 * A function that turns formulas into SIMD code, as `emitWgsl` does into WGSL: every subexpression is computed once, also
 * those that several formulas share, vector sums are loops. In f32 and f64 all functions of the language exist and agree
 * with the f64 functions about NaN, infinities and zeros; i32 and u32 wrap.
 *
 * The code of a formula's scalars goes to the place where the function is being written when `wasmEmitter` is called.
 *
 * @throws {FormulaError} where a formula does not fit the signature or the scalar type cannot compute it.
 */
export function wasmEmitter(target: WasmTarget, options: WasmOptions): (expr: Expr) => WasmFormula {
  const { fn, scalar, signature, hoist, flush } = options;
  const intern = interner(expansion(scalar));
  const infer = inferTypes(signature);
  const integer = isInteger(scalar);
  const lanes = integer ? integerLanes(fn, scalar as "i32" | "u32") : floatLanes(fn, scalar as "f32" | "f64", flush);
  const scope = (section: Section, component?: Component): Scope => ({ component, section, values: new Map() });
  const top = scope(fn.section());
  const outer = hoist && scope(hoist.section);
  const fixed = new Map<number, Scope>();
  const outerFixed = new Map<number, Scope>();
  const invariants = new Map<Expr, boolean>();

  return (expr) => {
    check(expr, signature);
    if (integer) requireCapable(expr, scalar);
    const root = intern(expr).expr;
    const { length, boolean } = infer(root);
    const value = (component?: Component): Result => {
      if (length === undefined) return evaluate(root, top);
      if (component === undefined) {
        throw new TypeError(`Component of a formula of vectors of length ${length} is missing`);
      }
      return evaluate(
        root,
        typeof component === "number" ? fixedScope(component, top) : scope(fn.section(), component),
      );
    };
    return {
      boolean,
      length,
      value: (component) => value(component).value,
      number: (component) => number(value(component)).value,
      addTo: (total, component) => {
        const added = number(value(component));
        if (added.factors === undefined) return lanes.add(total, added.value);
        return (lanes as FloatLanes).madd(...added.factors, total);
      },
    };
  };

  /** The scope of component `k`, shared by all that read this component. */
  function fixedScope(k: number, parent: Scope): Scope {
    const scopes = parent === outer ? outerFixed : fixed;
    let found = scopes.get(k);
    if (found === undefined) {
      found = scope(parent.section, k);
      scopes.set(k, found);
    }
    return found;
  }

  /** Whether a node has the same value in every turn of the loop that `hoist` is outside of. */
  function invariant(node: Expr): boolean {
    let known = invariants.get(node);
    if (known === undefined) {
      known = node.kind === "number" ||
        (node.kind === "call"
          ? node.args.every(invariant)
          : hoist!.leaves.has(node.kind === "name" ? node.name : `${node.name}[${node.index}]`));
      invariants.set(node, known);
    }
    return known;
  }

  /** Where a scalar, or a known component of a vector, is computed. */
  function place(node: Expr, type: NodeType, where: Scope): Scope {
    const base = outer !== undefined && invariant(node) ? outer : top;
    if (type.length === undefined) return base;
    return base === outer && typeof where.component === "number" ? fixedScope(where.component, outer) : where;
  }

  function evaluate(node: Expr, where: Scope): Result {
    const type = infer(node);
    const here = place(node, type, where);
    let result = here.values.get(node);
    if (result === undefined) {
      result = compute(node, type, here);
      here.values.set(node, result);
    }
    return result;
  }

  function compute(node: Expr, type: NodeType, where: Scope): Result {
    switch (node.kind) {
      case "number":
        return literal(node.value);
      case "name":
        return write(where, () => target.name(node.name));
      case "element": {
        const { name, index, component } = node;
        if (component !== undefined) {
          // The same component as part of a vector that is written out: read once.
          return evaluate(intern({ kind: "element", name, index }).expr, fixedScope(component, where));
        }
        return write(where, () => target.element(name, index, type.length === undefined ? undefined : where.component));
      }
      case "call": {
        const record = recordOf(node.fn);
        if (record.folds) return fold(record, node.args, where);
        const args = node.args.map((arg) => evaluate(arg, where));
        const constants = args.map((arg) => arg.constant);
        if (constants.every((value) => value !== undefined)) return literal(foldConstant(record, constants, scalar));
        return apply(record, args, where);
      }
    }
  }

  function write({ section }: Scope, code: () => V, boolean = false): Result {
    return { value: fn.within(section, () => fn.let(code())), boolean };
  }

  function literal(value: number | boolean): Result {
    const boolean = typeof value === "boolean";
    return {
      boolean,
      constant: Number(value),
      get value() {
        return boolean ? integerLanes(fn, "i32").constant(value ? -1 : 0) : lanes.constant(value);
      },
    };
  }

  function apply(record: FunctionRecord, args: readonly Result[], where: Scope): Result {
    const converted = args.map((arg, i) => {
      const condition = record.conditions === "all" || (record.conditions === "first" && i === 0);
      return condition ? mask(arg, where) : number(arg, where);
    });
    const values = () => converted.map((arg) => arg.value);
    const result = write(where, () => {
      if (integer) return record.integer!.wasm(lanes as IntegerLanes, ...values());
      return record.wasm!(lanes as FloatLanes, ...values());
    }, record.boolean);
    if (integer || record.name !== "mul") return result;
    const [a, b] = values();
    return { ...result, factors: [a, b] };
  }

  /** Combines two parts of a fold. The engine leaves out a product that nothing else uses. */
  function join(combine: FunctionRecord, a: Result, b: Result, where: Scope): Result {
    const [other, product] = b.factors === undefined ? [b, a] : [a, b];
    if (combine.name !== "add" || product.factors === undefined) return apply(combine, [a, b], where);
    const [x, y] = product.factors;
    return write(where, () => (lanes as FloatLanes).madd(x, y, other.value));
  }

  function number(arg: Result, where?: Scope): Result {
    if (!arg.boolean) return arg;
    if (arg.constant !== undefined) return literal(arg.constant);
    const code = () => lanes.toNumber(arg.value);
    return where === undefined ? { value: code(), boolean: false } : write(where, code);
  }

  function mask(arg: Result, where: Scope): Result {
    if (arg.boolean) return arg;
    if (arg.constant !== undefined) return literal(arg.constant !== 0);
    return write(where, () => lanes.ne(arg.value, lanes.constant(0)), true);
  }

  function fold(record: FunctionRecord, args: readonly Expr[], where: Scope): Result {
    const { by, term: plainTerm, integerTerm } = record.fold!;
    const term = intern((integer && integerTerm || plainTerm)(...args)).expr;
    const { length } = infer(term);
    const combine = recordOf(by);
    if (length === undefined) return number(evaluate(term, where), where);
    if (length === 0) return literal(0);
    const whole = length >= 2 * BLOCK ? length - length % BLOCK : 0;
    const rest = () =>
      Array.from({ length: length - whole }, (_, k) => number(evaluate(term, fixedScope(whole + k, where)), where));
    if (whole === 0) return tree(combine, rest(), where);
    const total = sumOfBlocks(combine, term, whole, where);
    return length === whole ? total : tree(combine, [total, ...rest()], where);
  }

  /** The sum over the components before `whole`, four in a turn. */
  function sumOfBlocks(combine: FunctionRecord, term: Expr, whole: number, where: Scope): Result {
    const start = fn.within(where.section, () => fn.section());
    const total = fn.within(start, () => fn.variable(lanes.constant(0)));
    fn.within(where.section, () => {
      fn.for(i32.const(0), i32.const(whole), BLOCK, (counter) => {
        const section = fn.section();
        const terms = Array.from({ length: BLOCK }, (_, k) => {
          const component = k === 0 ? counter : fn.within(section, () => fn.let(i32.add(counter, i32.const(k))));
          const inner = scope(section, component);
          return number(evaluate(term, inner), inner);
        });
        const inner = scope(section);
        const block = tree(combine, terms, inner);
        fn.set(total, join(combine, { value: total, boolean: false }, block, inner).value);
      });
    });
    return { value: total, boolean: false };
  }

  /** Combines values in pairs, which is shorter and loses less than one after the other. */
  function tree(combine: FunctionRecord, values: readonly Result[], where: Scope): Result {
    if (values.length === 1) return values[0];
    const half = values.length + 1 >> 1;
    const [a, b] = [values.slice(0, half), values.slice(half)].map((part) => tree(combine, part, where));
    return join(combine, a, b, where);
  }
}

/** One formula as SIMD code; see `wasmEmitter`. */
export function emitWasm(expr: Expr, target: WasmTarget, options: WasmOptions): WasmFormula {
  return wasmEmitter(target, options)(expr);
}
