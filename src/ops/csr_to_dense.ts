import { byteSize } from "../device/mod.ts";
import { csrToDenseCases } from "./csr_cases.ts";
import { csrToDenseNatives } from "./csr_dense_wasm.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { denseVectors, eachEntry, requireMatrixShape, requireRows, ROW_OF_ENTRY } from "./sparse_pattern.ts";
import { sizeOf } from "./value.ts";

/** Options of `csrToDense`. */
export interface CsrToDenseParams {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
}

/** The stored matrix [n, m] of a CSR matrix in which no place has two entries. */
export const csrToDense: OpDefinition<CsrToDenseParams> = defineOp({
  name: "csrToDense",

  contract(inputs, { shape }) {
    const { n } = requireRows(inputs, ["columns", "values"]);
    requireMatrixShape(shape);
    if (n !== shape[0]) throw new TypeError(`Expected "starts" to have the length ${shape[0] + 1}, got ${n + 1}`);
    return { out: { shape, dtype: inputs.values!.dtype } };
  },

  reference(inputs, { shape: [, m] }, { out }) {
    const columns = (inputs.columns as HostArray).data, values = (inputs.values as HostArray).data;
    eachEntry(inputs, (row, k) => out.data[row * m + columns[k]] = values[k]);
  },

  kernels: [{
    name: "scatter",
    record: (call) => {
      const { shape: [n, m] } = call.params, { out } = call.outputs, dtype = out.dtype === "bool" ? "u32" : out.dtype;
      const { read, uniforms } = denseVectors(call, ["starts", "columns", "values"]), room = read.values.shape[0];
      call.launch({
        key: "zeros",
        read: {},
        write: { y: out },
        uniforms: { n: n * m },
        workgroupSize: 64,
        workgroups: Math.ceil(n * m / 64),
        body: () => `if (id < p.n) { y[id] = ${dtype}(0); }`,
      });
      if (room === 0) return;
      call.launch({
        key: "entries",
        read,
        write: { y: out },
        uniforms: { room, rows: n, columns_of_row: m, ...uniforms },
        workgroupSize: 64,
        workgroups: Math.ceil(room / 64),
        declarations: () => ROW_OF_ENTRY,
        body: () =>
          `if (id >= p.room) { return; }
let row = row_of_entry(id);
if (row < p.rows) { y[row * p.columns_of_row + columns[p.columns_0 + id]] = values[p.values_0 + id]; }`,
      });
    },
  }],

  natives: csrToDenseNatives,

  // D[i, j] = v_k for the entry k at (i, j), so v̄_k = D̄[i, j].
  vjp(k, { inputs, cotangents, params: { shape: [n, m] } }) {
    const g = cotangents.out, { starts, columns } = inputs;
    if (!g || typeof starts === "number" || typeof columns === "number") return {};
    const rows = k.apply("csrRows", { starts }, { room: columns.shape[0] }).out;
    const indices = k.map("r * m + c", { r: rows, c: columns, m });
    return { values: k.apply("gather", { x: k.reshape(g, [n * m]), indices }, { axis: 0, fill: 0 }).out };
  },

  keeps: () => ({ inputs: ["starts", "columns"], outputs: [] }),

  cost: (inputs, _, { out }) => ({
    flops: 0,
    bytes: sizeOf(out.shape) * byteSize(out.dtype) + inputs.columns!.shape[0] * (4 + byteSize(out.dtype)),
  }),
  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),
  cases: [...csrToDenseCases, ...inDouble(csrToDenseCases)],
});
