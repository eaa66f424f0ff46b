import type { KernelCall, KernelVariant } from "./define.ts";
import type { Scalar } from "../formula/mod.ts";
import { formulaFunction, formulaInputs, type Plan, planFormula, plansKey } from "./formula_kernel.ts";
import { storeAs } from "./formulas.ts";
import { indexing } from "./indexing.ts";
import type { ReduceParams } from "./reduce.ts";
import { REDUCERS, type Reduction } from "./reducers.ts";
import { typesOf } from "./types_of.ts";
import { broadcastShapes, broadcastStrides, denseStrides, sizeOf, type Value } from "./value.ts";

/** Loop iterations per invocation: some software adapters stop at 65,535 without a word. */
const LONGEST_LOOP = 8192;
/** Values taken in per iteration: fewer loop tests, shorter chains of additions, cheaper logsumexp. */
const UNROLL = 4;

/** Shapes, formula and accumulator of a call. */
function prepare(call: KernelCall<ReduceParams>) {
  const types = typesOf(call.inputs), plan = planFormula(call.params.formula, types);
  const inputs = formulaInputs(call.inputs, [plan]);
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, type] of Object.entries(types)) if (type) shapes[name] = type.shape;
  const shape = broadcastShapes(shapes);
  const axes = call.params.axes ?? [...shape.keys()], kept = [...shape.keys()].filter((k) => !axes.includes(k));
  const strides = inputs.arrays.map((a) => broadcastStrides(a.value, shape));
  const pick = (which: readonly number[]) => (s: readonly number[]) => which.map((k) => s[k]);
  const outer = kept.map((k) => shape[k]), inner = axes.map((k) => shape[k]);
  return {
    plan,
    scalar: accumulatorType(call.params.reduction, plan),
    ...inputs,
    reducer: REDUCERS[call.params.reduction],
    outputs: sizeOf(outer),
    length: sizeOf(inner),
    keptIndex: indexing("k", outer, strides.map(pick(kept)), [denseStrides(outer)]),
    innerIndex: indexing("r", inner, strides.map(pick(axes))),
    // Neighbouring invocations should read neighbouring memory: along the reduced axes, or along the kept ones.
    innerFast: axes.length > 0 && strides.some((s) => s[axes[axes.length - 1]] === 1),
  };
}

/** Counts are integers, means and logsumexps floats, whatever the formula is computed in. */
function accumulatorType(reduction: Reduction, plan: Plan): Scalar {
  if (plan.boolean && (reduction === "sum" || reduction === "prod")) return "i32";
  return reduction === "mean" || reduction === "logsumexp" ? "f32" : plan.scalar;
}

type Prepared = ReturnType<typeof prepare>;

/** WGSL shared by both variants: the formula as a function and the reducer's helpers. */
function declarations(prepared: Prepared): string {
  const { plan, reducer, scalar } = prepared, helpers = new Map<string, string>();
  const finish = (v: string, boolean: boolean) =>
    boolean ? `select(${scalar}(0), ${scalar}(1), ${v})` : scalar === plan.scalar ? v : `${scalar}(${v})`;
  const body = formulaFunction("formula", plan, scalar, finish, helpers);
  return [...helpers.values(), reducer.helpers(scalar), body].filter(Boolean).join("\n");
}

/** `var a_s = 0.0;` and so on. */
function start(prepared: Prepared, a: string): string[] {
  const { reducer, scalar } = prepared, init = reducer.init(scalar);
  return reducer.fields.map((f, k) => `var ${a}_${f.name}: ${f.kind === "index" ? "u32" : scalar} = ${init[k]};`);
}

/** A loop that takes in the elements `first`, `first + step`, … below `p.length`, in blocks. */
function accumulate(prepared: Prepared, first: string, step: string): string {
  const { plan, scalar, reducer, innerIndex, keptIndex, apply } = prepared;
  const value = (q: number) =>
    [
      "{",
      `let r = at + ${q}u * ${step};`,
      ...innerIndex.lines("r"),
      `v${q} = ${apply("formula", plan, (k) => `x${k}[p.o${k} + ${keptIndex.offset(k)} + ${innerIndex.offset(k)}]`)};`,
      "}",
    ].join("\n");
  const block = (count: number) => {
    const names = Array.from({ length: count }, (_, q) => `v${q}`);
    return [
      ...names.map((v) => `var ${v}: ${scalar};`),
      ...names.map((_, q) => value(q)),
      reducer.step("a", names, names.map((_, q) => `(at + ${q}u * ${step})`), scalar),
    ].join("\n");
  };
  return `var at = ${first};
for (; at + ${UNROLL - 1}u * ${step} < p.length; at += ${UNROLL}u * ${step}) {
${block(UNROLL)}
}
for (; at < p.length; at += ${step}) {
${block(1)}
}`;
}

/** Scratch arrays for the accumulators of `count` partial results. */
function scratch(call: KernelCall<ReduceParams>, prepared: Prepared, count: number): Record<string, Value> {
  return Object.fromEntries(prepared.reducer.fields.map((f) => {
    const dtype = f.kind === "index" ? "u32" : prepared.scalar;
    return [`part_${f.name}`, call.temporary({ shape: [count], dtype })];
  }));
}

function store(prepared: Prepared, out: Value, index: string): string {
  const { reducer } = prepared, result = reducer.finish("a", "p.length");
  const single = reducer.fields.length === 1 ? reducer.fields[0] : undefined;
  if (out.dtype === "bool" && single?.kind === "index") return `y[${index}] = ${result};`;
  const scalar = result.endsWith("_k") ? "u32" : prepared.scalar;
  return `y[${index}] = ${storeAs(out.dtype, scalar, false, result)};`;
}

/** Second stage: one invocation joins the `parts` accumulators of one output. */
function join(
  call: KernelCall<ReduceParams>,
  prepared: Prepared,
  partials: Record<string, Value>,
  parts: number,
): void {
  const { reducer, scalar, outputs, length } = prepared, out = call.outputs.out;
  call.launch({
    key: `join|${call.params.reduction}|${scalar}`,
    read: partials,
    write: { y: out },
    uniforms: { outputs, parts, length },
    workgroupSize: 64,
    workgroups: Math.ceil(outputs / 64),
    declarations: () => reducer.helpers(scalar),
    body: () =>
      [
        "if (id >= p.outputs) { return; }",
        ...start(prepared, "a"),
        "for (var c = 0u; c < p.parts; c++) {",
        ...reducer.fields.map((f) => `let b_${f.name} = part_${f.name}[c * p.outputs + id];`),
        reducer.merge("a", "b", scalar),
        "}",
        store(prepared, out, "id"),
      ].join("\n"),
  });
}

/** One invocation per output, or several that each take every `parts`-th element when there are few outputs. */
const lane: KernelVariant<ReduceParams> = {
  name: "lane",
  rank: (call) => call.info.software ? 1 : 0,
  record: (call) => {
    const prepared = prepare(call);
    const { reducer, plan, outputs, length, keptIndex, innerIndex, read, uniforms, key, innerFast } = prepared;
    const wanted = call.info.software ? 512 : 32_768;
    const parts = Math.max(
      Math.ceil(length / (LONGEST_LOOP * UNROLL)),
      Math.min(Math.ceil(wanted / Math.max(1, outputs)), Math.ceil(length / 256)),
      1,
    );
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    call.launch({
      key: `${call.params.reduction}|${plansKey([plan])}|${key}|${keptIndex.key}|${innerIndex.key}|${
        parts > 1
      }|${innerFast}`,
      read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      uniforms: { outputs, length, parts, ...keptIndex.uniforms, ...innerIndex.uniforms, ...uniforms },
      workgroupSize: 64,
      workgroups: Math.ceil(outputs * parts / 64),
      declarations: () => declarations(prepared),
      body: () =>
        [
          "if (id >= p.outputs * p.parts) { return; }",
          innerFast
            ? "let part = id % p.parts; let o = id / p.parts;"
            : "let part = id / p.outputs; let o = id % p.outputs;",
          ...keptIndex.lines("o"),
          ...start(prepared, "a"),
          accumulate(prepared, "part", "p.parts"),
          ...(parts > 1
            ? reducer.fields.map((f) => `part_${f.name}[part * p.outputs + o] = a_${f.name};`)
            : [store(prepared, call.outputs.out, "o")]),
        ].join("\n"),
    });
    if (parts > 1) join(call, prepared, partials, parts);
  },
};

/** One workgroup per output: coalesced reads, then a tree in workgroup memory. What graphics processors like. */
const workgroup: KernelVariant<ReduceParams> = {
  name: "workgroup",
  rank: (call) => {
    const { length, innerFast } = prepare(call);
    return !call.info.software && innerFast && length >= 128 ? 1 : -1;
  },
  record: (call) => {
    const prepared = prepare(call), lanes = 128;
    const { reducer, plan, scalar, outputs, length, keptIndex, innerIndex, read, uniforms, key } = prepared;
    const parts = Math.max(
      1,
      Math.ceil(length / (LONGEST_LOOP * UNROLL * lanes)),
      Math.min(Math.ceil(512 / Math.max(1, outputs)), Math.ceil(length / (lanes * 16))),
    );
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    call.launch({
      key: `${call.params.reduction}|${plansKey([plan])}|${key}|${keptIndex.key}|${innerIndex.key}|${parts > 1}`,
      read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      uniforms: { outputs, length, parts, ...keptIndex.uniforms, ...innerIndex.uniforms, ...uniforms },
      workgroupSize: lanes,
      workgroups: outputs * parts,
      declarations: () =>
        [
          declarations(prepared),
          ...reducer.fields.map((f) =>
            `var<workgroup> w_${f.name}: array<${f.kind === "index" ? "u32" : scalar}, ${lanes}>;`
          ),
        ].join("\n"),
      body: () =>
        [
          // Surplus workgroups of a two-dimensional dispatch repeat the last output, so that barriers stay uniform.
          "let job = min(group, p.outputs * p.parts - 1u);",
          "let part = job % p.parts; let o = job / p.parts;",
          ...keptIndex.lines("o"),
          ...start(prepared, "a"),
          accumulate(prepared, `part * ${lanes}u + lane`, `(p.parts * ${lanes}u)`),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          `for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {`,
          "workgroupBarrier();",
          "if (lane < half) {",
          ...reducer.fields.map((f) => `let b_${f.name} = w_${f.name}[lane + half];`),
          reducer.merge("a", "b", scalar),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          "}",
          "}",
          "if (lane == 0u) {",
          ...(parts > 1
            ? reducer.fields.map((f) => `part_${f.name}[part * p.outputs + o] = a_${f.name};`)
            : [store(prepared, call.outputs.out, "o")]),
          "}",
        ].join("\n"),
    });
    if (parts > 1) join(call, prepared, partials, parts);
  },
};

/** Ways to reduce on WebGPU. */
export const reduceKernels: readonly KernelVariant<ReduceParams>[] = [lane, workgroup];
