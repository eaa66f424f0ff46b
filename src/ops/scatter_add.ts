import { byteSize, isFloat } from "../device/mod.ts";
import { requireArray, requireAxis, requireIndices } from "./contract_checks.ts";
import { defineOp, type HostArray, type HostInputs, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { rowOf } from "./index_row.ts";
import { scatterAtomic, scatterIntegerAtomic } from "./scatter_add_atomic.ts";
import { scatterAddCases } from "./scatter_add_cases.ts";
import { scatterCsr } from "./scatter_add_csr.ts";
import { scatterAddNatives } from "./scatter_add_wasm.ts";
import { showShape, sizeOf } from "./value.ts";

/** Options of `scatterAdd`. */
export interface ScatterAddParams {
  /** The axis of `x` whose positions the indices are. */
  readonly axis: number;
}

/**
 * `x` [a, n, b] with `updates` [a, m, b] added at positions `indices` [m] along an axis (`numpy.add.at`): repeated positions add
 * up, in the same order in every run. Negative indices count from the end; updates at indices out of range are dropped.
 */
export const scatterAdd: OpDefinition<ScatterAddParams> = defineOp({
  name: "scatterAdd",

  contract(inputs, { axis }) {
    const x = requireArray(inputs, "x"),
      indices = requireArray(inputs, "indices"),
      updates = requireArray(inputs, "updates");
    requireAxis(axis, x.shape);
    requireIndices(indices, "indices");
    if (indices.shape.length !== 1) {
      throw new TypeError(`Expected "indices" to be a vector [m], got shape ${showShape(indices.shape)}`);
    }
    if (x.dtype === "bool") throw new TypeError("Cannot add to x of dtype bool: expected numbers");
    if (updates.dtype !== x.dtype) {
      throw new TypeError(`Cannot add updates ${updates.dtype} to x ${x.dtype}: dtypes differ`);
    }
    const expected = x.shape.map((s, k) => k === axis ? indices.shape[0] : s);
    if (updates.shape.length !== expected.length || updates.shape.some((s, k) => s !== expected[k])) {
      throw new TypeError(
        `Cannot add updates ${showShape(updates.shape)} to x ${showShape(x.shape)} at ${indices.shape[0]} positions ` +
          `of axis ${axis}: expected updates ${showShape(expected)}`,
      );
    }
    return { out: { shape: x.shape, dtype: x.dtype } };
  },

  reference(inputs, params, { out }) {
    const { data, dtype } = inputs.x as HostArray, updates = inputs.updates as HostArray;
    out.data.set(data);
    eachUpdate(inputs, params, (to, from) => {
      const sum = out.data[to] + updates.data[from];
      out.data[to] = dtype === "i32" ? sum | 0 : dtype === "u32" ? sum >>> 0 : sum;
    });
  },

  kernels: [...scatterCsr, scatterIntegerAtomic, scatterAtomic],

  natives: scatterAddNatives,

  // y = x + Σ_k e_{indices[k]} u_k, so x̄ = ȳ and ū_k = ȳ[indices[k]], which is 0 for the updates that were dropped.
  vjp(k, { inputs, cotangents, params: { axis } }) {
    const g = cotangents.out, { indices } = inputs;
    if (!g || typeof indices === "number") return {};
    return { x: g, updates: k.apply("gather", { x: g, indices }, { axis, fill: 0 }).out };
  },

  keeps: () => ({ inputs: ["indices"], outputs: [] }),

  cost(inputs, _, { out }) {
    const updates = requireArray(inputs, "updates"), count = sizeOf(updates.shape);
    const bytes = (count + 2 * sizeOf(out.shape)) * byteSize(out.dtype) + requireArray(inputs, "indices").shape[0] * 4;
    return { bytes, flops: count };
  },

  // A sum of c + 1 terms in any order is off by at most c u Σ|terms|; it is taken in f32 (f64 if that is the dtype) and rounded
  // to the output's dtype.
  error(inputs, params, { out }, u) {
    const { data, dtype } = inputs.x as HostArray, updates = inputs.updates as HostArray;
    const magnitude = data.map(Math.abs), count = new Float64Array(data.length);
    eachUpdate(inputs, params, (to, from) => {
      magnitude[to] += Math.abs(updates.data[from]);
      count[to]++;
    });
    if (!isFloat(dtype)) return { out: new Float64Array(data.length) };
    const inner = dtype === "f64" ? u : 2 ** -24;
    return {
      out: out.data.map((y, k) => {
        if (count[k] === 0 || !Number.isFinite(y)) return 0;
        return (1 + count[k]) * inner * magnitude[k] + (dtype === "f16" ? u * Math.abs(y) : 0);
      }),
    };
  },

  cases: [...scatterAddCases, ...inDouble(scatterAddCases)],
});

/** Calls `visit` with flat positions in `x` and in `updates` of every element that is added, in order of the indices. */
function eachUpdate(inputs: HostInputs, { axis }: ScatterAddParams, visit: (to: number, from: number) => void): void {
  const { shape } = inputs.x as HostArray, indices = (inputs.indices as HostArray).data;
  const n = shape[axis], m = indices.length;
  const outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis + 1));
  for (let k = 0; k < m; k++) {
    const row = rowOf(indices[k], n);
    if (row < 0) continue;
    for (let o = 0; o < outer; o++) {
      for (let q = 0; q < inner; q++) visit((o * n + row) * inner + q, (o * m + k) * inner + q);
    }
  }
}
