import { byteSize, isFloat } from "../device/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { sortCases } from "./sort_cases.ts";
import { sortKernels } from "./sort_kernels.ts";
import { sortNatives } from "./sort_wasm.ts";
import { sizeOf } from "./value.ts";

/** Options of `sort`. */
export interface SortParams {
  /** Largest first. Default false. */
  readonly descending?: boolean;
}

/**
 * The elements of `x` [..., n] in order along the last axis, `out`, and the position that each had, `positions` (i32). Equal elements, among
 * them zeros of both signs, keep their order in either direction, and NaN comes last: `numpy.sort` and `argsort` with `kind="stable"`.
 */
export const sort: OpDefinition<SortParams> = defineOp({
  name: "sort",

  contract(inputs) {
    const x = requireArray(inputs, "x");
    if (x.shape.length === 0) throw new TypeError("Cannot sort a single number: expected x [..., n]");
    const other = Object.keys(inputs).find((name) => name !== "x");
    if (other) throw new TypeError(`Input "${other}" is not used: sort reads x`);
    return { out: { shape: x.shape, dtype: x.dtype }, positions: { shape: x.shape, dtype: "i32" } };
  },

  reference(inputs, { descending = false }, { out, positions }) {
    const { shape, data } = inputs.x as HostArray, n = shape[shape.length - 1];
    const order = (p: number, q: number) => {
      const v = data[p], w = data[q];
      if (Number.isNaN(v) || Number.isNaN(w)) return Number(Number.isNaN(v)) - Number(Number.isNaN(w));
      return v === w ? 0 : (v < w) === descending ? 1 : -1;
    };
    for (let row = 0; row < data.length; row += n) {
      const sorted = Array.from({ length: n }, (_, k) => row + k).sort((p, q) => order(p, q) || p - q);
      sorted.forEach((p, k) => {
        out.data[row + k] = data[p];
        positions.data[row + k] = p - row;
      });
    }
  },

  kernels: sortKernels,

  natives: sortNatives,

  // out[r, k] = x[r, positions[r, k]], a permutation of each row: x̄[r, positions[r, k]] = ȳ[r, k]. At ties it is that of the order taken.
  vjp(k, { inputs, outputs, cotangents }) {
    const g = cotangents.out, { x } = inputs, { positions } = outputs;
    if (!g || typeof x === "number" || !isFloat(x.dtype)) return {};
    const n = x.shape[x.shape.length - 1], count = sizeOf(x.shape);
    if (count === 0) return { x: g };
    const rows = k.apply("map", { r: k.range(count / n) }, { out: { formula: "r", dtype: "i32" } }).out;
    const flat = k.apply("map", {
      q: k.reshape(positions, [count / n, n]),
      r: k.reshape(rows, [count / n, 1]),
      n,
    }, { out: { formula: "q + r * n", dtype: "i32" } }).out;
    const zero = k.apply("map", {}, { out: { formula: "0", dtype: g.dtype } }).out;
    const { out } = k.apply("scatterAdd", {
      x: k.broadcastTo(zero, [count]),
      indices: k.reshape(flat, [count]),
      updates: k.reshape(g, [count]),
    }, { axis: 0 });
    return { x: k.reshape(out, x.shape) };
  },

  keeps: () => ({ inputs: [], outputs: ["positions"] }),

  cost(_inputs, _params, { out }) {
    const n = sizeOf(out.shape), length = out.shape[out.shape.length - 1];
    return { bytes: n * (2 * byteSize(out.dtype) + 4), flops: n * Math.ceil(Math.log2(Math.max(2, length))) };
  },

  error: (_inputs, _params, { out, positions }) => ({
    out: new Float64Array(out.data.length),
    positions: new Float64Array(positions.data.length),
  }),

  cases: [...sortCases, ...inDouble(sortCases)],
});
