import { byteSize, type HostArgument } from "../device/mod.ts";
import { type Scalar, size } from "../formula/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { type Plan, planFormula } from "./formula_kernel.ts";
import { addressOf } from "./host_kernel.ts";
import type { ReduceParams } from "./reduce.ts";
import { BLOCK_ROWS, COLUMNS, columnsKernel } from "./reduce_wasm_columns.ts";
import { joinParts } from "./reduce_wasm_join.ts";
import { BLOCK, rowsKernel } from "./reduce_wasm_rows.ts";
import type { Reduction } from "./reducers.ts";
import { typesOf } from "./types_of.ts";
import { broadcastShapes, broadcastStrides, collapse, sizeOf, type Value } from "./value.ts";
import { laneCount } from "./wasm_elements.ts";
import { wasmInputs } from "./wasm_formula.ts";
import { fieldCount, WASM_REDUCERS } from "./wasm_reducers.ts";

/** Elements that a thread takes at a time, of a formula of a few operations. */
const GRAIN = 32_768;

/**
 * `reduce` in WebAssembly. Blocks of a size that does not depend on the number of threads are reduced to accumulators, which are
 * joined in order: the result is the same on any number of threads.
 */
export const reduceNatives: readonly NativeVariant<ReduceParams>[] = [{
  name: "wasm",
  when: (call) => {
    const shape = broadcastShapes(shapesOf(call.inputs));
    return sizeOf(shape) < 2 ** 31;
  },
  record: (call) => {
    const prepared = prepareReduce(call.inputs, call.params, call.outputs.out);
    if (prepared.columns) recordColumns(call, prepared);
    else recordRows(call, prepared);
  },
}];

function shapesOf(inputs: HostCall<ReduceParams>["inputs"]): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, v]) => typeof v === "number" ? [] : [[name, v.shape]]),
  );
}

/** What accumulators hold: counts are integers, means and logsumexps floats, whatever the formula is computed in. */
function accumulatorType(reduction: Reduction, plan: Plan): Scalar {
  if (plan.scalar === "f64") return "f64";
  if (plan.boolean && (reduction === "sum" || reduction === "prod")) return "i32";
  return reduction === "mean" || reduction === "logsumexp" ? "f32" : plan.scalar;
}

/** Describes a reduction of these inputs to its kernels; `out` is where results go. */
export function prepareReduce(operands: HostCall<ReduceParams>["inputs"], params: ReduceParams, out: Value) {
  const types = typesOf(operands), { reduction } = params;
  const plan = planFormula(params.formula, types), inputs = wasmInputs(operands, [plan]);
  const shape = broadcastShapes(shapesOf(operands));
  const axes = params.axes ?? [...shape.keys()], kept = [...shape.keys()].filter((k) => !axes.includes(k));
  const strides = inputs.arrays.map((a) => broadcastStrides(a.value, shape));
  const part = (which: readonly number[]) =>
    collapse(which.map((k) => shape[k]), strides.map((s) => which.map((k) => s[k])));
  const outer = part(kept), inner = part(axes);
  const along = (own: typeof outer, q: number) => own.strides[q].at(-1) ?? 0;
  const scalar = accumulatorType(reduction, plan), nodes = size(plan.expr);
  const args: Record<string, HostArgument> = { ...inputs.args, y: addressOf(out) };
  inputs.arrays.forEach((a, q) => {
    outer.strides[q].forEach((s, k) => args[`k${q}_${k}`] = { i32: s * byteSize(a.value.dtype) });
    inner.strides[q].forEach((s, k) => args[`r${q}_${k}`] = { i32: s * byteSize(a.value.dtype) });
  });
  outer.shape.forEach((n, k) => args[`kd${k}`] = { i32: n });
  inner.shape.forEach((n, k) => args[`rd${k}`] = { i32: n });
  const length = sizeOf(inner.shape);
  args.length = { i32: length };
  const walk = (own: typeof outer, q: number) => {
    const step = along(own, q);
    return step === 0 ? "one" as const : step === 1 ? "next" as const : "apart" as const;
  };
  const every = inputs.arrays.map((_, q) => q);
  return {
    plan,
    inputs,
    scalar,
    reduction,
    reducer: WASM_REDUCERS[reduction],
    lanes: laneCount(plan.scalar),
    outer: outer.shape,
    inner: inner.shape,
    outputs: sizeOf(outer.shape),
    length,
    rowWalks: every.map((q) => walk(inner, q)),
    columnWalks: every.map((q) => walk(outer, q)),
    // Vectors lie along the axis on which memory is contiguous; a row alone is always taken along itself.
    columns: length > 1 && every.some((q) => along(outer, q) === 1) &&
      !every.some((q) => along(inner, q) === 1 && along(outer, q) !== 0),
    unroll: nodes <= 12 ? 4 : nodes <= 40 ? 2 : 1,
    grain: Math.max(2048, Math.floor(GRAIN / Math.ceil(nodes / 16))),
    dtype: out.dtype,
    args,
    key: `${reduction}|${inputs.key}|${scalar}|${out.dtype}|${outer.shape.length},${inner.shape.length}`,
  };
}

/** What the kernels know of a call. */
export type PreparedReduce = ReturnType<typeof prepareReduce>;

function recordRows(call: HostCall<ReduceParams>, prepared: PreparedReduce): void {
  const { inner, outputs, length, key, args, grain } = prepared;
  const row = inner.at(-1) ?? 1, segments = row === 0 ? 0 : length / row;
  // A part is some whole rows of the last reduced axis, or a piece of one.
  const pieces = Math.max(1, Math.ceil(row / BLOCK)), each = pieces > 1 ? 1 : Math.max(1, Math.floor(BLOCK / row));
  const parts = Math.max(1, Math.ceil(segments / each) * pieces);
  const partials = parts > 1 ? scratch(call, prepared, outputs * parts) : {};
  call.launch({
    key: `rows|${parts > 1}|${prepared.rowWalks}|${key}`,
    args: {
      ...args,
      ...partials,
      parts: { i32: parts },
      row: { i32: row },
      pieces: { i32: pieces },
      segments: { i32: segments },
      each: { i32: Math.min(each, Math.max(1, segments)) },
    },
    code: (target) => rowsKernel(prepared, parts > 1, target),
    count: outputs * parts,
    grain: Math.max(1, Math.floor(grain / Math.max(1, Math.min(length, BLOCK)))),
  });
  if (parts > 1) {
    joinParts(call, prepared, partials, { parts, row: 1, padded: 1, step: 1, scale: parts, vector: false });
  }
}

function recordColumns(call: HostCall<ReduceParams>, prepared: PreparedReduce): void {
  const { outer, outputs, length, key, args, lanes, grain } = prepared;
  const row = outer.at(-1)!, padded = Math.ceil(row / lanes) * lanes, groups = outputs / row;
  const chunks = Math.ceil(row / COLUMNS), blocks = Math.ceil(length / BLOCK_ROWS);
  const partials = scratch(call, prepared, blocks * groups * padded);
  call.launch({
    key: `columns|${prepared.columnWalks}|${key}`,
    args: {
      ...args,
      ...partials,
      row: { i32: row },
      padded: { i32: padded },
      groups: { i32: groups },
      chunks: { i32: chunks },
    },
    code: (target) => columnsKernel(prepared, target),
    count: blocks * groups * chunks,
    grain: Math.max(1, Math.floor(grain / (Math.min(row, COLUMNS) * Math.min(length, BLOCK_ROWS)))),
  });
  const vector = row % 4 === 0;
  joinParts(call, prepared, partials, {
    parts: blocks,
    row: vector ? 1 : row,
    padded: vector ? 1 : padded,
    step: groups * padded,
    scale: 1,
    vector,
  });
}

/** Scratch memory for the accumulators of `count` partial results. */
function scratch(call: HostCall<ReduceParams>, prepared: PreparedReduce, count: number): Record<string, HostArgument> {
  const dtype = prepared.lanes === 2 ? "f64" : "f32", fields = fieldCount(prepared.reducer);
  return Object.fromEntries(
    Array.from({ length: fields }, (_, f) => [`part${f}`, addressOf(call.temporary({ shape: [count], dtype }))]),
  );
}
