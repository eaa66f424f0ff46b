import type { Scalar } from "../formula/mod.ts";
import type { KernelCall, VariantCall } from "./define.ts";
import { formulaFunction, formulaInputs, type Plan, planFormula, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { oncePerCall } from "./once_per_call.ts";
import type { ReduceParams } from "./reduce.ts";
import { REDUCERS, reducerText, type Reduction } from "./reducers.ts";
import { typesOf } from "./types_of.ts";
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  denseStrides,
  type Operand,
  sizeOf,
  type Value,
} from "./value.ts";

/** Values that one loop may take in: some software adapters stop at 65,535 iterations without a word. */
export const LONGEST_LOOP = 8192;

/** Shapes, formula and accumulator of a call. */
export type ReduceCall = ReturnType<typeof describeReduction>;

/** What all kernels of a reduction ask of a call. */
export const reduceCall = oncePerCall((call: KernelCall<ReduceParams>) => describeReduction(call.inputs, call.params));

/** Shapes, formula and accumulator of a reduction of these inputs. */
export function describeReduction(operands: Readonly<Record<string, Operand>>, params: ReduceParams) {
  const { reduction, formula } = params;
  const types = typesOf(operands), plan = planFormula(formula, types);
  const inputs = formulaInputs(operands, [plan]);
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, type] of Object.entries(types)) if (type) shapes[name] = type.shape;
  const shape = broadcastShapes(shapes);
  const axes = params.axes ?? [...shape.keys()], kept = [...shape.keys()].filter((k) => !axes.includes(k));
  const strides = inputs.arrays.map((a) => broadcastStrides(a.value, shape));
  const pick = (which: readonly number[]) => (s: readonly number[]) => which.map((k) => s[k]);
  const outer = kept.map((k) => shape[k]), inner = axes.map((k) => shape[k]);
  const rows = collapse(outer, [...strides.map(pick(kept)), denseStrides(outer)]);
  return {
    ...inputs,
    plan,
    scalar: accumulatorType(reduction, plan),
    reducer: REDUCERS[reduction],
    outputs: sizeOf(outer),
    length: sizeOf(inner),
    /** The kept axes: of the output too, whose strides come last. */
    kept: { shape: rows.shape, strides: rows.strides.slice(0, -1) },
    /** The reduced axes. */
    reduced: collapse(inner, strides.map(pick(axes))),
    /** Neighbouring invocations should read neighbouring memory: along the reduced axes, or along the kept ones. */
    innerFast: axes.length > 0 && strides.some((s) => s[axes[axes.length - 1]] === 1),
    formulaKey: `${reduction}|${plansKey([plan])}|${inputs.key}`,
  };
}

/** Counts are integers, means and logsumexps floats, whatever the formula is computed in. */
function accumulatorType(reduction: Reduction, plan: Plan): Scalar {
  if (plan.boolean && (reduction === "sum" || reduction === "prod")) return "i32";
  if (plan.scalar === "f64") return "f64";
  return reduction === "mean" || reduction === "logsumexp" ? "f32" : plan.scalar;
}

/** WGSL shared by all kernels: the formula as a function and the reducer's helpers. */
export function declarations({ plan, reducer, scalar }: ReduceCall): string {
  const helpers = new Map(reducer.helpers(scalar));
  const finish = (v: string, boolean: boolean) =>
    boolean ? `select(${scalar}(0), ${scalar}(1), ${v})` : scalar === plan.scalar ? v : `${scalar}(${v})`;
  const body = formulaFunction("formula", plan, scalar, finish, helpers);
  return [...helpers.values(), body].join("\n");
}

/** WGSL type of a field of the accumulator. */
export function fieldType({ scalar }: ReduceCall, field: { readonly kind: "value" | "index" }): string {
  return field.kind === "index" ? "u32" : scalar;
}

/** `var a_s: f32 = 0.0;` and so on. */
export function start(prepared: ReduceCall, a: string): string[] {
  const { reducer, scalar } = prepared, init = reducer.init(scalar);
  return reducer.fields.map((f, k) => `var ${a}_${f.name}: ${fieldType(prepared, f)} = ${init[k]};`);
}

/** Scratch arrays for the accumulators of `count` partial results. */
export function scratch(
  call: Pick<VariantCall<unknown>, "temporary">,
  { reducer, scalar }: ReduceCall,
  count: number,
): Record<string, Value> {
  return Object.fromEntries(reducer.fields.map((f) => {
    const dtype = f.kind === "index" ? "u32" : scalar;
    return [`part_${f.name}`, call.temporary({ shape: [count], dtype })];
  }));
}

/** Stores accumulator `a` as output `index`, or as a partial result of its part. */
export function store(prepared: ReduceCall, out: Value, a: string, index: string, parts: number): string {
  const { reducer } = prepared;
  if (parts > 1) {
    return reducer.fields.map((f) => `part_${f.name}[part * p.outputs + ${index}] = ${a}_${f.name};`).join(" ");
  }
  const result = reducer.finish(a, "p.length", prepared.scalar);
  const single = reducer.fields.length === 1 ? reducer.fields[0] : undefined;
  if (out.dtype === "bool" && single?.kind === "index") return `y[${index}] = ${result};`;
  const scalar = result.endsWith("_k") ? "u32" : prepared.scalar;
  return `y[${index}] = ${storeAs(out.dtype, scalar, false, result)};`;
}

/** Second stage: one invocation joins the `parts` accumulators of one output. */
export function join(
  call: KernelCall<ReduceParams>,
  prepared: ReduceCall,
  partials: Record<string, Value>,
  parts: number,
): void {
  if (parts === 1) return;
  const { reducer, scalar, outputs, length } = prepared, out = call.outputs.out;
  call.launch({
    key: `join|${call.params.reduction}|${scalar}`,
    read: partials,
    write: { y: out },
    uniforms: { outputs, parts, length },
    workgroupSize: 64,
    workgroups: Math.ceil(outputs / 64),
    declarations: () => reducerText(reducer, scalar),
    body: () =>
      [
        "if (id >= p.outputs) { return; }",
        ...start(prepared, "a"),
        "for (var c = 0u; c < p.parts; c++) {",
        ...reducer.fields.map((f) => `let b_${f.name} = part_${f.name}[c * p.outputs + id];`),
        reducer.merge("a", "b", scalar),
        "}",
        store(prepared, out, "a", "id", 1),
      ].join("\n"),
  });
}
