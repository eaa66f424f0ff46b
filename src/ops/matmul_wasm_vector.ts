import type { NativeVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { type Factor, factorsOf } from "./matmul_factor.ts";
import { sumsOf } from "./matmul_native.ts";
import { matmulLayout } from "./matmul_layout.ts";
import { reduceNatives } from "./reduce_wasm.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";

/**
 * A matrix times a vector on the CPU device: every number of the matrix is used once, so all depends on reading it in the order of
 * memory, which is how sums over an axis are made.
 */
export const matmulWasmVector: NativeVariant<MatmulParams> = {
  name: "vector",
  when: (call) => {
    const { m, n, sum } = matmulLayout(typesOf(call.inputs), call.params);
    return Math.min(m, n) === 1 && (sum === "f32" || sum === "f64");
  },
  rank: () => 4,
  record: (call) => {
    const layout = matmulLayout(typesOf(call.inputs), call.params), { batch, m, n } = layout;
    const sums = sumsOf(call, layout), { a, b } = factorsOf(call, layout);
    reduceNatives[0].record({
      ...call,
      inputs: { a: rowsOf(a, layout.k), b: rowsOf(b, layout.k) },
      outputs: { out: { ...sums.value, shape: [...batch, m * n] } },
      params: { reduction: "sum", formula: "a * b", axes: [batch.length + 1] },
    });
    sums.finish();
  },
};

/** A factor as rows `[..., outer, inner]`, however it lies in memory: of one row the other factor has as many as it needs. */
function rowsOf({ value, outer, outerStride, innerStride }: Factor, k: number): Value {
  return {
    ...value,
    shape: [...value.shape.slice(0, -2), outer, k],
    strides: [...value.strides.slice(0, -2), outerStride, innerStride],
  };
}
