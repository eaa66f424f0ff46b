import { byteSize } from "../device/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { blocksOf } from "./matmul_blocks.ts";
import { launchTiles, matmulCall } from "./matmul_call.ts";
import type { Factor } from "./matmul_factor.ts";
import { storeFour } from "./matmul_epilogue.ts";
import type { Fetch } from "./matmul_fetch.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/** Threads along each axis of a workgroup. */
const THREADS = 16;

/**
 * For graphics processors: 16×16 threads share a tile of the output, and each keeps `4 v` × `4 v` of its elements in
 * registers. Blocks of both factors go through workgroup memory, where the next block is loaded while the present one
 * is multiplied.
 */
function tiled(v: 1 | 2): KernelVariant<MatmulParams> {
  const size = THREADS * 4 * v, depth = v === 2 ? 8 : 16;
  return {
    name: `tiled${size}`,
    when: (call) => {
      const { layout: { m, n, sum } } = matmulCall(call), { limits } = call.info;
      // A tile of which next to nothing is used is a waste of everyone's time.
      return limits.invocations >= THREADS * THREADS &&
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
      return (v === 2) === (groups >= 100 && sum !== "f64") ? 3 : 2;
    },
    record: (call) => record(call, v, size, depth),
  };
}

/** Ways to multiply through workgroup memory. */
export const matmulTiled: readonly KernelVariant<MatmulParams>[] = [tiled(2), tiled(1)];

/** Vectors in a row of a block: one more than it has keeps threads that write down a column on different memory banks. */
function pitchOf(size: number): number {
  return size / 4 + 1;
}

function tilesOf(extent: number, size: number): number {
  return Math.ceil(extent / size);
}

function record(call: KernelCall<MatmulParams>, v: number, size: number, depth: number): void {
  const product = matmulCall(call), { layout, batches, a, b } = product, { m, n, k, sum } = layout;
  const columns = tilesOf(n, size), rows = tilesOf(m, size);
  // Few tiles leave cores idle: then several workgroups share the sum.
  const wanted = call.info.software ? 1 : Math.min(Math.ceil(128 / (columns * rows * batches)), Math.ceil(k / 256));
  const parts = splitSum(call, product, { wanted, step: depth, longest: longestSum(call, 1) }), { epilogue } = parts;
  const { fetches, whole, index, text } = blocksOf(product, parts), pitch = pitchOf(size);
  launchTiles(call, [columns, rows, batches * parts.count], {
    ...text,
    workgroupSize: THREADS * THREADS,
    declarations: () =>
      [
        ...fetches.map((f) => f.declaration),
        `var<workgroup> tile_a: array<vec4<${sum}>, ${depth * pitch}>;`,
        `var<workgroup> tile_b: array<vec4<${sum}>, ${depth * pitch}>;`,
        epilogue.declarations(),
      ].join("\n"),
    body: () => {
      const spans = range(v), element = range(4);
      const steps = range(depth).flatMap((i) => [
        "{",
        ...spans.map((s) => `let a${s} = tile_a[${i * pitch + s * THREADS}u + y];`),
        ...spans.map((s) => `let b${s} = tile_b[${i * pitch + s * THREADS}u + x];`),
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
        `let x = lane & ${THREADS - 1}u; let y = lane >> ${Math.log2(THREADS)}u;`,
        `let row0 = workgroup.y * ${size}u; let column0 = workgroup.x * ${size}u;`,
        `let a_base = p.a_start + ${index.offset(0)}; let b_base = p.b_start + ${index.offset(1)};`,
        ...places(a, fetches[0], size, depth),
        ...places(b, fetches[1], size, depth),
        ...spans.flatMap((s) => element.flatMap((e) => spans.map((t) => `var c${s}${e}${t} = vec4<${sum}>();`))),
        "var next_a = fetch_a(a_base, row0 + a_o, begin + a_i, stop);",
        "var next_b = fetch_b(b_base, column0 + b_o, begin + b_i, stop);",
        `for (var i = begin; i < stop; i += ${depth}u) {`,
        ...keep(fetches[0], "a", pitch),
        ...keep(fetches[1], "b", pitch),
        "workgroupBarrier();",
        `next_a = fetch_a(a_base, row0 + a_o, i + ${depth}u + a_i, stop);`,
        `next_b = fetch_b(b_base, column0 + b_o, i + ${depth}u + b_i, stop);`,
        ...steps,
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
        `let row = row0 + (r >> 2u) * ${4 * THREADS}u + y * 4u + (r & 3u);`,
        "if (row < p.m) {",
        ...spans.flatMap((t) => [
          "{",
          `let column = column0 + ${t * 4 * THREADS}u + x * 4u;`,
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

/** Where in the block this thread loads its four: `a_o`, `a_i` along the outer and inner axes. */
function places({ name }: Factor, { along }: Fetch, size: number, depth: number): string[] {
  return along === "inner"
    ? [`let ${name}_o = lane >> ${Math.log2(depth / 4)}u; let ${name}_i = (lane & ${depth / 4 - 1}u) * 4u;`]
    : [`let ${name}_o = (lane & ${size / 4 - 1}u) * 4u; let ${name}_i = lane >> ${Math.log2(size / 4)}u;`];
}

/** Puts the four that were loaded into workgroup memory, which is laid out `[inner][outer]`. */
function keep({ along }: Fetch, name: string, pitch: number): string[] {
  if (along === "outer") return [`tile_${name}[${name}_i * ${pitch}u + (${name}_o >> 2u)] = next_${name};`];
  return range(4).map((q) =>
    `tile_${name}[(${name}_i + ${q}u) * ${pitch}u + (${name}_o >> 2u)][${name}_o & 3u] = next_${name}.${"xyzw"[q]};`
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
