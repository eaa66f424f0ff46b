import { byteSize } from "../device/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { blocksOf } from "./matmul_blocks.ts";
import { launchTiles, matmulCall } from "./matmul_call.ts";
import type { Factor } from "./matmul_factor.ts";
import { storeFour } from "./matmul_epilogue.ts";
import type { Fetch } from "./matmul_fetch.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/** How a workgroup shares the work on a tile. */
interface Tile {
  /** Name of the variant. */
  readonly name: string;
  /** Threads along each axis of a workgroup. */
  readonly threads: 8 | 16;
  /** Vectors of four that a thread keeps along each axis. */
  readonly v: 1 | 2;
  /** Elements of the sum in a block. */
  readonly depth: number;
}

/** Steps of the sum that are written out: compilers take long for more. */
const UNROLLED = 8;

/** Rows and columns of a tile. */
const sizeOf = ({ threads, v }: Tile): number => threads * 4 * v;

/**
 * For graphics processors: the threads of a workgroup share a square tile of the output, and each keeps `4 v` × `4 v` of its elements
 * in registers. Blocks of both factors go through workgroup memory, where the next block is loaded while the present one
 * is multiplied.
 */
function tiled(tile: Tile): KernelVariant<MatmulParams> {
  const { name, threads, v, depth } = tile, size = sizeOf(tile);
  return {
    name,
    when: (call) => {
      const { layout: { m, n, sum } } = matmulCall(call), { limits } = call.info;
      // A tile of which next to nothing is used is a waste of everyone's time.
      return limits.invocations >= threads * threads &&
        8 * depth * pitchOf(size) * byteSize(sum) <= limits.workgroupBytes && m * n * 64 >= size * size &&
        tilesOf(Math.max(m, n), size) <= limits.workgroups;
    },
    rank: (call) => {
      // Workgroup memory is no faster than any other there.
      if (call.info.software) return -1;
      const { layout: { m, n, sum }, batches } = matmulCall(call);
      // Large tiles load less, small ones make more workgroups: a processor has about a hundred cores to fill.
      const groups = batches * tilesOf(m, 128) * tilesOf(n, 128);
      // Doubles take two registers each.
      if (size === 128) return groups >= 100 && sum !== "f64" ? 3 : 1;
      return v === 1 ? 2 : 1;
    },
    record: (call) => record(call, tile),
  };
}

/** Ways to multiply through workgroup memory: which is fastest differs from one processor to the next. */
export const matmulTiled: readonly KernelVariant<MatmulParams>[] = [
  tiled({ name: "tiled128", threads: 16, v: 2, depth: 8 }),
  tiled({ name: "tiled64", threads: 16, v: 1, depth: 16 }),
  tiled({ name: "tiled64by8", threads: 8, v: 2, depth: 16 }),
];

/** Vectors in a row of a block: one more than it has keeps threads that write down a column on different memory banks. */
function pitchOf(size: number): number {
  return size / 4 + 1;
}

function tilesOf(extent: number, size: number): number {
  return Math.ceil(extent / size);
}

function record(call: KernelCall<MatmulParams>, tile: Tile): void {
  const { threads, v, depth } = tile, size = sizeOf(tile);
  const product = matmulCall(call), { layout, batches, a, b } = product, { m, n, k, sum } = layout;
  const columns = tilesOf(n, size), rows = tilesOf(m, size);
  // Few tiles leave cores idle: then several workgroups share the sum.
  const wanted = call.info.software ? 1 : Math.min(Math.ceil(128 / (columns * rows * batches)), Math.ceil(k / 256));
  const parts = splitSum(call, product, { wanted, step: depth, longest: longestSum(call, 1) }), { epilogue } = parts;
  const { fetches, whole, index, text } = blocksOf(product, parts), pitch = pitchOf(size);
  launchTiles(call, [columns, rows, batches * parts.count], {
    ...text,
    workgroupSize: threads * threads,
    declarations: () =>
      [
        ...fetches.map((f) => f.declaration),
        `var<workgroup> tile_a: array<vec4<${sum}>, ${depth * pitch}>;`,
        `var<workgroup> tile_b: array<vec4<${sum}>, ${depth * pitch}>;`,
        epilogue.declarations(),
      ].join("\n"),
    body: () => {
      const spans = range(v), element = range(4), loads = range(loadsOf(tile));
      const steps = range(Math.min(depth, UNROLLED)).flatMap((i) => [
        "{",
        ...spans.map((s) => `let a${s} = tile_a[first + ${i * pitch + s * threads}u + y];`),
        ...spans.map((s) => `let b${s} = tile_b[first + ${i * pitch + s * threads}u + x];`),
        ...spans.flatMap((s) =>
          element.flatMap((e) =>
            spans.map((t) => `c${s}${e}${t} ${multiply(`a${s}.${"xyzw"[e]}`, `b${t}`, `c${s}${e}${t}`, sum)};`)
          )
        ),
        "}",
      ]);
      return [
        "let z = p.first + workgroup.z;",
        "let batch = z % p.batches;",
        ...index.lines("batch"),
        "let begin = (z / p.batches) * p.length;",
        "let stop = min(begin + p.length, p.k);",
        `let x = lane & ${threads - 1}u; let y = lane >> ${Math.log2(threads)}u;`,
        `let row0 = workgroup.y * ${size}u; let column0 = workgroup.x * ${size}u;`,
        `let a_base = p.a_start + ${index.offset(0)}; let b_base = p.b_start + ${index.offset(1)};`,
        ...places(a, fetches[0], tile),
        ...places(b, fetches[1], tile),
        ...spans.flatMap((s) => element.flatMap((e) => spans.map((t) => `var c${s}${e}${t} = vec4<${sum}>();`))),
        ...loads.flatMap((q) => [
          `var next_a${q} = fetch_a(a_base, row0 + a_o${q}, begin + a_i${q}, stop);`,
          `var next_b${q} = fetch_b(b_base, column0 + b_o${q}, begin + b_i${q}, stop);`,
        ]),
        `for (var i = begin; i < stop; i += ${depth}u) {`,
        ...loads.flatMap((q) => [...keep(fetches[0], "a", q, pitch), ...keep(fetches[1], "b", q, pitch)]),
        "workgroupBarrier();",
        ...loads.flatMap((q) => [
          `next_a${q} = fetch_a(a_base, row0 + a_o${q}, i + ${depth}u + a_i${q}, stop);`,
          `next_b${q} = fetch_b(b_base, column0 + b_o${q}, i + ${depth}u + b_i${q}, stop);`,
        ]),
        `for (var first = 0u; first < ${depth * pitch}u; first += ${Math.min(depth, UNROLLED) * pitch}u) {`,
        ...steps,
        "}",
        "workgroupBarrier();",
        "}",
        "let base = z * p.m * p.n;",
        // One copy of the epilogue per vector of a row, not per element of the tile: it may be long.
        `for (var r = 0u; r < ${4 * v}u; r++) {`,
        ...spans.map((t) => `var v${t} = c00${t};`),
        "switch r {",
        ...spans.flatMap((s) =>
          element.map((e) => `case ${4 * s + e}u: { ${spans.map((t) => `v${t} = c${s}${e}${t};`).join(" ")} }`)
        ),
        "default: {}",
        "}",
        `let row = row0 + (r >> 2u) * ${4 * threads}u + y * 4u + (r & 3u);`,
        "if (row < p.m) {",
        ...spans.flatMap((t) => [
          "{",
          `let column = column0 + ${t * 4 * threads}u + x * 4u;`,
          ...storeFour(epilogue, whole, `v${t}`, "row", "column", (q) => index.offset(q + 2)),
          "}",
        ]),
        "}",
        "}",
      ].join("\n");
    },
  });
  parts.join();
}

/** Vectors of a block that each thread loads. */
function loadsOf(tile: Tile): number {
  return sizeOf(tile) * tile.depth / 4 / tile.threads ** 2;
}

/** Where in the block this thread loads its vectors of four: `a_o0`, `a_i0`, … along the outer and inner axes. */
function places({ name }: Factor, { along }: Fetch, tile: Tile): string[] {
  const width = (along === "inner" ? tile.depth : sizeOf(tile)) / 4;
  return range(loadsOf(tile)).flatMap((q) => {
    const at = `(lane + ${q * tile.threads ** 2}u)`, far = `${at} >> ${Math.log2(width)}u`;
    const near = `(${at} & ${width - 1}u) * 4u`;
    return along === "inner"
      ? [`let ${name}_o${q} = ${far}; let ${name}_i${q} = ${near};`]
      : [`let ${name}_o${q} = ${near}; let ${name}_i${q} = ${far};`];
  });
}

/** Puts four that were loaded into workgroup memory, which is laid out `[inner][outer]`. */
function keep({ along }: Fetch, name: string, q: number, pitch: number): string[] {
  const outer = `${name}_o${q}`, inner = `${name}_i${q}`, next = `next_${name}${q}`;
  if (along === "outer") return [`tile_${name}[${inner} * ${pitch}u + (${outer} >> 2u)] = ${next};`];
  return range(4).map((e) =>
    `tile_${name}[(${inner} + ${e}u) * ${pitch}u + (${outer} >> 2u)][${outer} & 3u] = ${next}.${"xyzw"[e]};`
  );
}

function multiply(scalar: string, vector: string, onto: string, sum: string): string {
  return sum === "f32" || sum === "f64"
    ? `= fma(vec4<${sum}>(${scalar}), ${vector}, ${onto})`
    : `+= ${scalar} * ${vector}`;
}

function range(n: number): number[] {
  return [...Array(n).keys()];
}
