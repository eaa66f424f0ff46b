import type { KernelCall, KernelVariant } from "./define.ts";
import { texelPlace } from "./kernel.ts";
import type { SparseMatmulParams } from "./sparse_matmul.ts";
import { elementOf, type Product, productOf, storeSum } from "./sparse_matmul_parts.ts";
import { ROW_OF_ENTRY, throughRow, WHOLE_BLOCK } from "./sparse_pattern.ts";
import { asImage } from "./sparse_quads.ts";
import type { Value } from "./value.ts";

/** Texels that a lane takes of each row of the dense factor: as many as make the least work, counting an entry's own as one. */
function texelsOf(quads: number, lanes: number): number {
  const work = (v: number) => Math.ceil(quads / (v * lanes)) * (1 + v);
  return [1, 2, 3, 4].reduce((best, v) => work(v) < work(best) ? v : best, 1);
}

/**
 * Adds the terms of the entries `from` … `to` − 1 to `s0`, `s1`, …: each lane loads one entry, then all take it by `subgroupBroadcast`
 * and read their own columns.
 */
function terms(lanes: number, texels: number, from: string, to: string): string {
  const term = (spread: (x: string) => string) =>
    [
      `let w = ${spread("value")}; let row_at = ${spread("at")};`,
      ...range(texels).flatMap((v) => {
        const place = texelPlace(`(row_at + column${v})`);
        return [`s${v} += w * textureLoad(b, vec2<u32>(${place.x}, ${place.y}));`];
      }),
    ].join("\n");
  return `{
var k = ${from};
for (; k + ${lanes}u <= ${to}; k += ${lanes}u) {
let at = columns[p.columns_0 + k + subgroup_lane] * p.quads;
let value = values[p.values_0 + k + subgroup_lane];
${range(lanes).map((q) => `{\n${term((x) => `subgroupBroadcast(${x}, ${q}u)`)}\n}`).join("\n")}
}
if (k < ${to}) {
let mine = min(k + subgroup_lane, ${to} - 1u);
let at = columns[p.columns_0 + mine] * p.quads;
let value = values[p.values_0 + mine];
let rest = ${to} - k;
for (var q = 0u; q < rest; q++) {
${term((x) => `subgroupShuffle(${x}, q)`)}
}
}
}`;
}

/** A kernel with one subgroup per `job` and part of the columns. */
function launch(
  product: Product,
  image: Value,
  texels: number,
  { key, jobs, read = {}, write, elements, body, declarations }: {
    key: string;
    jobs: number;
    read?: Record<string, Value>;
    write: Record<string, Value>;
    elements: Record<string, string>;
    body: readonly string[];
    declarations: string;
  },
): void {
  const { call, quads } = product, lanes = call.info.subgroupSize, tiles = Math.ceil(quads / (texels * lanes));
  call.launch({
    key: `${key}|${lanes}|${texels}`,
    read: { ...product.read, b: image, ...read },
    write,
    elements,
    uniforms: { ...product.uniforms, tiles, jobs },
    workgroupSize: lanes,
    workgroups: jobs * tiles,
    subgroups: true,
    declarations: () => declarations,
    body: () =>
      [
        "let job = group / p.tiles;",
        "if (job >= p.jobs) { return; }",
        `let quad0 = (group % p.tiles) * ${texels * lanes}u + subgroup_lane;`,
        ...range(texels).flatMap((v) => [
          `var s${v} = vec4<f32>(); let quad${v}_ = quad0 + ${v * lanes}u;`,
          // A lane beyond the last column reads that one, and stores nothing.
          `let column${v} = min(quad${v}_, p.quads - 1u);`,
        ]),
        ...body,
      ].join("\n"),
  });
}

function record(call: KernelCall<SparseMatmulParams>): void {
  const product = productOf(call), { rows, quads, blocks } = product, lanes = call.info.subgroupSize;
  const image = asImage(call, call.inputs.b as Value), texels = texelsOf(quads, lanes);
  let sums: Value | undefined;
  if (blocks > 0) {
    sums = call.temporary({ shape: [blocks, quads * 4], dtype: "f32" });
    launch(product, image, texels, {
      key: "blocks",
      jobs: blocks,
      write: { sums },
      elements: { sums: "vec4<f32>" },
      declarations: `${ROW_OF_ENTRY}\n${WHOLE_BLOCK}`,
      body: [
        "if (!whole_block(job)) { return; }",
        "let begin = job * p.block; let stop = begin + p.block;",
        terms(lanes, texels, "begin", "stop"),
        ...range(texels).map((v) => `if (quad${v}_ < p.quads) { sums[job * p.quads + quad${v}_] = s${v}; }`),
      ],
    });
  }
  const block = (b: string) => range(texels).map((v) => `s${v} += sums[${b} * p.quads + column${v}];`).join("\n");
  launch(product, image, texels, {
    key: `rows|${product.p % 4}|${sums !== undefined}`,
    jobs: rows,
    read: sums ? { sums } : {},
    write: { y: call.outputs.out },
    elements: { ...elementOf(product), ...(sums ? { sums: "vec4<f32>" } : {}) },
    declarations: "",
    body: [
      "let row = job;",
      throughRow((from, to) => terms(lanes, texels, from, to), sums && block),
      ...range(texels).map((v) => `if (quad${v}_ < p.quads) {\n${storeSum(product, `s${v}`, `quad${v}_`)}\n}`),
    ],
  });
}

/** For software adapters: one subgroup per row, and the dense factor in an image. */
export const sparseMatmulSubgroup: KernelVariant<SparseMatmulParams> = {
  name: "subgroup",
  when: (call) => {
    const { probes, limits, subgroupSize } = call.info, { out } = call.outputs, b = call.inputs.b as Value;
    return probes.subgroups && subgroupSize <= 16 && out.dtype === "f32" && out.shape[1] > 1 &&
      b.shape[0] * Math.ceil(out.shape[1] / 4) <= limits.imageTexels && b.shape[0] > 0;
  },
  rank: (call) => call.info.software && call.outputs.out.shape[1] > 2 * call.info.subgroupSize ? 2 : -1,
  record,
};

function range(n: number): number[] {
  return [...Array(n).keys()];
}
