import type { DType } from "../device/mod.ts";
import { check, type Expr, leaves, name, type Scalar, size, substitute } from "../formula/mod.ts";
import { computeType, plainSignature, resultType } from "../ops/formulas.ts";
import { map } from "../ops/map.ts";
import { opNamed } from "../ops/registry.ts";
import { run } from "../ops/run.ts";
import { type ArrayType, numberType, type Operand, type Value } from "../ops/value.ts";
import type { Input, Source, View } from "./source.ts";

/** Largest tree that is fused into one kernel: compilers take more than linear time for longer ones. */
export const MAX_SIZE = 64;
/** Most arrays that a fused kernel reads: core WebGPU binds eight storage buffers, one of them is the result. */
export const MAX_ARRAYS = 7;
/** Fused trees that are kept for one formula. */
const KEPT = 256;

/** The stored value of a source, computed now if it was delayed. */
export function realize(source: Source): Value {
  const known = source.value;
  if (known) return known;
  const delayed = source.delayed!;
  const { device } = source;
  if (delayed.kind === "matmul") {
    source.settle(product(delayed, undefined, {}, source.dtype));
    return source.value!;
  }
  const fused = fuse(delayed.expr, delayed.inputs);
  const whole = soleProduct(fused, source.shape);
  if (whole) {
    const { [whole.name]: _, ...extras } = fused.inputs;
    const epilogue = substitute(
      fused.expr,
      (leaf) => leaf.kind === "name" && leaf.name === whole.name ? name("product") : undefined,
    );
    source.settle(product(whole.delayed, epilogue, extras, source.dtype));
    return source.value!;
  }
  const params = { out: { formula: fused.expr, dtype: source.dtype } };
  source.settle(withOperands(fused.inputs, (values) => run(device, map, values, params).out));
  return source.value!;
}

/** An input as an op takes it. */
function operand(input: Input): Operand {
  return typeof input === "number" ? input : viewed(realize(input.source), input.view);
}

/**
 * Calls `fn` with inputs as an op takes them. They are held meanwhile: computing one of them may store a result that was absorbed
 * beside it, which lets go of the arrays that the formula now reads in its place.
 */
export function withOperands<R>(
  inputs: Readonly<Record<string, Input>>,
  fn: (values: Record<string, Operand>) => R,
): R {
  const sources: Source[] = [], values: Record<string, Operand> = Object.create(null);
  for (const name in inputs) {
    const input = inputs[name];
    if (typeof input === "number") continue;
    input.source.retain();
    sources.push(input.source);
  }
  try {
    for (const name in inputs) values[name] = operand(inputs[name]);
    return fn(values);
  } finally {
    for (const source of sources) source.release();
  }
}

function viewed(value: Value, view: View | undefined): Value {
  return view ? { ...value, shape: view.shape, strides: view.strides, offset: view.offset } : value;
}

type MatmulWork = Extract<NonNullable<Source["delayed"]>, { kind: "matmul" }>;

function product(work: MatmulWork, epilogue: Expr | undefined, extras: Record<string, Input>, dtype: DType): Value {
  const { a, b, transposeA, transposeB } = work, params = { transposeA, transposeB, epilogue, dtype };
  return withOperands(
    { ...extras, a, b },
    (values) => run((values.a as Value).device, opNamed("matmul"), values, params).out,
  );
}

/**
 * Draws delayed elementwise inputs into a formula. An input is absorbed if this is its first use, if it is computed in the same
 * scalar type as the formula, and while the tree stays small; otherwise it is computed and stored.
 */
export function fuse(
  expr: Expr,
  inputs: Readonly<Record<string, Input>>,
): { expr: Expr; inputs: Record<string, Input> } {
  let scalar: Scalar | undefined;
  const flat: Record<string, Input> = {};
  const known = new Map<string, string>();
  let count = 0;
  /** A short name for an input; equal inputs share one, so that equal work has equal text. */
  const label = (input: Input): string => {
    const identity = typeof input === "number"
      ? `#${count}`
      : `${numberOf(input.source)}/${input.view ? JSON.stringify(input.view) : ""}`;
    const own = known.get(identity);
    if (own !== undefined) return own;
    const fresh = `t${count++}`;
    known.set(identity, fresh);
    flat[fresh] = input;
    return fresh;
  };
  // A delayed input that the formula reads twice is absorbed twice: the emitter shares equal subtrees.
  const absorbed = new Map<Source, Expr>();
  const replacement = (input: Input): Expr => {
    if (typeof input === "number" || input.view || input.source.value) return labelled(label(input));
    const again = absorbed.get(input.source);
    if (again) return again;
    const work = input.source.delayed!;
    if (work.kind !== "map" || input.source.uses++ > 0) return labelled(label(input));
    // A formula of numbers alone has no array that would keep it in f32 among integers.
    if (Object.values(work.inputs).every((v) => typeof v === "number")) return labelled(label(input));
    const inner = computeType(work.expr, typesOfInputs(work.inputs), leaves(work.expr).names);
    scalar ??= computeType(expr, typesOfInputs(inputs), leaves(expr).names);
    if (inner !== scalar || !isNatural(input.source, work)) return labelled(label(input));
    const tree = absorb(work.expr, work.inputs);
    absorbed.set(input.source, tree);
    return tree;
  };
  const absorb = (tree: Expr, from: Readonly<Record<string, Input>>): Expr =>
    replaceNames(tree, leaves(tree).names.map((n) => replacement(from[n])));
  return { expr: absorb(expr, inputs), inputs: flat };
}

const replaced = new WeakMap<Expr, Map<string, Expr>>();

/** `expr` with its names, in order, replaced: the same tree for the same replacements, so that all that is known of it is found. */
function replaceNames(expr: Expr, by: readonly Expr[]): Expr {
  let known = replaced.get(expr);
  if (known === undefined) replaced.set(expr, known = new Map());
  const id = by.map(numberOf).join();
  let tree = known.get(id);
  if (tree === undefined) {
    const { names } = leaves(expr);
    tree = substitute(expr, (leaf) => leaf.kind === "name" ? by[names.indexOf(leaf.name)] : undefined);
    if (known.size >= KEPT) known.clear();
    known.set(id, tree);
  }
  return tree;
}

const labels = new Map<string, Expr>();

/** The one leaf of a short name. */
function labelled(label: string): Expr {
  let leaf = labels.get(label);
  if (leaf === undefined) labels.set(label, leaf = name(label));
  return leaf;
}

/** Whether the source is stored as its formula gives it, so that absorbing it leaves out no rounding or conversion. */
function isNatural(source: Source, work: { expr: Expr; inputs: Readonly<Record<string, Input>> }): boolean {
  const types = typesOfInputs(work.inputs), { names } = leaves(work.expr);
  const { boolean } = check(work.expr, plainSignature(names));
  const scalar = computeType(work.expr, types, names);
  return source.dtype !== "f16" && source.dtype === resultType(scalar, boolean, types, names);
}

/** The one unlaunched product of the result's shape among the inputs, into whose kernel the formula can go. */
function soleProduct(
  fused: { expr: Expr; inputs: Record<string, Input> },
  shape: readonly number[],
): { name: string; delayed: MatmulWork } | undefined {
  const found: { name: string; delayed: MatmulWork }[] = [];
  for (const [id, input] of Object.entries(fused.inputs)) {
    if (typeof input === "number" || input.view || input.source.value) continue;
    const work = input.source.delayed!;
    const same = input.source.shape.length === shape.length && input.source.shape.every((s, k) => s === shape[k]);
    if (work.kind === "matmul" && same && input.source.uses++ === 0) found.push({ name: id, delayed: work });
  }
  const first = found[0];
  return found.length === 1 && !("product" in fused.inputs) && size(fused.expr) <= MAX_SIZE ? first : undefined;
}

/** Types of inputs, as formulas are checked against them. */
export function typesOfInputs(inputs: Readonly<Record<string, Input>>): Record<string, ArrayType | null> {
  const types: Record<string, ArrayType | null> = Object.create(null);
  for (const id in inputs) {
    const input = inputs[id];
    // A source without a view has the shape and dtype that are asked for.
    types[id] = typeof input === "number"
      ? numberType(input)
      : input.view
      ? { shape: input.view.shape, dtype: input.source.dtype }
      : input.source;
  }
  return types;
}

const numbers = new WeakMap<object, number>();
let next = 0;
/** A number that stands for an object in keys. */
function numberOf(object: object): number {
  let n = numbers.get(object);
  if (n === undefined) numbers.set(object, n = next++);
  return n;
}
