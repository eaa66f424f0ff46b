import type { KernelCall, KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { ScatterAddParams } from "./scatter_add.ts";
import { type SortedRows, sortRows } from "./sort_rows.ts";
import { denseStrides, sizeOf, type Value } from "./value.ts";

const WORKGROUP = 64;

/** Arrays of a call, with shapes and strides in units of what an invocation adds at once: one element, or four neighbours. */
interface Parts {
  readonly x: Value;
  readonly updates: Value;
  readonly out: Value;
  /** The axis that the indices run along. */
  readonly axis: number;
  /** 1 or 4. */
  readonly width: number;
  /** Scalar in which sums are taken. */
  readonly scalar: "f32" | "f64" | "i32" | "u32";
  /** WGSL type of a sum. */
  readonly sum: string;
  /** True if one element of `x` stands for all four, as zeros do that were broadcast. */
  readonly single: boolean;
}

/**
 * Sorts the positions of the updates by row, stably, and sums each row's updates in that order: the same result in every run.
 * A run of one row through whole blocks of the order is summed block by block, so that a row with very many updates neither
 * takes a single invocation for ever nor loses digits.
 */
function record(call: KernelCall<ScatterAddParams>, four: boolean): void {
  const parts = partsOf(call, four), { x, updates, out, axis, scalar, sum, width, single } = parts;
  const indices = call.inputs.indices as Value, count = indices.shape[0], block = blockFor(count);
  const sorted = sortRows(call, indices, out.shape[axis]);
  const columns = out.shape.filter((_, k) => k !== axis), columnSteps = denseStrides(columns);
  const sums = call.temporary({ shape: [Math.floor(count / block), sizeOf(columns) * width], dtype: scalar });
  if (sums.shape[0] > 0) blockSums(call, parts, sorted, sums, block);

  const still = (strides: readonly number[]) => strides.map((s, k) => k === axis ? 0 : s);
  const index = indexing("i", out.shape, [
    x.strides,
    still(updates.strides),
    out.shape.map((_, k) => k === axis ? 1 : 0),
    out.shape.map((_, k) => k === axis ? 0 : columnSteps[k < axis ? k : k - 1]),
  ]);
  const add = (from: string, to: string) =>
    `for (var k = ${from}; k < ${to}; k++) { s += ${sum}(updates[at + order[k] * p.step]); }`;
  call.launch({
    key: `rows|${index.key}|${single}`,
    read: { x, updates, order: sorted.order, starts: sorted.starts, sums },
    write: { y: out },
    elements: { ...elementsOf(parts, { x, updates, sums, y: out }), ...(single ? { x: x.dtype } : {}) },
    uniforms: {
      count: sizeOf(out.shape),
      step: updates.strides[axis],
      columns: sizeOf(columns),
      block,
      base: x.offset,
      first: updates.offset,
      ...index.uniforms,
    },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(sizeOf(out.shape) / WORKGROUP),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        ...index.lines("id"),
        `let row = ${index.offset(2)};`,
        "let start = starts[row]; let end = starts[row + 1u];",
        `var s = ${sum}(${single ? scalar : ""}(x[p.base + ${index.offset(0)}]));`,
        "if (start < end) {",
        `let at = p.first + ${index.offset(1)};`,
        "let first_block = (start + p.block - 1u) / p.block; let last_block = end / p.block;",
        "let head = select(end, first_block * p.block, first_block < last_block);",
        "let tail = select(end, last_block * p.block, first_block < last_block);",
        add("start", "head"),
        `for (var b = first_block; b < last_block; b++) { s += sums[b * p.columns + ${index.offset(3)}]; }`,
        add("tail", "end"),
        "}",
        `y[id] = ${elementOf(out, width)}(s);`,
      ].join("\n"),
  });
}

/** Sums of the blocks of the order that belong to one row altogether. */
function blockSums(
  call: KernelCall<ScatterAddParams>,
  parts: Parts,
  { order, keys }: SortedRows,
  sums: Value,
  block: number,
): void {
  const { updates, out, axis, sum } = parts;
  const index = indexing("c", out.shape.filter((_, k) => k !== axis), [updates.strides.filter((_, k) => k !== axis)]);
  const columns = sizeOf(sums.shape) / parts.width / sums.shape[0], count = columns * sums.shape[0];
  call.launch({
    key: `blocks|${index.key}`,
    read: { updates, order, keys },
    write: { sums },
    elements: elementsOf(parts, { updates, sums }),
    uniforms: {
      count,
      columns,
      rows: out.shape[axis],
      block,
      step: updates.strides[axis],
      first: updates.offset,
      ...index.uniforms,
    },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(count / WORKGROUP),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        "let begin = (id / p.columns) * p.block;",
        "if (keys[begin] != keys[begin + p.block - 1u] || keys[begin] >= p.rows) { return; }",
        "let column = id % p.columns;",
        ...index.lines("column"),
        `let at = p.first + ${index.offset(0)};`,
        `var s = ${sum}();`,
        `for (var k = begin; k < begin + p.block; k++) { s += ${sum}(updates[at + order[k] * p.step]); }`,
        "sums[id] = s;",
      ].join("\n"),
  });
}

function partsOf(call: KernelCall<ScatterAddParams>, four: boolean): Parts {
  const width = four ? 4 : 1, { out } = call.outputs;
  const scalar = out.dtype === "f16" || out.dtype === "bool" ? "f32" : out.dtype;
  const x = call.inputs.x as Value, last = out.shape.length - 1;
  const shapeOf = (value: Value) => value.shape.map((s, k) => k === last ? s / width : s);
  const units = (value: Value): Value => ({
    ...value,
    shape: shapeOf(value),
    strides: value.strides.map((s, k) => k === last ? s : s / width),
    offset: value.offset / width,
  });
  const single = four && x.strides[last] === 0;
  return {
    x: single ? { ...x, shape: shapeOf(x) } : units(x),
    updates: units(call.inputs.updates as Value),
    out: units(out),
    axis: call.params.axis,
    width,
    scalar,
    sum: four ? `vec4<${scalar}>` : scalar,
    single,
  };
}

/** True if the last axis is not the indexed one and can be read and written four elements at a time. */
function fourAtOnce(call: KernelCall<ScatterAddParams>): boolean {
  const { shape } = call.outputs.out, last = shape.length - 1, x = call.inputs.x as Value;
  const aligned = (v: Value) =>
    v.strides[last] === 1 && v.offset % 4 === 0 && v.strides.every((s, k) => k === last || s % 4 === 0);
  return call.params.axis < last && shape[last] % 4 === 0 && (x.strides[last] === 0 || aligned(x)) &&
    aligned(call.inputs.updates as Value);
}

function elementOf(value: Value, width: number): string {
  return width === 4 ? `vec4<${value.dtype}>` : value.dtype;
}

function elementsOf({ width }: Parts, values: Readonly<Record<string, Value>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, elementOf(value, width)]));
}

/** Length of a block: both it and the number of blocks are the length of a loop, and stay under what software adapters run. */
function blockFor(count: number): number {
  let block = 256;
  while (count / block > 32_768) block *= 2;
  return block;
}

/** Ways to add in a fixed order: one element of the output per invocation, or four neighbours. */
export const scatterCsr: readonly KernelVariant<ScatterAddParams>[] = [
  { name: "csrVec4", when: fourAtOnce, rank: () => 1, record: (call) => record(call, true) },
  { name: "csr", record: (call) => record(call, false) },
];
