import type { VariantCall } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import type { MatmulLayout } from "./matmul_layout.ts";
import { broadcastStrides, type Value } from "./value.ts";

/** One operand as the kernels see it: a stack of matrices `[outer, inner]` whose rows are multiplied along `inner`. */
export interface Factor {
  /** Name of the binding. */
  readonly name: "a" | "b";
  /** Memory and dtype. */
  readonly value: Value;
  /** m for `a`, n for `b`. */
  readonly outer: number;
  /** Elements between neighbours along the outer axis. */
  readonly outerStride: number;
  /** Elements between neighbours along the inner axis, which has k elements. */
  readonly innerStride: number;
  /** Strides along the broadcast leading axes. */
  readonly batchStrides: readonly number[];
}

/** The operands of a call. */
export function factorsOf(call: VariantCall<MatmulParams>, { batch, m, n }: MatmulLayout): { a: Factor; b: Factor } {
  const { transposeA = false, transposeB = false } = call.params;
  const factor = (name: "a" | "b", outer: number, outerAxis: 1 | 2): Factor => {
    const value = call.inputs[name] as Value, rank = value.shape.length;
    const leading = { ...value, shape: value.shape.slice(0, -2), strides: value.strides.slice(0, -2) };
    return {
      name,
      value,
      outer,
      outerStride: value.strides[rank - outerAxis],
      innerStride: value.strides[rank - (3 - outerAxis)],
      batchStrides: broadcastStrides(leading, batch),
    };
  };
  return { a: factor("a", m, transposeA ? 1 : 2), b: factor("b", n, transposeB ? 2 : 1) };
}
