import type { KernelCall, KernelVariant } from "./define.ts";
import type { SortParams } from "./sort.ts";
import { sizeOf, type Value } from "./value.ts";

type Call = KernelCall<SortParams>;

/** Elements that a workgroup sorts in its memory, and its lanes. */
const TILE = 1024, LANES = 256;
const WORKGROUP = 64;

/** What the kernels of one call share. */
interface Task {
  readonly call: Call;
  /** Dense. */
  readonly x: Value;
  readonly n: number;
  readonly rows: number;
  /** Type of keys. */
  readonly word: "u32" | "u64";
}

/** Keys whose unsigned order is that of the elements; NaN has the largest one. */
function keyText({ x, word, call }: Task): string {
  const long = word === "u64", s = long ? "lu" : "u";
  const flip = call.params.descending ? `~key` : "key";
  if (x.dtype === "u32" || x.dtype === "bool") return `fn key_of(v: u32) -> u32 { let key = v; return ${flip}; }`;
  if (x.dtype === "i32") return `fn key_of(v: i32) -> u32 { let key = bitcast<u32>(v) ^ 0x80000000u; return ${flip}; }`;
  const [scalar, sign, infinity, none] = long
    ? ["f64", "0x8000000000000000lu", "0x7ff0000000000000lu", "0xfffffffffffffffflu"]
    : ["f32", "0x80000000u", "0x7f800000u", "0xffffffffu"];
  return `fn key_of(v: ${x.dtype}) -> ${word} {
  let bits = bitcast<${word}>(${scalar}(v));
  let magnitude = bits & ~${sign};
  if (magnitude > ${infinity}) { return ${none}; }
  var key = bits | ${sign};
  if (magnitude != 0${s} && bits != magnitude) { key = ~bits; }
  return ${flip};
}`;
}

/** Whether element q goes before element i: equal keys are in order of their positions. */
const SMALLER = `fn smaller(k: #, r: u32, other: #, s: u32) -> bool { return (k < other) || (k == other && r < s); }`;

/** Text that puts places `i` and `q` of the workgroup's memory in order. */
const EXCHANGE = `let a = keys[i]; let r = places[i]; let b = keys[q]; let s = places[q];
if (smaller(b, s, a, r)) { keys[i] = b; places[i] = s; keys[q] = a; places[q] = r; }`;

/** The workgroup's memory, and steps over it. */
function tileText(task: Task, tile: number, lanes: number) {
  const { word } = task, half = tile / 2;
  const steps = (body: string) =>
    `for (var e = lane; e < ${half}u; e += ${lanes}u) {\n${body}\n${EXCHANGE}\n}\nworkgroupBarrier();`;
  return {
    declarations: [
      `var<workgroup> keys: array<${word}, ${tile}>;`,
      `var<workgroup> places: array<u32, ${tile}>;`,
      SMALLER.replaceAll("#", word),
    ],
    /** Sorts bitonic runs of `2 · stride` and shorter: neighbours at a distance, halved again and again. */
    merge: (stride: string) =>
      `for (var j = ${stride}; j > 0u; j /= 2u) {
${steps("let i = e / j * 2u * j + e % j; let q = i + j;")}
}`,
    /** Two sorted runs of k / 2 become a bitonic one: each element is compared with its mirror image. */
    mirror: steps("let h = k / 2u; let i = e / h * k + e % h; let q = e / h * k + k - 1u - e % h;"),
    /** Elements beyond the end are the largest of all. */
    beyond: word === "u64" ? "0xfffffffffffffffflu" : "0xffffffffu",
  };
}

/** Sorts tiles of rows; a row of one tile is finished and its values are written. */
function sortTiles(task: Task, tile: number, sortedKeys: Value | undefined, places?: Value): void {
  const { call, x, n, rows, word } = task, tiles = Math.ceil(n / tile), lanes = Math.min(LANES, tile / 2);
  const text = tileText(task, tile, lanes), { out } = call.outputs, positions = places ?? call.outputs.positions;
  call.launch({
    key: `tiles|${tile}|${call.params.descending}|${sortedKeys !== undefined}`,
    read: { x },
    write: sortedKeys ? { positions, sorted: sortedKeys } : { positions, y: out },
    elements: { positions: "u32", ...(sortedKeys ? { sorted: word } : {}) },
    uniforms: { n, tiles, jobs: rows * tiles, start: x.offset },
    workgroupSize: lanes,
    workgroups: rows * tiles,
    declarations: () => [...text.declarations, keyText(task)].join("\n"),
    body: () =>
      `if (group >= p.jobs) { return; }
let first = group % p.tiles * ${tile}u; let row = group / p.tiles * p.n;
for (var e = lane; e < ${tile}u; e += ${lanes}u) {
  let at = first + e;
  if (at < p.n) { keys[e] = key_of(x[p.start + row + at]); places[e] = at; }
  else { keys[e] = ${text.beyond}; places[e] = 0xffffffffu; }
}
workgroupBarrier();
for (var k = 2u; k <= ${tile}u; k *= 2u) {
${text.mirror}
${text.merge("k / 4u")}
}
for (var e = lane; e < ${tile}u; e += ${lanes}u) {
  if (first + e < p.n) {
    positions[row + first + e] = places[e];
    ${sortedKeys ? "sorted[row + first + e] = keys[e];" : "y[row + first + e] = x[p.start + row + places[e]];"}
  }
}`,
  });
}

/** One step over whole rows in global memory: places at a distance `stride`, or mirror images within runs of `2 · stride`. */
function stepRows(task: Task, sorted: Value, stride: number, mirrored: boolean): void {
  const { call, n, rows, word } = task, { positions } = call.outputs;
  const runs = Math.ceil(n / (2 * stride));
  call.launch({
    key: `step|${mirrored}`,
    read: {},
    write: { positions, sorted },
    elements: { positions: "u32", sorted: word },
    uniforms: { n, stride, each: runs * stride, count: rows * runs * stride },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(rows * runs * stride / WORKGROUP),
    declarations: () => SMALLER.replaceAll("#", word),
    body: () =>
      `if (id >= p.count) { return; }
let row = id / p.each * p.n; let e = id % p.each;
let at = e / p.stride * 2u * p.stride + e % p.stride;
let other = ${mirrored ? "e / p.stride * 2u * p.stride + 2u * p.stride - 1u - e % p.stride" : "at + p.stride"};
if (other >= p.n) { return; }
let i = row + at; let q = row + other;
let a = sorted[i]; let r = positions[i]; let b = sorted[q]; let s = positions[q];
if (smaller(b, s, a, r)) { sorted[i] = b; positions[i] = s; sorted[q] = a; positions[q] = r; }`,
  });
}

/** The steps at distances within a tile. */
function mergeTiles(task: Task, sorted: Value): void {
  const { call, n, rows, word } = task, tiles = Math.ceil(n / TILE), text = tileText(task, TILE, LANES);
  const { positions } = call.outputs;
  call.launch({
    key: "merge",
    read: {},
    write: { positions, sorted },
    elements: { positions: "u32", sorted: word },
    uniforms: { n, tiles, jobs: rows * tiles },
    workgroupSize: LANES,
    workgroups: rows * tiles,
    declarations: () => text.declarations.join("\n"),
    body: () =>
      `if (group >= p.jobs) { return; }
let first = group % p.tiles * ${TILE}u; let row = group / p.tiles * p.n;
for (var e = lane; e < ${TILE}u; e += ${LANES}u) {
  let at = first + e;
  if (at < p.n) { keys[e] = sorted[row + at]; places[e] = positions[row + at]; }
  else { keys[e] = ${text.beyond}; places[e] = 0xffffffffu; }
}
workgroupBarrier();
${text.merge(`${TILE / 2}u`)}
for (var e = lane; e < ${TILE}u; e += ${LANES}u) {
  if (first + e < p.n) { sorted[row + first + e] = keys[e]; positions[row + first + e] = places[e]; }
}`,
  });
}

/** The elements in the order found. */
function takeSorted({ call, x, n, rows }: Task): void {
  const { out, positions } = call.outputs;
  call.launch({
    key: "take",
    read: { x, positions },
    write: { y: out },
    uniforms: { n, count: rows * n, start: x.offset },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(rows * n / WORKGROUP),
    body: () => "if (id < p.count) { y[id] = x[p.start + id / p.n * p.n + u32(positions[id])]; }",
  });
}

/** Keys of all elements, and their positions. */
function makeKeys(task: Task, keys: Value, places: Value): void {
  const { call, x, n, rows } = task;
  call.launch({
    key: `keys|${call.params.descending}`,
    read: { x },
    write: { keys, places },
    elements: { keys: task.word, places: "u32" },
    uniforms: { n, count: rows * n, start: x.offset },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(rows * n / WORKGROUP),
    declarations: () => keyText(task),
    body: () => "if (id < p.count) { keys[id] = key_of(x[p.start + id]); places[id] = id % p.n; }",
  });
}

/** Merges neighbouring runs of `width`: each element looks up, by halving, how many of the other run go before it. */
function mergeRuns(task: Task, width: number, from: Sorted, to: Sorted): void {
  const { call, n, rows, word } = task;
  call.launch({
    key: "runs",
    read: { keys: from.keys, places: from.places },
    write: { next_keys: to.keys, next_places: to.places },
    elements: { keys: word, places: "u32", next_keys: word, next_places: "u32" },
    uniforms: { n, width, count: rows * n },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(rows * n / WORKGROUP),
    body: () =>
      `if (id >= p.count) { return; }
let e = id % p.n; let row = id - e;
let pair = e / (2u * p.width) * 2u * p.width;
let is_left = e < pair + p.width;
let begin = min(select(pair, pair + p.width, is_left), p.n);
let own = keys[id];
var low = begin;
var high = min(begin + p.width, p.n);
while (low < high) {
  let middle = (low + high) / 2u;
  let other = keys[row + middle];
  if (other < own || (!is_left && other == own)) { low = middle + 1u; } else { high = middle; }
}
let to = row + pair + e - select(pair + p.width, pair, is_left) + low - begin;
next_keys[to] = own;
next_places[to] = places[id];`,
  });
}

/** Keys, or where elements come from, as they are sorted so far. */
interface Sorted {
  readonly keys: Value;
  readonly places: Value;
}

function taskOf(call: Call): Task {
  const x = call.dense(call.inputs.x as Value), n = x.shape[x.shape.length - 1];
  return { call, x, n, rows: sizeOf(x.shape) / n, word: x.dtype === "f64" ? "u64" : "u32" };
}

function keysOf({ call, n, rows, word }: Task): Value {
  return call.temporary({ shape: [rows * n], dtype: word === "u64" ? "f64" : "u32" });
}

const lengthOf = (call: Call) => call.outputs.out.shape[call.outputs.out.shape.length - 1];

/**
 * Batcher's bitonic sort (1968) with mirrored first steps, so that all exchanges go one way and what lies beyond the end stays there: tiles in
 * workgroup memory, then runs twice as long again and again. Positions take part in the comparison, which makes it stable.
 */
const bitonic: KernelVariant<SortParams> = {
  name: "bitonic",
  rank: (call) => call.info.software ? -1 : 0,
  record: (call) => {
    if (sizeOf(call.outputs.out.shape) === 0) return;
    const task = taskOf(call), { n } = task;
    if (n <= TILE) return sortTiles(task, Math.max(2, 2 ** Math.ceil(Math.log2(n))), undefined);
    const sorted = keysOf(task);
    sortTiles(task, TILE, sorted);
    for (let run = 2 * TILE; run < 2 * n; run *= 2) {
      stepRows(task, sorted, run / 2, true);
      for (let stride = run / 4; stride >= TILE; stride /= 2) stepRows(task, sorted, stride, false);
      mergeTiles(task, sorted);
    }
    takeSorted(task);
  },
};

/** Merge sort by ranks, from sorted runs of so many elements. */
function recordMerge(call: Call, first: number): void {
  if (sizeOf(call.outputs.out.shape) === 0) return;
  const task = taskOf(call), { n, rows } = task, { positions } = call.outputs;
  const other = call.temporary({ shape: [rows * n], dtype: "i32" });
  let from: Sorted = { keys: keysOf(task), places: positions }, to: Sorted = { keys: keysOf(task), places: other };
  const passes = Math.max(0, Math.ceil(Math.log2(n / first)));
  // In turns, so that the last pass writes the result.
  if (passes % 2 === 1) [from, to] = [{ ...from, places: other }, { ...to, places: positions }];
  if (first === 1) makeKeys(task, from.keys, from.places);
  else sortTiles(task, first, from.keys, from.places);
  for (let width = first; width < n; width *= 2) {
    mergeRuns(task, width, from, to);
    [from, to] = [to, from];
  }
  takeSorted(task);
}

/** Without barriers, which software adapters take long for. */
const merge: KernelVariant<SortParams> = {
  name: "merge",
  rank: (call) => call.info.software ? 1 : -1,
  record: (call) => recordMerge(call, 1),
};

/** From tiles that are sorted in workgroup memory. */
const tileMerge: KernelVariant<SortParams> = {
  name: "tile merge",
  when: (call) => lengthOf(call) > TILE,
  rank: (call) => call.info.software ? -1 : 0,
  record: (call) => recordMerge(call, TILE),
};

/** Ways to sort on WebGPU. */
export const sortKernels: readonly KernelVariant<SortParams>[] = [bitonic, tileMerge, merge];
