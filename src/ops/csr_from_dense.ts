import { byteSize } from "../device/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { csrFromDenseCases } from "./csr_cases.ts";
import { csrFromDenseNatives } from "./csr_dense_wasm.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { prefixSum } from "./sort_rows.ts";
import { showShape, sizeOf, type Value } from "./value.ts";

/** Options of `csrFromDense`. */
export interface CsrFromDenseParams {
  /** Room for entries; those that are more are left out. */
  readonly room: number;
}

/** The nonzero elements (NaN among them) of a matrix `x` [n, m] as a CSR matrix: `starts` [n + 1], `columns` and `values` [room]. */
export const csrFromDense: OpDefinition<CsrFromDenseParams> = defineOp({
  name: "csrFromDense",

  contract(inputs, { room }) {
    const x = requireArray(inputs, "x");
    if (x.shape.length !== 2) throw new TypeError(`Expected "x" to be a matrix, got shape ${showShape(x.shape)}`);
    if (!Number.isSafeInteger(room) || room < 0) {
      throw new RangeError(`Expected "room" to be a whole number from 0, got ${room}`);
    }
    return {
      starts: { shape: [x.shape[0] + 1], dtype: "u32" },
      columns: { shape: [room], dtype: "u32" },
      values: { shape: [room], dtype: x.dtype },
    };
  },

  reference(inputs, { room }, { starts, columns, values }) {
    const { data, shape: [n, m] } = inputs.x as HostArray;
    let count = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        if (data[i * m + j] === 0 || count >= room) continue;
        columns.data[count] = j;
        values.data[count++] = data[i * m + j];
      }
      starts.data[i + 1] = count;
    }
  },

  kernels: [{
    name: "compact",
    record: (call) => {
      const x = call.dense(call.inputs.x as Value), [n, m] = x.shape, { room } = call.params;
      const { starts, columns, values } = call.outputs, dtype = x.dtype === "bool" ? "u32" : x.dtype;
      const places = call.temporary({ shape: [n * m + 1], dtype: "u32" });
      // NaN is not zero, but some drivers say so: zeros are told by their bits, without the sign.
      const zero = dtype === "f32"
        ? "(bitcast<u32>(v) & 0x7fffffffu) == 0u"
        : dtype === "f16"
        ? "(bitcast<u32>(f32(v)) & 0x7fffffffu) == 0u"
        : dtype === "f64"
        ? "(bitcast<u64>(v) & 0x7ffffffffffffffflu) == 0lu"
        : `v == ${dtype}(0)`;
      call.launch({
        key: "count",
        read: { x },
        write: { places },
        uniforms: { n: n * m, first: x.offset },
        workgroupSize: 64,
        workgroups: Math.ceil((n * m + 1) / 64),
        body: () =>
          `if (id > p.n) { return; }
var found = 0u;
if (id < p.n) { let v = x[p.first + id]; found = select(1u, 0u, ${zero}); }
places[id] = found;`,
      });
      prefixSum(call, places);
      const count = Math.max(n * m, room, n + 1);
      call.launch({
        key: "store",
        read: { x, places },
        write: { starts, columns, values },
        uniforms: { n: n * m, rows: n, columns_of_row: m, room, first: x.offset, count },
        workgroupSize: 64,
        workgroups: Math.ceil(count / 64),
        body: () =>
          `if (id >= p.count) { return; }
if (id <= p.rows) { starts[id] = min(places[id * p.columns_of_row], p.room); }
if (id < p.n) {
  let to = places[id];
  if (to < p.room && places[id + 1u] > to) { columns[to] = id % p.columns_of_row; values[to] = x[p.first + id]; }
}
if (id < p.room && id >= places[p.n]) { columns[id] = 0u; values[id] = ${dtype}(0); }`,
      });
    },
  }],

  natives: csrFromDenseNatives,

  // v_k = x[i, j] for the entry k at (i, j); the derivative at a zero, which has no entry, is 0.
  vjp(k, { inputs, outputs, cotangents }) {
    const g = cotangents.values, x = inputs.x;
    if (!g || typeof x === "number") return {};
    const { starts, columns } = outputs;
    return { x: k.apply("csrToDense", { starts, columns, values: g }, { shape: x.shape }).out };
  },

  keeps: () => ({ inputs: [], outputs: ["starts", "columns"] }),

  cost: (inputs, { room }) => {
    const { shape, dtype } = inputs.x!, size = byteSize(dtype);
    return { flops: 0, bytes: sizeOf(shape) * size + room * (4 + size) + 4 * (shape[0] + 1) };
  },
  error: (_inputs, _params, outputs) =>
    Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, new Float64Array(data.length)])),
  cases: [...csrFromDenseCases, ...inDouble(csrFromDenseCases)],
});
