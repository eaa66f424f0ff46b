import type { CsrFromCooParams } from "./csr_from_coo.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import { prefixSum, sortRows } from "./sort_rows.ts";
import { blockOf, denseVectors } from "./sparse_pattern.ts";
import type { Value } from "./value.ts";

const WORKGROUP = 64;

/**
 * Sorts by column, then stably by row; marks the first triplet of each place, whose number among the marked is its entry; and sums the
 * triplets of each place in order, block by block where there are very many.
 */
export const csrFromCooSort: KernelVariant<CsrFromCooParams> = {
  name: "sort",
  record: (call) => {
    const { shape: [n, m] } = call.params, { values, slots } = call.outputs;
    const { read, uniforms } = denseVectors(call, ["rows", "columns", "values"]);
    const e = slots.shape[0], room = values.shape[0];
    const words = (length: number) => call.temporary({ shape: [length], dtype: "u32" });
    const each = (count: number) => ({ workgroupSize: WORKGROUP, workgroups: Math.ceil(count / WORKGROUP) });

    // Keys: a triplet outside the shape has the row n, so that it comes last.
    const rowKeys = words(e), columnKeys = words(e);
    if (e > 0) {
      call.launch({
        ...each(e),
        key: "keys",
        read: { rows: read.rows, columns: read.columns },
        write: { row_keys: rowKeys, column_keys: columnKeys },
        uniforms: { e, n, m, rows_0: uniforms.rows_0, columns_0: uniforms.columns_0 },
        body: () =>
          `if (id >= p.e) { return; }
let row = u32(rows[p.rows_0 + id]); let column = u32(columns[p.columns_0 + id]);
let inside = row < p.n && column < p.m;
row_keys[id] = select(p.n, row, inside);
column_keys[id] = select(0u, column, inside);`,
      });
    }
    const byColumn = sortRows(call, columnKeys, m), sortedRows = words(e);
    if (e > 0) {
      call.launch({
        ...each(e),
        key: "rows by column",
        read: { row_keys: rowKeys, order: byColumn.order },
        write: { sorted_rows: sortedRows },
        uniforms: { e },
        body: () => "if (id < p.e) { sorted_rows[id] = row_keys[order[id]]; }",
      });
    }
    const byRow = sortRows(call, sortedRows, n);
    // Where each triplet stands, and how many places come before: place[k + 1] − 1 is the entry of the k-th in order.
    const order = words(e), place = words(e + 1);
    call.launch({
      ...each(e + 1),
      key: "places",
      read: { first: byColumn.order, second: byRow.order, keys: byRow.keys, column_keys: columnKeys },
      write: { order, place },
      uniforms: { e, n },
      body: () =>
        `if (id > p.e) { return; }
var fresh = 0u;
if (id < p.e) {
  let origin = first[second[id]];
  order[id] = origin;
  if (keys[id] < p.n) {
    fresh = 1u;
    if (id > 0u && keys[id - 1u] == keys[id] && column_keys[first[second[id - 1u]]] == column_keys[origin]) { fresh = 0u; }
  }
}
place[id] = fresh;`,
    });
    prefixSum(call, place);
    storePattern(call, { order, place, keys: byRow.keys, rowStarts: byRow.starts, columnKeys, e, n, room });
    if (e > 0) sumValues(call, { read: read.values, first: uniforms.values_0, order, place, rowStarts: byRow.starts });
  },
};

/** Starts, columns (0 beyond the last) and slots. */
function storePattern(
  call: KernelCall<CsrFromCooParams>,
  { order, place, keys, rowStarts, columnKeys, e, n, room }: {
    order: Value;
    place: Value;
    keys: Value;
    rowStarts: Value;
    columnKeys: Value;
    e: number;
    n: number;
    room: number;
  },
): void {
  const { starts, columns, slots } = call.outputs, count = Math.max(room, n + 1);
  call.launch({
    key: "pattern",
    read: { order, place, keys, row_starts: rowStarts, column_keys: columnKeys },
    write: { starts, columns, slots },
    uniforms: { e, n, room, count },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(count / WORKGROUP),
    body: () =>
      `if (id >= p.count) { return; }
if (id <= p.n) { starts[id] = place[row_starts[id]]; }
if (id < p.e) {
  let next = place[id + 1u];
  slots[order[id]] = select(p.room, next - 1u, keys[id] < p.n);
  if (next > place[id]) { columns[place[id]] = column_keys[order[id]]; }
}
if (id < p.room && id >= place[p.e]) { columns[id] = 0u; }`,
  });
}

/** Sums of the triplets of each entry, 0 beyond the last. */
function sumValues(
  call: KernelCall<CsrFromCooParams>,
  { read, first, order, place, rowStarts }: {
    read: Value;
    first: number;
    order: Value;
    place: Value;
    rowStarts: Value;
  },
): void {
  const { values } = call.outputs, e = order.shape[0], n = call.params.shape[0], room = values.shape[0];
  const { dtype } = values, sum = dtype === "f16" || dtype === "bool" ? "f32" : dtype;
  const block = blockOf(e), blocks = Math.floor(e / block);
  const sums = blocks > 0 ? call.temporary({ shape: [blocks], dtype: sum }) : undefined;
  const shared = { e, n, room, block, blocks, first };
  const add = (from: string, to: string) =>
    `for (var k = ${from}; k < ${to}; k++) { s += ${sum}(values[p.first + order[k]]); }`;
  if (sums) {
    call.launch({
      key: "blocks",
      read: { values: read, order, place },
      write: { sums },
      uniforms: shared,
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(blocks / WORKGROUP),
      body: () =>
        `if (id >= p.blocks) { return; }
let begin = id * p.block; let end = begin + p.block;
if (place[begin + 1u] != place[end]) { return; }
var s = ${sum}(0);
${add("begin", "end")}
sums[id] = s;`,
    });
  }
  call.launch({
    key: `values|${sums !== undefined}`,
    read: { values: read, order, place, row_starts: rowStarts, ...(sums ? { sums } : {}) },
    write: { y: values },
    uniforms: shared,
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(room / WORKGROUP),
    // The triplets of entry `id` are those k with place[k + 1] = id + 1, before the ones that were dropped.
    declarations: () =>
      `fn first_of(entry: u32) -> u32 {
  var low = 0u;
  var high = row_starts[p.n];
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (place[middle + 1u] <= entry) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}`,
    body: () =>
      `if (id >= p.room) { return; }
var s = ${sum}(0);
if (id < place[p.e]) {
  let start = first_of(id); let end = first_of(id + 1u);
  ${
        sums
          ? `let first_block = (start + p.block - 1u) / p.block; let last_block = end / p.block;
  let whole = first_block < last_block;
  let head = select(end, first_block * p.block, whole);
  let tail = select(end, last_block * p.block, whole);
  ${add("start", "head")}
  for (var b = first_block; b < last_block; b++) { s += sums[b]; }
  ${add("tail", "end")}`
          : add("start", "end")
      }
}
y[id] = ${dtype}(s);`,
  });
}
