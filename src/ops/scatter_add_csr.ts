import type { KernelCall, KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { ScatterAddParams } from "./scatter_add.ts";
import { sortRows } from "./sort_rows.ts";
import { denseStrides, sizeOf, type Value } from "./value.ts";

const WORKGROUP = 64;

/**
 * Sorts the positions of the updates by row, stably, and sums each row's updates in that order: the same result in every run.
 * A run of one row through whole blocks of the order is summed block by block, so that a row with very many updates neither
 * takes a single invocation for ever nor loses digits.
 */
export const scatterCsr: KernelVariant<ScatterAddParams> = {
  name: "csr",
  record: (call) => {
    const { axis } = call.params, { out } = call.outputs;
    const x = call.inputs.x as Value, indices = call.inputs.indices as Value, updates = call.inputs.updates as Value;
    const rows = out.shape[axis], count = indices.shape[0], block = blockFor(count);
    const { order, keys, starts } = sortRows(call, indices, rows);
    const columns = out.shape.filter((_, k) => k !== axis), width = sizeOf(columns);
    const blocks = Math.floor(count / block);
    const sums = call.temporary({ shape: [blocks, width], dtype: out.dtype === "f16" ? "f32" : out.dtype });
    if (blocks > 0) blockSums(call, { updates, axis, order, keys, sums, block, rows });

    const columnSteps = denseStrides(columns);
    const step = updates.strides[axis];
    const still = (strides: readonly number[]) => strides.map((s, k) => k === axis ? 0 : s);
    const index = indexing("i", out.shape, [
      x.strides,
      still(updates.strides),
      out.shape.map((_, k) => k === axis ? 1 : 0),
      out.shape.map((_, k) => k === axis ? 0 : columnSteps[k < axis ? k : k - 1]),
    ]);
    const scalar = sums.dtype;
    const add = (from: string, to: string) =>
      `for (var k = ${from}; k < ${to}; k++) { s += ${scalar}(updates[at + order[k] * p.step]); }`;
    call.launch({
      key: `rows|${index.key}`,
      read: { x, updates, order, starts, sums },
      write: { y: out },
      uniforms: {
        count: sizeOf(out.shape),
        step,
        width,
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
          `let at = p.first + ${index.offset(1)};`,
          `var s = ${scalar}(x[p.base + ${index.offset(0)}]);`,
          "let first_block = (start + p.block - 1u) / p.block; let last_block = end / p.block;",
          "let head = select(end, first_block * p.block, first_block < last_block);",
          "let tail = select(end, last_block * p.block, first_block < last_block);",
          add("start", "head"),
          `for (var b = first_block; b < last_block; b++) { s += sums[b * p.width + ${index.offset(3)}]; }`,
          add("tail", "end"),
          `y[id] = ${out.dtype === scalar ? "s" : `${out.dtype}(s)`};`,
        ].join("\n"),
    });
  },
};

/** Length of a block: both it and the number of blocks are the length of a loop, and stay under what software adapters run. */
function blockFor(count: number): number {
  let block = 256;
  while (count / block > 32_768) block *= 2;
  return block;
}

/** Sums of the blocks of the order that belong to one row altogether. */
function blockSums(
  call: KernelCall<ScatterAddParams>,
  { updates, axis, order, keys, sums, block, rows }: {
    updates: Value;
    axis: number;
    order: Value;
    keys: Value;
    sums: Value;
    block: number;
    rows: number;
  },
): void {
  const shape = updates.shape.filter((_, k) => k !== axis);
  const index = indexing("c", shape, [updates.strides.filter((_, k) => k !== axis)]);
  call.launch({
    key: `blocks|${index.key}`,
    read: { updates, order, keys },
    write: { sums },
    uniforms: {
      count: sizeOf(sums.shape),
      width: sums.shape[1],
      rows,
      block,
      step: updates.strides[axis],
      first: updates.offset,
      ...index.uniforms,
    },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(sizeOf(sums.shape) / WORKGROUP),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        "let begin = (id / p.width) * p.block;",
        "if (keys[begin] != keys[begin + p.block - 1u] || keys[begin] >= p.rows) { return; }",
        "let column = id % p.width;",
        ...index.lines("column"),
        `let at = p.first + ${index.offset(0)};`,
        `var s = ${sums.dtype}(0);`,
        `for (var k = begin; k < begin + p.block; k++) { s += ${sums.dtype}(updates[at + order[k] * p.step]); }`,
        "sums[id] = s;",
      ].join("\n"),
  });
}
