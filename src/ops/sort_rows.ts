import type { KernelCall } from "./define.ts";
import { rowFunction } from "./index_row.ts";
import type { Value } from "./value.ts";

const WORKGROUP = 64;
/** Keys that one invocation counts and places, one after the other: that keeps equal keys in order. */
const TILE = 64;
const DIGIT_BITS = 4;
const DIGITS = 1 << DIGIT_BITS;
/** Elements of a prefix sum that one invocation adds up. */
const RUN = 256;

/** Positions sorted by the row that they point at: a matrix of rows × positions in CSR form. */
export interface SortedRows {
  /** Positions 0 … m − 1 in order of their rows; equal rows keep their order. */
  readonly order: Value;
  /** Row of each entry of `order`; the number of rows for an index out of range. */
  readonly keys: Value;
  /** Where each row begins in `order`, and where the last one ends: `[rows + 1]`. */
  readonly starts: Value;
}

/**
 * Sorts the positions of `indices` [m] by row: a radix sort whose passes count and place tiles of keys (Satish, Harris, Garland
 * 2009, with a tile per invocation instead of a workgroup). Nothing depends on the order in which invocations run.
 */
export function sortRows<P>(call: KernelCall<P>, indices: Value, rows: number): SortedRows {
  const m = indices.shape[0], tiles = Math.ceil(m / TILE);
  const words = () => call.temporary({ shape: [m], dtype: "u32" });
  let keys = words(), order = words(), nextKeys = words(), nextOrder = words();
  const counts = call.temporary({ shape: [DIGITS * tiles], dtype: "u32" });
  call.launch({
    key: "keys",
    read: { indices },
    write: { keys, order },
    uniforms: { m, rows, first: indices.offset, stride: indices.strides[0] },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(m / WORKGROUP),
    declarations: () => rowFunction(indices.dtype as "i32" | "u32"),
    body: () =>
      `if (id >= p.m) { return; }
keys[id] = min(row_of(indices[p.first + id * p.stride]), p.rows);
order[id] = id;`,
  });
  // Keys run from 0 to rows, the latter for dropped updates.
  const bits = 32 - Math.clz32(rows);
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    const pass = { m, tiles, shift };
    call.launch({
      key: "count",
      read: { keys },
      write: { counts },
      uniforms: pass,
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(tiles / WORKGROUP),
      body: () =>
        `if (id >= p.tiles) { return; }
var found: array<u32, ${DIGITS}>;
let end = min((id + 1u) * ${TILE}u, p.m);
for (var k = id * ${TILE}u; k < end; k++) { found[(keys[k] >> p.shift) & ${DIGITS - 1}u] += 1u; }
for (var d = 0u; d < ${DIGITS}u; d++) { counts[d * p.tiles + id] = found[d]; }`,
    });
    prefixSum(call, counts);
    call.launch({
      key: "place",
      read: { keys, order, counts },
      write: { next_keys: nextKeys, next_order: nextOrder },
      uniforms: pass,
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(tiles / WORKGROUP),
      body: () =>
        `if (id >= p.tiles) { return; }
var next: array<u32, ${DIGITS}>;
for (var d = 0u; d < ${DIGITS}u; d++) { next[d] = counts[d * p.tiles + id]; }
let end = min((id + 1u) * ${TILE}u, p.m);
for (var k = id * ${TILE}u; k < end; k++) {
  let key = keys[k];
  let digit = (key >> p.shift) & ${DIGITS - 1}u;
  let to = next[digit];
  next[digit] = to + 1u;
  next_keys[to] = key;
  next_order[to] = order[k];
}`,
    });
    [keys, nextKeys] = [nextKeys, keys];
    [order, nextOrder] = [nextOrder, order];
  }
  const starts = call.temporary({ shape: [rows + 1], dtype: "u32" });
  call.launch({
    key: "starts",
    read: { keys },
    write: { starts },
    uniforms: { m, rows },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil((rows + 1) / WORKGROUP),
    body: () =>
      `if (id > p.rows) { return; }
var low = 0u;
var high = p.m;
while (low < high) {
  let middle = low + (high - low) / 2u;
  if (keys[middle] < id) { low = middle + 1u; } else { high = middle; }
}
starts[id] = low;`,
  });
  return { order, keys, starts };
}

/** Replaces each element by the sum of those before it. */
export function prefixSum<P>(call: KernelCall<P>, values: Value): void {
  const n = values.shape[0], runs = Math.ceil(n / RUN);
  if (n === 0) return;
  const carried: Record<string, Value> = runs > 1 ? { sums: call.temporary({ shape: [runs], dtype: "u32" }) } : {};
  const common = { uniforms: { n, runs }, workgroupSize: WORKGROUP, workgroups: Math.ceil(runs / WORKGROUP) };
  const head = `if (id >= p.runs) { return; }
let end = min((id + 1u) * ${RUN}u, p.n);`;
  if (runs > 1) {
    call.launch({
      ...common,
      key: "sums",
      read: { values },
      write: carried,
      body: () =>
        `${head}
var s = 0u;
for (var k = id * ${RUN}u; k < end; k++) { s += values[k]; }
sums[id] = s;`,
    });
    prefixSum(call, carried.sums);
  }
  call.launch({
    ...common,
    key: `prefix|${runs > 1}`,
    read: carried,
    write: { values },
    body: () =>
      `${head}
var s = ${runs > 1 ? "sums[id]" : "0u"};
for (var k = id * ${RUN}u; k < end; k++) { let v = values[k]; values[k] = s; s += v; }`,
  });
}
