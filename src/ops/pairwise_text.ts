import { emitWgsl, type Expr, key, leaves, type Signature } from "../formula/mod.ts";
import type { KernelCall } from "./define.ts";
import { whole } from "./float_text.ts";
import { loadAs } from "./formulas.ts";
import type { Uniform } from "./kernel.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { type PairLayout, pairLayout } from "./pairwise_layout.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";

/** One number of a row that a formula reads: a scalar row, or a component of a vector that is written out. */
export interface PairLeaf {
  readonly name: string;
  readonly index: "i" | "j";
  readonly component: number | undefined;
}

/** What all pairwise kernels share: bindings, uniforms, and the formulas as WGSL functions. */
export interface PairText {
  readonly layout: PairLayout;
  readonly read: Record<string, Value>;
  readonly uniforms: Record<string, Uniform>;
  /** Identifies formulas, inputs and lengths. */
  readonly key: string;
  /** True if every row that the formulas read is short enough to be held in registers. */
  readonly short: boolean;
  /** Numbers of rows i that are worth loading before the loop over j. */
  readonly outer: readonly PairLeaf[];
  /** Numbers of rows j; only meaningful if `short`. */
  readonly inner: readonly PairLeaf[];
  /** Iterations of inner loops per pair, for kernels that must bound them. */
  readonly iterations: number;
  /** WGSL that reads a number of row `row` (the text of an expression) from memory. */
  readonly load: (leaf: PairLeaf, row: string) => string;
  /** A function of `i`, `j`, the outer and, if `held` (rows j in registers), the inner numbers. */
  readonly declare: (fn: string, expr: Expr, held: boolean, helpers: Map<string, string>) => string;
  /** A function for component `k` of a vector formula, with the same arguments and `k` first. */
  readonly declareComponent: (fn: string, expr: Expr, held: boolean, helpers: Map<string, string>) => string;
}

/** Vectors shorter than this are written out component by component by the emitter. */
const LONG = 8;

/** What is left of a call's formula when a kernel computes parts of it otherwise. */
export interface PairRest {
  /** The formula. */
  readonly expr: Expr;
  /** Names of numbers that are arguments of the pair functions, after the indices. */
  readonly given: readonly string[];
  /** Further inputs with one number per row. */
  readonly rows: Readonly<Record<string, Value>>;
}

/** Prepares the text of a call, or of the rest of it. */
export function pairText(call: KernelCall<PairwiseParams>, rest?: PairRest): PairText {
  const layout = pairLayout(typesOf(call.inputs), call.params), { scalar } = layout;
  const exprs = rest ? [rest.expr] : [layout.expr, ...(layout.value ? [layout.value] : [])];
  const inputs = { ...call.inputs, ...rest?.rows }, given = rest?.given ?? [];
  const signature: Record<string, Signature[string]> = Object.assign(Object.create(null), layout.signature);
  for (const name of given) signature[name] = { kind: "plain" };
  for (const name of Object.keys(rest?.rows ?? {})) signature[name] = { kind: "row" };
  const found = exprs.map(leaves);
  const used = [...new Set(found.flatMap((f) => [...f.names, ...f.elements.map((e) => e.name)]))].sort();
  const arrays: { name: string; value: Value }[] = [], numbers: { name: string; value: number }[] = [];
  for (const name of used) {
    if (given.includes(name)) continue;
    const input = inputs[name];
    if (typeof input === "number") numbers.push({ name, value: input });
    else arrays.push({ name, value: call.dense(input) });
  }
  const uniforms: Record<string, Uniform> = {};
  arrays.forEach(({ value }, k) => uniforms[`o${k}`] = value.offset);
  numbers.forEach(({ value }, k) => uniforms[`c${k}`] = { [scalar]: value } as unknown as Uniform);
  const width = (name: string) => arrays.find((a) => a.name === name)!.value.shape[1] as number | undefined;
  const short = used.every((name) => {
    const input = inputs[name];
    return given.includes(name) || typeof input === "number" || input.shape.length < 2 || input.shape[1] < LONG;
  });
  const numbersOf = (index: "i" | "j"): PairLeaf[] => {
    const names = [...new Set(found.flatMap((f) => f.elements.filter((e) => e.index === index).map((e) => e.name)))]
      .sort();
    return names.flatMap((name): PairLeaf[] => {
      const d = width(name);
      if (d === undefined) return [{ name, index, component: undefined }];
      return d < LONG ? Array.from({ length: d }, (_, component) => ({ name, index, component })) : [];
    });
  };
  const outer = numbersOf("i"), inner = numbersOf("j");
  const load = (leaf: { name: string }, row: string, component?: string) => {
    const k = arrays.findIndex((a) => a.name === leaf.name), d = width(leaf.name), { dtype } = arrays[k].value;
    const at = d === undefined ? row : `${row} * ${d}u + ${component ?? "0u"}`;
    return loadAs(scalar, dtype, `x${k}[p.o${k} + ${at}]`);
  };
  const register = (list: readonly PairLeaf[], prefix: string, name: string, component: string | undefined) => {
    const c = component === undefined ? undefined : /^(\d+)u$/.test(component) ? parseInt(component) : NaN;
    const k = list.findIndex((l) => l.name === name && l.component === c);
    return k < 0 ? undefined : `${prefix}${k}`;
  };
  const emit = (expr: Expr, held: boolean, component?: string) =>
    emitWgsl(expr, {
      name: (name) => {
        if (given.includes(name)) return name;
        const c = numbers.findIndex((q) => q.name === name);
        if (c >= 0) return `p.c${c}`;
        const k = arrays.findIndex((a) => a.name === name);
        return loadAs(scalar, arrays[k].value.dtype, `x${k}[p.o${k}]`);
      },
      element: (name, index, component) => {
        const list = index === "i" ? outer : held ? inner : [];
        return register(list, index === "i" ? "r" : "q", name, component) ?? load({ name }, index, component);
      },
    }, { scalar, signature, component });
  const parameters = (held: boolean) =>
    [
      "i: u32",
      "j: u32",
      ...given.map((name) => `${name}: ${scalar}`),
      ...outer.map((_, k) => `r${k}: ${scalar}`),
      ...(held ? inner.map((_, k) => `q${k}: ${scalar}`) : []),
    ]
      .join(", ");
  const text = (
    fn: string,
    first: string,
    expr: Expr,
    held: boolean,
    helpers: Map<string, string>,
    component?: string,
  ) => {
    const emitted = emit(expr, held, component);
    emitted.helpers.forEach((body, name) => helpers.set(name, body));
    const value = emitted.boolean
      ? `select(${whole(scalar, 0)}, ${whole(scalar, 1)}, ${emitted.value})`
      : emitted.value;
    return [
      `fn ${fn}(${first}${parameters(held)}) -> ${scalar} {`,
      ...[...emitted.prelude, ...emitted.body].map((l) => `  ${l}`),
      `  return ${value};`,
      "}",
    ].join("\n");
  };
  return {
    layout,
    read: Object.fromEntries(arrays.map(({ value }, k) => [`x${k}`, value])),
    uniforms,
    key: `${scalar}|${exprs.map(key).join(";")}|${arrays.map((a) => `${a.name}${width(a.name) ?? ""}`)}|${
      numbers.map((c) => c.name)
    }`,
    short,
    outer,
    inner,
    iterations: exprs.reduce((sum, e) => sum + foldCount(e), 0) *
      (layout.width >= LONG ? Math.floor(layout.width / 4) : 0),
    load: (leaf, row) => load(leaf, row, leaf.component === undefined ? undefined : `${leaf.component}u`),
    declare: (fn, expr, held, helpers) => text(fn, "", expr, held, helpers),
    declareComponent: (fn, expr, held, helpers) => text(fn, "k: u32, ", expr, held, helpers, "k"),
  };
}

const FOLDS = new Set(["sum", "dot", "sqdist", "dist", "norm", "l1dist", "maxdist"]);

function foldCount(expr: Expr): number {
  if (expr.kind !== "call") return 0;
  return expr.args.reduce((sum, a) => sum + foldCount(a), FOLDS.has(expr.fn) ? 1 : 0);
}
