import type { KernelCall, KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchIndexing, launchTiles, matmulCall } from "./matmul_call.ts";
import { storeFour } from "./matmul_epilogue.ts";
import { packedFits } from "./matmul_pack.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";
import { directSource, packedSource, type Source } from "./matmul_source.ts";

/**
 * A tile of the product: rows, and vectors of four columns for each lane. `speed` compares the tiles with each other.
 */
interface Tile {
  readonly rows: number;
  readonly vectors: number;
  readonly speed: number;
}

/**
 * For software adapters: a workgroup is one subgroup, with no barrier. In each step every lane loads a few vectors of
 * `a` (four inner indices each) and of `b` (four columns each); numbers of `a` reach all lanes by `subgroupBroadcast`.
 * Each row's sums are touched once in four inner indices, so that it costs little that they do not fit into registers.
 */
function variant(name: string, packed: boolean, tile: Tile): KernelVariant<MatmulParams> {
  const widthOf = (call: KernelCall<MatmulParams>) => tile.vectors * 4 * call.info.subgroupSize;
  return {
    name,
    when: (call) => {
      const { probes, limits, subgroupSize } = call.info;
      if (!probes.subgroups || subgroupSize > 16 || tile.rows % subgroupSize !== 0) return false;
      const product = matmulCall(call), { a, b, layout: { m, n, k, sum } } = product, width = widthOf(call);
      if (
        sum !== "f32" && sum !== "f64" || Math.max(m / tile.rows, n / width, k / 32, m / 32, n / 32) > limits.workgroups
      ) return false;
      return packed
        ? packedFits(call, product, a, tile.rows) && packedFits(call, product, b, width)
        : directSource(product, a, "inner") !== undefined && directSource(product, b, "outer") !== undefined;
    },
    rank: (call) => {
      if (!call.info.software) return -1;
      const { layout: { m, n } } = matmulCall(call), width = widthOf(call);
      const filled = (m * n) / (Math.ceil(m / tile.rows) * tile.rows * Math.ceil(n / width) * width);
      // Packing takes time as k (m + n), and makes what takes time as k m n faster.
      return (packed === m * n > 100 * (m + n) ? 3 : 2) + tile.speed * filled;
    },
    record: (call) => record(call, packed, tile),
  };
}

/** Ways to multiply with one subgroup per tile. The widest is a little faster, but takes twice as long to compile. */
export const matmulSubgroup: readonly KernelVariant<MatmulParams>[] = [
  variant("packed32", true, { rows: 32, vectors: 1, speed: 0.9 }),
  variant("packed32wide", true, { rows: 32, vectors: 2, speed: 0.88 }),
  variant("packed16", true, { rows: 16, vectors: 1, speed: 0.8 }),
  variant("direct32", false, { rows: 32, vectors: 1, speed: 0.9 }),
  variant("direct16", false, { rows: 16, vectors: 1, speed: 0.7 }),
];

function record(call: KernelCall<MatmulParams>, packed: boolean, { rows, vectors }: Tile): void {
  const lanes = call.info.subgroupSize, width = vectors * 4 * lanes;
  const product = matmulCall(call), { layout, batches } = product, { m, n, k, sum } = layout;
  const tilesM = Math.ceil(m / rows), tilesN = Math.ceil(n / width);
  const wanted = Math.min(Math.ceil(16 / (tilesM * tilesN * batches)), Math.ceil(k / 256));
  const parts = splitSum(call, product, { wanted, step: 4, longest: longestSum(call, 4) }), { epilogue } = parts;
  const a = packed ? packedSource(call, product, product.a, rows, "inner") : directSource(product, product.a, "inner")!;
  const b = packed
    ? packedSource(call, product, product.b, width, "outer")
    : directSource(product, product.b, "outer")!;
  const index = batchIndexing(product, epilogue, [a.batchStrides, b.batchStrides]);
  const whole = n % 4 === 0;
  // A long epilogue is written once, in a loop; its sums wait in memory that no other lane reads.
  const looped = !whole || !epilogue.plain || epilogue.stored !== sum;
  const elements: Record<string, string> = {};
  if (a.element) elements.a = a.element;
  if (b.element) elements.b = b.element;
  if (whole) elements.out = `vec4<${epilogue.stored}>`;
  launchTiles(call, [tilesN, tilesM, batches * parts.count], {
    key: `${sum}|${lanes}|${whole}|${epilogue.key}|${index.key}`,
    read: { a: a.value, b: b.value, ...epilogue.read },
    write: { out: parts.out },
    elements,
    uniforms: {
      m,
      n,
      k,
      batches,
      length: parts.length,
      ...a.uniforms,
      ...b.uniforms,
      ...index.uniforms,
      ...epilogue.uniforms,
    },
    workgroupSize: lanes,
    subgroups: true,
    declarations: () =>
      [
        epilogue.declarations(),
        looped ? `var<workgroup> sums: array<vec4<${sum}>, ${rows * vectors * lanes}>;` : "",
      ].join("\n"),
    body: () => {
      const row = range(rows), vector = range(vectors);
      const store = (i: string, sum: (j: number) => string) => [
        `if (row0 + ${i} < p.m) {`,
        ...vector.flatMap((j) => [
          "{",
          `let sum = ${sum(j)}; let row = row0 + ${i}; let column = column0 + ${j * 4 * lanes}u;`,
          ...storeFour(epilogue, whole, "sum", "row", "column", (q) => index.offset(q + 2)),
          "}",
        ]),
        "}",
      ];
      return [
        "let z = p.first + workgroup.z;",
        "let batch = z % p.batches;",
        ...index.lines("batch"),
        "let begin = (z / p.batches) * p.length;",
        "let steps = (min(p.length, p.k - begin) + 3u) / 4u;",
        `let row0 = workgroup.y * ${rows}u; let column0 = workgroup.x * ${width}u + subgroup_lane * 4u;`,
        ...row.flatMap((i) => vector.map((j) => `var c${i}_${j} = vec4<${sum}>();`)),
        `var a_at = ${a.start(index.offset(0))};`,
        `var b_at = ${b.start(index.offset(1))};`,
        "for (var step = 0u; step < steps; step++) {",
        a.prepare,
        b.prepare,
        ...step({ a, b, row, vector, lanes }),
        `a_at += ${a.advance}; b_at += ${b.advance};`,
        "}",
        "let base = z * p.m * p.n;",
        ...(!looped ? row.flatMap((i) => store(`${i}u`, (j) => `c${i}_${j}`)) : [
          ...row.flatMap((i) => vector.map((j) => `sums[${(i * vectors + j) * lanes}u + subgroup_lane] = c${i}_${j};`)),
          `for (var i = 0u; i < ${rows}u; i++) {`,
          ...store("i", (j) => `sums[(i * ${vectors}u + ${j}u) * ${lanes}u + subgroup_lane]`),
          "}",
        ]),
      ].join("\n");
    },
  });
  parts.join();
}

/** Four inner indices: `c[i][j] += Σ_q a[i][q] b[q][j]`. */
function step({ a, b, row, vector, lanes }: {
  a: Source;
  b: Source;
  row: readonly number[];
  vector: readonly number[];
  lanes: number;
}): string[] {
  const four = range(4);
  return [
    ...range(row.length / lanes).map((r) => `let a${r} = ${a.load(r * lanes, 0)};`),
    ...four.flatMap((q) => vector.map((j) => `let b${q}_${j} = ${b.load(j * lanes, q)};`)),
    ...row.flatMap((i) => [
      "{",
      ...four.map((q) => `let s${q} = subgroupBroadcast(a${Math.floor(i / lanes)}.${"xyzw"[q]}, ${i % lanes}u);`),
      ...vector.map((j) => `c${i}_${j} += ${four.map((q) => `s${q} * b${q}_${j}`).join(" + ")};`),
      "}",
    ]),
  ];
}

function range(n: number): number[] {
  return [...Array(n).keys()];
}
