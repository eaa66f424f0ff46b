import { byteSize, type HostArgument } from "../device/mod.ts";
import { type Scalar, size } from "../formula/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { type Plan, planFormula } from "./formula_kernel.ts";
import { addressOf } from "./host_kernel.ts";
import type { ReduceParams } from "./reduce.ts";
import { BLOCK_ROWS, COLUMNS, columnsKernel } from "./reduce_wasm_columns.ts";
import { joinKernel } from "./reduce_wasm_join.ts";
import { BLOCK, rowsKernel } from "./reduce_wasm_rows.ts";
import type { Reduction } from "./reducers.ts";
import { typesOf } from "./types_of.ts";
import { broadcastShapes, broadcastStrides, collapse, sizeOf } from "./value.ts";
import { laneCount } from "./wasm_elements.ts";
import { wasmInputs } from "./wasm_formula.ts";
import { WASM_REDUCERS } from "./wasm_reducers.ts";

/** Elements that a thread takes at a time, of a formula of a few operations. */
const GRAIN = 32_768;

/**
 * `reduce` in WebAssembly. Blocks of a size that does not depend on the number of threads are reduced to accumulators, which are
 * joined in order: the result is the same on any number of threads.
 */
export const reduceNatives: readonly NativeVariant<ReduceParams>[] = [{
  name: "wasm",
  when: (call) => {
    const shape = broadcastShapes(shapesOf(call));
    return sizeOf(shape) < 2 ** 31;
  },
  record: (call) => {
    const prepared = prepareReduce(call);
    if (prepared.columns) recordColumns(call, prepared);
    else recordRows(call, prepared);
  },
}];

function shapesOf(call: HostCall<ReduceParams>): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(call.inputs).flatMap(([name, v]) => typeof v === "number" ? [] : [[name, v.shape]]),
  );
}

/** What accumulators hold: counts are integers, means and logsumexps floats, whatever the formula is computed in. */
function accumulatorType(reduction: Reduction, plan: Plan): Scalar {
  if (plan.scalar === "f64") return "f64";
  if (plan.boolean && (reduction === "sum" || reduction === "prod")) return "i32";
  return reduction === "mean" || reduction === "logsumexp" ? "f32" : plan.scalar;
}

function prepareReduce(call: HostCall<ReduceParams>) {
  const types = typesOf(call.inputs), { reduction } = call.params, out = call.outputs.out;
  const plan = planFormula(call.params.formula, types), inputs = wasmInputs(call.inputs, [plan]);
  const shape = broadcastShapes(shapesOf(call));
  const axes = call.params.axes ?? [...shape.keys()], kept = [...shape.keys()].filter((k) => !axes.includes(k));
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
  if (parts > 1) join(call, prepared, partials, { parts, row: 1, padded: 1, step: 1, scale: parts, vector: false });
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
  join(call, prepared, partials, {
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
  const dtype = prepared.lanes === 2 ? "f64" : "f32", fields = fieldCount(prepared);
  return Object.fromEntries(
    Array.from({ length: fields }, (_, f) => [`part${f}`, addressOf(call.temporary({ shape: [count], dtype }))]),
  );
}

/** Fields of an accumulator. */
export function fieldCount({ reducer }: PreparedReduce): number {
  return reducer === WASM_REDUCERS.logsumexp || reducer.positions ? 2 : 1;
}

/** Where the partial results of an output are: part p of output k is element p·step + scale·(⌊k/row⌋·padded + k mod row). */
interface PartLayout {
  readonly parts: number;
  readonly row: number;
  readonly padded: number;
  readonly step: number;
  readonly scale: number;
  /** Whether neighbouring outputs are joined in one vector. */
  readonly vector: boolean;
}

function join(
  call: HostCall<ReduceParams>,
  prepared: PreparedReduce,
  partials: Record<string, HostArgument>,
  { parts, row, padded, step, scale, vector }: PartLayout,
): void {
  const { reducer, scalar, outputs, dtype, args } = prepared;
  const wide: Scalar = reducer.widens && scalar === "f32" ? "f64" : scalar, lanes = vector ? laneCount(wide) : 1;
  call.launch({
    key: `join|${call.params.reduction}|${scalar}|${dtype}|${vector}`,
    args: {
      ...partials,
      y: args.y,
      length: args.length,
      parts: { i32: parts },
      row: { i32: row },
      padded: { i32: padded },
      step: { i32: step },
      scale: { i32: scale * lanes },
    },
    code: (target) => joinKernel({ reducer, scalar, wide, dtype, vector, fields: fieldCount(prepared) }, target),
    count: Math.ceil(outputs / lanes),
    grain: Math.max(1, Math.floor(8192 / parts)),
  });
}
