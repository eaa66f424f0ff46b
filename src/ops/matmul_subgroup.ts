import type { KernelCall, KernelVariant } from "./define.ts";
import { texelPlace } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchIndexing, launchTiles, matmulCall } from "./matmul_call.ts";
import { storeFour } from "./matmul_epilogue.ts";
import { pack, packedTexels } from "./matmul_pack.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/**
 * For software adapters: a workgroup is one subgroup of S lanes, with no barrier. Both factors are first packed into images. In each step
 * every lane loads one texel of each of its rows of `a` (four inner indices) and of its columns of `b`; numbers of `a` reach all lanes
 * by `subgroupBroadcast`. Each row's accumulators are touched once in four inner indices, so that spilling them is cheap.
 */
function subgroup(rows: number, vectors: number, speed: number): KernelVariant<MatmulParams> {
  const widthOf = (call: KernelCall<MatmulParams>) => vectors * 4 * call.info.subgroupSize;
  return {
    name: `subgroup${rows}x${vectors}`,
    when: (call) => {
      const { probes, limits, subgroupSize } = call.info;
      if (!probes.subgroups || subgroupSize > 16 || rows % subgroupSize !== 0) return false;
      const product = matmulCall(call), { layout: { m, n, k, sum } } = product;
      return sum === "f32" && packedTexels(product, product.a, rows) <= limits.imageTexels &&
        packedTexels(product, product.b, widthOf(call)) <= limits.imageTexels &&
        Math.max(m / rows, n / widthOf(call), k / 32, m / 32, n / 32) <= limits.workgroups;
    },
    rank: (call) => {
      if (!call.info.software) return -1;
      const { layout: { m, n } } = matmulCall(call), width = widthOf(call);
      // Share of the tiles that is not padding, times the speed on it.
      return 2 + speed * (m * n) / (Math.ceil(m / rows) * rows * Math.ceil(n / width) * width);
    },
    record: (call) => record(call, rows, vectors),
  };
}

/** Ways to multiply with one subgroup per tile. The largest tile is a little faster, but takes twice as long to compile. */
export const matmulSubgroup: readonly KernelVariant<MatmulParams>[] = [
  subgroup(32, 1, 1),
  subgroup(32, 2, 0.98),
  subgroup(16, 1, 0.9),
];

function record(call: KernelCall<MatmulParams>, rows: number, vectors: number): void {
  const lanes = call.info.subgroupSize, width = vectors * 4 * lanes;
  const product = matmulCall(call), { layout, batches } = product, { m, n, k } = layout;
  const tilesM = Math.ceil(m / rows), tilesN = Math.ceil(n / width);
  const wanted = Math.min(Math.ceil(16 / (tilesM * tilesN * batches)), Math.ceil(k / 256));
  const parts = splitSum(call, product, { wanted, step: 4, longest: longestSum(call, 4) }), { epilogue } = parts;
  const a = pack(call, product, product.a, rows, "inner"), b = pack(call, product, product.b, width, "outer");
  const index = batchIndexing(product, epilogue, [a.batchStrides, b.batchStrides]);
  const whole = n % 4 === 0;
  const direct = whole && epilogue.plain && epilogue.stored === "f32";
  launchTiles(
    call,
    {
      key: `${lanes}|${whole}|${epilogue.key}|${index.key}`,
      read: { a: a.image, b: b.image, ...epilogue.read },
      write: { out: parts.out },
      elements: whole ? { out: `vec4<${epilogue.stored}>` } : {},
      uniforms: {
        m,
        n,
        k,
        batches,
        length: parts.length,
        a_strips: a.strips,
        a_texels: a.texels,
        b_strips: b.strips,
        b_texels: b.texels,
        ...index.uniforms,
        ...epilogue.uniforms,
      },
      workgroupSize: lanes,
      subgroups: true,
      declarations: () =>
        [
          epilogue.declarations(),
          direct ? "" : `var<workgroup> sums: array<vec4<f32>, ${rows * vectors * lanes}>;`,
        ].join("\n"),
      body: () => {
        const row = range(rows), vector = range(vectors), four = range(4);
        const texel = (image: string, offset: number) =>
          `textureLoad(${image}, vec2<u32>(${image}_x + ${offset}u, ${image}_y))`;
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
          ...row.flatMap((i) => vector.map((j) => `var c${i}_${j} = vec4<f32>();`)),
          `var a_at = (${index.offset(0)} * p.a_strips + workgroup.y) * p.a_texels + begin * ${
            rows / 4
          }u + subgroup_lane;`,
          `var b_at = (${index.offset(1)} * p.b_strips + workgroup.x) * p.b_texels + begin * ${
            width / 4
          }u + subgroup_lane;`,
          "for (var step = 0u; step < steps; step++) {",
          `let a_x = ${texelPlace("a_at").x}; let a_y = ${texelPlace("a_at").y};`,
          `let b_x = ${texelPlace("b_at").x}; let b_y = ${texelPlace("b_at").y};`,
          ...range(rows / lanes).map((r) => `let a${r} = ${texel("a", r * lanes)};`),
          ...four.flatMap((q) => vector.map((j) => `let b${q}_${j} = ${texel("b", q * width / 4 + j * lanes)};`)),
          ...row.flatMap((i) => [
            "{",
            ...four.map((q) => `let s${q} = subgroupBroadcast(a${Math.floor(i / lanes)}.${"xyzw"[q]}, ${i % lanes}u);`),
            ...vector.map((j) => `c${i}_${j} += ${four.map((q) => `s${q} * b${q}_${j}`).join(" + ")};`),
            "}",
          ]),
          `a_at += ${rows}u; b_at += ${width}u;`,
          "}",
          "let base = z * p.m * p.n;",
          // A long epilogue is written once, in a loop; its sums wait in memory that no other lane reads.
          ...(direct ? row.flatMap((i) => store(`${i}u`, (j) => `c${i}_${j}`)) : [
            ...row.flatMap((i) =>
              vector.map((j) => `sums[${(i * vectors + j) * lanes}u + subgroup_lane] = c${i}_${j};`)
            ),
            `for (var i = 0u; i < ${rows}u; i++) {`,
            ...store("i", (j) => `sums[(i * ${vectors}u + ${j}u) * ${lanes}u + subgroup_lane]`),
            "}",
          ]),
        ].join("\n");
      },
    },
    tilesN,
    tilesM,
    batches * parts.count,
  );
  parts.join();
}

function range(n: number): number[] {
  return [...Array(n).keys()];
}
