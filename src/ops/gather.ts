import { byteSize, isFloat } from "../device/mod.ts";
import { requireArray, requireAxis, requireIndices } from "./contract_checks.ts";
import { defineOp, type OpDefinition } from "./define.ts";
import { gatherCases } from "./gather_cases.ts";
import { fillOf } from "./gather_fill.ts";
import { gatherKernels } from "./gather_kernels.ts";
import { gatherNatives } from "./gather_wasm.ts";
import { inDouble } from "./in_double.ts";
import { rowOf } from "./index_row.ts";
import { sizeOf } from "./value.ts";

/** Options of `gather`. */
export interface GatherParams {
  /** The axis of `x` whose positions the indices are. */
  readonly axis: number;
  /** What stands where an index is out of range. Default NaN, and 0 for integers and booleans. */
  readonly fill?: number;
}

/**
 * Elements of `x` at positions along an axis (`numpy.take`): `x` [a, n, b] and `indices` of any shape [s] give [a, s, b].
 * Negative indices count from the end. An index out of range gives `fill`, because nobody can throw from within a kernel.
 */
export const gather: OpDefinition<GatherParams> = defineOp({
  name: "gather",

  contract(inputs, params) {
    const x = requireArray(inputs, "x"), indices = requireArray(inputs, "indices"), { axis, fill } = params;
    requireAxis(axis, x.shape);
    requireIndices(indices, "indices");
    if (fill !== undefined && !isFloat(x.dtype) && !Number.isInteger(fill)) {
      throw new RangeError(`Expected "fill" to be a whole number for ${x.dtype}, got ${fill}`);
    }
    return {
      out: { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype },
    };
  },

  reference(inputs, params, { out }) {
    const x = inputs.x as { shape: readonly number[]; data: Float64Array }, { axis } = params;
    const indices = inputs.indices as { data: Float64Array };
    const n = x.shape[axis], outer = sizeOf(x.shape.slice(0, axis)), inner = sizeOf(x.shape.slice(axis + 1));
    const fill = fillOf(out.dtype, params);
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices.data) {
        const row = rowOf(index, n);
        for (let q = 0; q < inner; q++) out.data[at++] = row < 0 ? fill : x.data[(o * n + row) * inner + q];
      }
    }
  },

  kernels: gatherKernels,

  natives: gatherNatives,

  // out[a, s, b] = x[a, indices[s], b], so x̄ gathers up what arrives at each row: x̄[a, i, b] = Σ_{s: indices[s] = i} ȳ[a, s, b].
  vjp(k, { inputs, cotangents, params: { axis } }) {
    const { x, indices } = inputs, g = cotangents.out;
    if (!g || typeof x === "number" || typeof indices === "number") return {};
    const count = sizeOf(indices.shape);
    const zero = k.apply("map", {}, { out: { formula: "0", dtype: g.dtype } }).out;
    const updates = k.reshape(g, [...x.shape.slice(0, axis), count, ...x.shape.slice(axis + 1)]);
    const { out } = k.apply("scatterAdd", {
      x: k.broadcastTo(zero, x.shape),
      indices: k.reshape(indices, [count]),
      updates,
    }, { axis });
    return { x: out };
  },

  keeps: () => ({ inputs: ["indices"], outputs: [] }),

  cost(inputs, _, { out }) {
    const indices = requireArray(inputs, "indices");
    return { bytes: 2 * sizeOf(out.shape) * byteSize(out.dtype) + sizeOf(indices.shape) * 4, flops: 0 };
  },

  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),

  cases: [...gatherCases, ...inDouble(gatherCases)],
});
