import { csrTransposeCases } from "./csr_cases.ts";
import { csrTransposeNatives } from "./csr_transpose_wasm.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { sortRows } from "./sort_rows.ts";
import { denseVectors, eachEntry, requireRows, ROW_OF_ENTRY } from "./sparse_pattern.ts";

/** Options of `csrTranspose`. */
export interface CsrTransposeParams {
  /** Columns of the matrix: rows of its transpose. */
  readonly columns: number;
}

/**
 * The pattern of the transpose of a CSR matrix [n, m]: `starts` [m + 1], `columns` (the rows that were), and `order`: entry k of the
 * transpose is entry order[k] of the matrix. Entries of equal column keep their order, so rows come sorted.
 */
export const csrTranspose: OpDefinition<CsrTransposeParams> = defineOp({
  name: "csrTranspose",

  contract(inputs, { columns }) {
    const { room } = requireRows(inputs, ["columns"]);
    if (!Number.isSafeInteger(columns) || columns < 0) {
      throw new RangeError(`Expected "columns" to be a whole number from 0, got ${columns}`);
    }
    return {
      starts: { shape: [columns + 1], dtype: "u32" },
      columns: { shape: [room], dtype: "u32" },
      order: { shape: [room], dtype: "u32" },
    };
  },

  reference(inputs, { columns: m }, { starts, columns, order }) {
    const from = (inputs.columns as HostArray).data;
    eachEntry(inputs, (_, k) => starts.data[from[k] + 1]++);
    for (let j = 0; j < m; j++) starts.data[j + 1] += starts.data[j];
    const next = starts.data.slice();
    const entries = starts.data[m];
    eachEntry(inputs, (row, k) => {
      const to = next[from[k]]++;
      columns.data[to] = row;
      order.data[to] = k;
    });
    for (let k = entries; k < order.data.length; k++) order.data[k] = k;
  },

  kernels: [{
    name: "sort",
    record: (call) => {
      const { read, uniforms } = denseVectors(call, ["starts", "columns"]), { starts, columns, order } = call.outputs;
      const rows = read.starts.shape[0] - 1, m = call.params.columns, room = columns.shape[0];
      const keys = call.temporary({ shape: [room], dtype: "u32" });
      const entries = call.temporary({ shape: [room], dtype: "u32" });
      const common = { workgroupSize: 64, workgroups: Math.ceil(room / 64) };
      if (room > 0) {
        call.launch({
          ...common,
          key: "columns",
          read,
          write: { keys, entries },
          uniforms: { room, rows, m, ...uniforms },
          declarations: () => ROW_OF_ENTRY,
          body: () =>
            `if (id >= p.room) { return; }
let row = row_of_entry(id);
entries[id] = row;
var key = p.m;
if (row < p.rows) { key = columns[p.columns_0 + id]; }
keys[id] = key;`,
        });
      }
      const sorted = sortRows(call, keys, m);
      const count = Math.max(room, m + 1);
      call.launch({
        key: "store",
        read: { entries, origin: sorted.order, sorted: sorted.starts, keys: sorted.keys },
        write: { starts, columns, order },
        uniforms: { room, m, count },
        workgroupSize: 64,
        workgroups: Math.ceil(count / 64),
        body: () =>
          `if (id >= p.count) { return; }
if (id <= p.m) { starts[id] = sorted[id]; }
if (id < p.room) {
  order[id] = origin[id];
  columns[id] = select(0u, entries[origin[id]], keys[id] < p.m);
}`,
      });
    },
  }],

  natives: csrTransposeNatives,

  cost: (inputs, { columns }) => ({
    flops: 0,
    bytes: 4 * (inputs.starts!.shape[0] + columns + 1 + 3 * inputs.columns!.shape[0]),
  }),
  error: (_inputs, _params, outputs) =>
    Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, new Float64Array(data.length)])),
  cases: csrTransposeCases,
});
