import type { HostCall } from "./define.ts";
import { mapNatives } from "./map_wasm.ts";
import type { MatmulParams } from "./matmul.ts";
import { foldRows, type MatmulCall } from "./matmul_call.ts";
import { sumsOnly } from "./matmul_epilogue.ts";
import { factorsOf } from "./matmul_factor.ts";
import { type MatmulLayout, matmulLayout, PRODUCT } from "./matmul_layout.ts";
import { typesOf } from "./types_of.ts";
import { type Operand, sizeOf, type Value } from "./value.ts";

/** A call on the CPU device up to its sums: what follows them has no say in how the product is computed. */
export function nativeProduct(call: HostCall<MatmulParams>): MatmulCall {
  const layout = matmulLayout(typesOf(call.inputs), call.params);
  return foldRows({
    layout,
    batches: sizeOf(layout.batch),
    ...factorsOf(call, layout),
    epilogue: sumsOnly(layout.sum),
  });
}

/**
 * Where a native product stores its sums: the output itself where these are what the call asks for, else memory that `finish`
 * turns into the output by the epilogue.
 */
export interface Sums {
  /** Dense, of the shape of the output. */
  readonly value: Value;
  /** Computes the output; does nothing where it has been written already. */
  readonly finish: () => void;
}

/** Memory for the sums of a call on the CPU device. */
export function sumsOf(call: HostCall<MatmulParams>, { plain, shape, sum, plan }: MatmulLayout): Sums {
  const { out } = call.outputs;
  if (plain && out.dtype === sum) return { value: out, finish: () => {} };
  const value = call.temporary({ shape, dtype: sum });
  return {
    value,
    finish: () => {
      const inputs: Record<string, Operand> = Object.create(null);
      for (const name of plan.names) inputs[name] = name === PRODUCT ? value : call.inputs[name];
      mapNatives[0].record({ ...call, inputs, params: { out: { formula: plan.expr, dtype: out.dtype } } });
    },
  };
}
