import type { KernelCall, KernelVariant } from "./define.ts";
import { rowFunction } from "./index_row.ts";
import { indexing } from "./indexing.ts";
import type { ScatterAddParams } from "./scatter_add.ts";
import { fourAtOnce, recordCopies } from "./strided_copy.ts";
import { sizeOf, type Value } from "./value.ts";

const WORKGROUP = 64;

/** A copy of `x`, then one atomic addition per element of the updates. */
function record(call: KernelCall<ScatterAddParams>): void {
  const { axis } = call.params, { out } = call.outputs;
  const x = call.inputs.x as Value, indices = call.inputs.indices as Value, updates = call.inputs.updates as Value;
  const copy = [{ from: x, strides: out.strides, offset: 0 }];
  recordCopies(call, out, copy, fourAtOnce(copy));
  const positions = updates.shape.map((_, k) => k === axis ? indices.strides[0] : 0);
  const target = out.strides.map((s, k) => k === axis ? 0 : s);
  const index = indexing("i", updates.shape, [updates.strides, positions, target]);
  const count = sizeOf(updates.shape);
  call.launch({
    key: `add|${index.key}`,
    read: { updates, indices },
    write: { y: out },
    elements: { y: `atomic<${out.dtype}>` },
    uniforms: {
      count,
      rows: out.shape[axis],
      step: out.strides[axis],
      base: updates.offset,
      first: indices.offset,
      ...index.uniforms,
    },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(count / WORKGROUP),
    declarations: () => rowFunction(indices.dtype as "i32" | "u32"),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        ...index.lines("id"),
        `let row = row_of(indices[p.first + ${index.offset(1)}]);`,
        "if (row >= p.rows) { return; }",
        `atomicAdd(&y[${index.offset(2)} + row * p.step], updates[p.base + ${index.offset(0)}]);`,
      ].join("\n"),
  });
}

/** Integers add up to the same in any order, so atomics do it at once. */
export const scatterIntegerAtomic: KernelVariant<ScatterAddParams> = {
  name: "integerAtomic",
  when: (call) => call.outputs.out.dtype === "i32" || call.outputs.out.dtype === "u32",
  rank: () => 2,
  record,
};

/** Float atomics: fewer passes than a sort, but the order of the additions, and so the last digits, vary from run to run. */
export const scatterAtomic: KernelVariant<ScatterAddParams> = {
  name: "atomic",
  when: (call) => call.outputs.out.dtype === "f32" && call.info.probes.floatAtomics,
  rank: () => -1,
  deterministic: false,
  record,
};
