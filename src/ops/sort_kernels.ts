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
function sortTiles(task: Task, tile: number, sortedKeys: Value | undefined): void {
  const { call, x, n, rows, word } = task, tiles = Math.ceil(n / tile), lanes = Math.min(LANES, tile / 2);
  const text = tileText(task, tile, lanes), { out, positions } = call.outputs;
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

/**
 * Batcher's bitonic sort (1968) with mirrored first steps, so that all exchanges go one way and what lies beyond the end stays there: tiles in
 * workgroup memory, then runs twice as long again and again. Positions take part in the comparison, which makes it stable.
 */
export const sortKernels: readonly KernelVariant<SortParams>[] = [{
  name: "bitonic",
  record: (call) => {
    const x = call.dense(call.inputs.x as Value), n = x.shape[x.shape.length - 1], count = sizeOf(x.shape);
    if (count === 0) return;
    const word = x.dtype === "f64" ? "u64" : "u32";
    const task: Task = { call, x, n, rows: count / n, word };
    if (n <= TILE) return sortTiles(task, Math.max(2, 2 ** Math.ceil(Math.log2(n))), undefined);
    const sorted = call.temporary({ shape: [count], dtype: word === "u64" ? "f64" : "u32" });
    sortTiles(task, TILE, sorted);
    for (let run = 2 * TILE; run < 2 * n; run *= 2) {
      stepRows(task, sorted, run / 2, true);
      for (let stride = run / 4; stride >= TILE; stride /= 2) stepRows(task, sorted, stride, false);
      mergeTiles(task, sorted);
    }
    takeSorted(task);
  },
}];
