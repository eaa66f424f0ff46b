import { byteSize, isFloat } from "../device/mod.ts";
import { requireIndices } from "./contract_checks.ts";
import { csrFromCooCases } from "./csr_cases.ts";
import { csrFromCooSort } from "./csr_from_coo_sort.ts";
import { csrFromCooNatives } from "./csr_from_coo_wasm.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { requireMatrixShape, requireVector } from "./sparse_pattern.ts";

/** Options of `csrFromCoo`. */
export interface CsrFromCooParams {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
}

/**
 * A CSR matrix from triplets in any order, `rows` [e], `columns` [e] and `values` [e]: sorted by row, then column; triplets of one place
 * add up in their order, those outside the shape are dropped. Gives `starts` [n + 1]; `columns` and `values` of length e rounded
 * up to whole vectors of four, 0 beyond the last entry; and `slots` [e], the entry that each triplet went to (or that length).
 */
export const csrFromCoo: OpDefinition<CsrFromCooParams> = defineOp({
  name: "csrFromCoo",

  contract(inputs, { shape }) {
    requireMatrixShape(shape);
    const types = ["rows", "columns", "values"].map((name) => requireVector(inputs, name));
    const [e] = types[0].shape, { dtype } = types[2];
    requireIndices(types[0], "rows");
    requireIndices(types[1], "columns");
    if (types.some((type) => type.shape[0] !== e)) {
      throw new TypeError(
        `Expected "rows", "columns" and "values" of one length, got ${types.map((t) => t.shape[0]).join(", ")}`,
      );
    }
    if (dtype === "bool") throw new TypeError("Cannot add up values of dtype bool: expected numbers");
    const room = Math.ceil(e / 4) * 4;
    return {
      starts: { shape: [shape[0] + 1], dtype: "u32" },
      columns: { shape: [room], dtype: "u32" },
      values: { shape: [room], dtype },
      slots: { shape: [e], dtype: "u32" },
    };
  },

  reference(inputs, { shape: [n, m] }, { starts, columns, values, slots }) {
    const [r, c, v] = [inputs.rows, inputs.columns, inputs.values].map((x) => (x as HostArray).data);
    const inside = [...r.keys()].filter((k) => r[k] >= 0 && r[k] < n && c[k] >= 0 && c[k] < m);
    inside.sort((a, b) => r[a] - r[b] || c[a] - c[b] || a - b);
    slots.data.fill(columns.data.length);
    let count = 0;
    inside.forEach((k, q) => {
      const before = inside[q - 1];
      if (q === 0 || r[before] !== r[k] || c[before] !== c[k]) {
        columns.data[count++] = c[k];
        starts.data[r[k] + 1]++;
      }
      const sum = values.data[count - 1] + v[k];
      values.data[count - 1] = values.dtype === "i32" ? sum | 0 : values.dtype === "u32" ? sum >>> 0 : sum;
      slots.data[k] = count - 1;
    });
    for (let i = 0; i < n; i++) starts.data[i + 1] += starts.data[i];
  },

  kernels: [csrFromCooSort],

  natives: csrFromCooNatives,

  // v_s = Σ of the triplets that went to entry s, so each gets what arrives at its entry.
  vjp(k, { outputs, cotangents }) {
    const g = cotangents.values;
    if (!g) return {};
    return { values: k.apply("gather", { x: g, indices: outputs.slots }, { axis: 0, fill: 0 }).out };
  },

  keeps: () => ({ inputs: [], outputs: ["slots"] }),

  cost(inputs, { shape }) {
    const e = inputs.values!.shape[0], size = byteSize(inputs.values!.dtype);
    return { flops: e, bytes: e * (16 + 2 * size) + 4 * (shape[0] + 1) };
  },

  // A sum of t values in any order is off by at most t u Σ|values|; patterns are exact.
  error(inputs, _, { starts, columns, values, slots }, u) {
    const v = (inputs.values as HostArray).data, room = values.data.length;
    const magnitude = new Float64Array(room), terms = new Float64Array(room);
    slots.data.forEach((slot, k) => {
      if (slot >= room) return;
      magnitude[slot] += Math.abs(v[k]);
      terms[slot]++;
    });
    const inner = values.dtype === "f64" ? u : 2 ** -24, exact = !isFloat(values.dtype);
    return {
      starts: new Float64Array(starts.data.length),
      columns: new Float64Array(columns.data.length),
      slots: new Float64Array(slots.data.length),
      values: values.data.map((y, k) =>
        exact || terms[k] < 2 || !Number.isFinite(y)
          ? 0
          : terms[k] * inner * magnitude[k] + (values.dtype === "f16" ? u * Math.abs(y) : 0)
      ),
    };
  },

  cases: [...csrFromCooCases, ...inDouble(csrFromCooCases)],
});
