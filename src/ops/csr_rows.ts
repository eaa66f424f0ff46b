import { defineOp, type OpDefinition } from "./define.ts";
import { csrRowsCases } from "./csr_cases.ts";
import { csrRowsNatives } from "./csr_rows_wasm.ts";
import { denseVectors, eachEntry, requireRows, ROW_OF_ENTRY } from "./sparse_pattern.ts";

/** Options of `csrRows`. */
export interface CsrRowsParams {
  /** Room for entries. */
  readonly room: number;
}

/** The row of each entry of a CSR matrix: `starts` [n + 1] gives [room]; n where there is no entry. */
export const csrRows: OpDefinition<CsrRowsParams> = defineOp({
  name: "csrRows",

  contract(inputs, { room }) {
    requireRows(inputs, []);
    if (!Number.isSafeInteger(room) || room < 0) {
      throw new RangeError(`Expected "room" to be a whole number from 0, got ${room}`);
    }
    return { out: { shape: [room], dtype: "u32" } };
  },

  reference(inputs, _, { out }) {
    const { shape } = inputs.starts as { shape: readonly number[] };
    out.data.fill(shape[0] - 1);
    eachEntry(inputs, (row, k) => out.data[k] = row);
  },

  kernels: [{
    name: "bisect",
    record: (call) => {
      const { read, uniforms } = denseVectors(call, ["starts"]), { room } = call.params;
      call.launch({
        key: "",
        read,
        write: { y: call.outputs.out },
        uniforms: { room, rows: read.starts.shape[0] - 1, ...uniforms },
        workgroupSize: 64,
        workgroups: Math.ceil(room / 64),
        declarations: () => ROW_OF_ENTRY,
        body: () => "if (id < p.room) { y[id] = row_of_entry(id); }",
      });
    },
  }],

  natives: csrRowsNatives,

  cost: (inputs, { room }) => ({ flops: 0, bytes: 4 * (room + inputs.starts!.shape[0]) }),
  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),
  cases: csrRowsCases,
});
