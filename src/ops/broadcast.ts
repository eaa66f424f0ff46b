import { byteSize } from "../device/mod.ts";
import { broadcastCases } from "./broadcast_cases.ts";
import { requireArray, requireShape } from "./contract_checks.ts";
import { defineOp, type OpDefinition, type VariantCall } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { broadcastIndex } from "./reference_index.ts";
import { type Copy, fourAtOnce, recordCopies } from "./strided_copy.ts";
import { recordHostCopies } from "./strided_copy_wasm.ts";
import { broadcastStrides, showShape, sizeOf, type Value } from "./value.ts";

/** Options of `broadcast`. */
export interface BroadcastParams {
  /** The shape of the result. */
  readonly shape: readonly number[];
}

/** A dense copy of `x` under a broadcast shape: repeated along axes of size 1 and new leading axes (`numpy.broadcast_to`). */
export const broadcast: OpDefinition<BroadcastParams> = defineOp({
  name: "broadcast",

  contract(inputs, { shape }) {
    const x = requireArray(inputs, "x");
    requireShape(shape);
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((size, k) => size !== 1 && size !== shape[lead + k])) {
      throw new TypeError(
        `Cannot broadcast x ${showShape(x.shape)} to ${showShape(shape)}: sizes must agree from the last axis or be 1`,
      );
    }
    return { out: { shape, dtype: x.dtype } };
  },

  reference({ x }, { shape }, { out }) {
    const at = broadcastIndex(x, shape);
    for (let k = 0; k < out.data.length; k++) out.data[k] = at(k);
  },

  kernels: [
    {
      name: "vec4",
      when: (call) => fourAtOnce([copyOf(call)]),
      rank: () => 1,
      record: (call) => recordCopies(call, call.outputs.out, [copyOf(call)], true),
    },
    { name: "strided", record: (call) => recordCopies(call, call.outputs.out, [copyOf(call)], false) },
  ],

  natives: [{ name: "wasm", record: (call) => recordHostCopies(call, call.outputs.out, [copyOf(call)]) }],

  // y_k = x_b(k), so x̄ sums ȳ over the copies of each element.
  vjp(k, { inputs, cotangents }) {
    const { x } = inputs, g = cotangents.out;
    return g && typeof x !== "number" ? { x: k.unbroadcast(g, x.shape) } : {};
  },

  keeps: () => ({ inputs: [], outputs: [] }),

  cost(inputs, _, { out }) {
    const x = requireArray(inputs, "x");
    return { bytes: sizeOf(x.shape) * byteSize(x.dtype) + sizeOf(out.shape) * byteSize(out.dtype), flops: 0 };
  },

  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),

  cases: [...broadcastCases, ...inDouble(broadcastCases)],
});

function copyOf(call: VariantCall<BroadcastParams>): Copy {
  const x = call.inputs.x as Value, { shape, strides } = call.outputs.out;
  return { from: { ...x, shape, strides: broadcastStrides(x, shape) }, strides, offset: 0 };
}
