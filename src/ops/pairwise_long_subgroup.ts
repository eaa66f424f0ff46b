import type { KernelCall, KernelVariant } from "./define.ts";
import { texelPlace } from "./kernel.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { longPairs } from "./pairwise_long.ts";
import { type PairConsumer, reducePairs } from "./pairwise_long_consumer.ts";
import { type PairText, pairText } from "./pairwise_text.ts";
import type { Value } from "./value.ts";

/** Rows i of a tile. */
const ROWS = 32;
/** Loop iterations per invocation, everything counted: some software adapters stop at 65,535 without a word. */
const LONGEST_LOOP = 60_000;
/** Workgroups that are worth having. */
const WANTED = 64;

/** Whether long rows can be met in tiles of a subgroup. */
export function fitsLongSubgroup(call: KernelCall<PairwiseParams>): boolean {
  const { probes, subgroupSize: lanes, limits } = call.info;
  if (!probes.subgroups || lanes > 16 || ROWS % lanes !== 0) return false;
  const long = longPairs(call);
  if (!long || !(long.padded || long.length % 4 === 0)) return false;
  return [[long.x, ROWS], [long.y, 4 * lanes]].every(([id, tile]) =>
    texelsOf(call.inputs[id] as Value, tile as number) <= limits.imageTexels
  );
}

/**
 * For software adapters and long rows: a product of matrices with another term than a product, whose sums go into the formula and the
 * reduction where they are. A workgroup is one subgroup; see `matmul_subgroup.ts`.
 */
export const pairwiseLongSubgroup: KernelVariant<PairwiseParams> = {
  name: "long subgroup",
  when: fitsLongSubgroup,
  rank: (call) => call.info.software ? 3 : -1,
  record: (call) => recordLongSubgroup(call, (slots, text) => reducePairs(call, slots, text)),
};

/** Records the tiles of a call; `consume` says what becomes of the pairs. */
export function recordLongSubgroup(
  call: KernelCall<PairwiseParams>,
  consume: (slots: number, text: PairText) => PairConsumer,
): void {
  const long = longPairs(call)!, rest = long.rest(call), text = pairText(call, rest), { n, m } = text.layout;
  const lanes = call.info.subgroupSize, width = 4 * lanes, steps = Math.ceil(long.length / 4);
  const strips = Math.ceil(n / ROWS), tiles = Math.ceil(m / width);
  const most = call.info.probes.longLoops ? tiles : Math.max(1, Math.floor(LONGEST_LOOP / (steps + ROWS + 1)));
  const chunk = Math.min(most, Math.max(1, Math.ceil(tiles / Math.max(1, Math.ceil(WANTED / strips)))));
  const parts = Math.max(1, Math.ceil(tiles / chunk));
  const a = packRows(call, long.x, ROWS, "components"), b = packRows(call, long.y, width, "rows");
  const consumer = consume(parts * lanes, text);
  call.launch({
    key: `${consumer.key}|${lanes}|${text.key}|${long.term("x", "y")}`,
    read: { ...text.read, a, b },
    write: consumer.write,
    uniforms: { n, m, steps, strips, tiles, parts, chunk, ...text.uniforms },
    workgroupSize: lanes,
    workgroups: strips * parts,
    subgroups: true,
    declarations: () => {
      const helpers = new Map(consumer.helpers), pair = text.declare("pair", rest.expr, false, helpers);
      return [...helpers.values(), pair, `var<workgroup> sums: array<vec4<f32>, ${ROWS * lanes}>;`].join("\n");
    },
    body: () => {
      const rows = [...Array(ROWS).keys()], [ax, bx] = [texelPlace("a_at"), texelPlace("b_at")];
      const value = (q: number) =>
        `pair(${["i", `j + ${q}u`, `sum.${"xyzw"[q]}`, ...text.outer.map((_, k) => `r${k}`)].join(", ")})`;
      const some = (count: number, first: number) => [
        ...Array.from({ length: count }, (_, q) => `let v${q} = ${value(first + q)};`),
        ...consumer.take("r", "i", first === 0 ? "j" : `(j + ${first}u)`, [...Array(count).keys()].map((q) => `v${q}`)),
      ];
      return [
        "let job = min(group, p.strips * p.parts - 1u);",
        "let strip = job % p.strips; let part = job / p.strips;",
        `let row0 = strip * ${ROWS}u;`,
        ...consumer.start(ROWS),
        "for (var tile = part * p.chunk; tile < min(p.tiles, (part + 1u) * p.chunk); tile++) {",
        `let j = tile * ${width}u + subgroup_lane * 4u;`,
        ...rows.map((i) => `var c${i} = vec4<f32>();`),
        `var a_at = strip * p.steps * ${ROWS}u + subgroup_lane;`,
        `var b_at = tile * p.steps * ${width}u + subgroup_lane;`,
        "for (var step = 0u; step < p.steps; step++) {",
        `let a_x = ${ax.x}; let a_y = ${ax.y}; let b_x = ${bx.x}; let b_y = ${bx.y};`,
        ...[...Array(ROWS / lanes).keys()].map((r) =>
          `let a${r} = textureLoad(a, vec2<u32>(a_x + ${r * lanes}u, a_y));`
        ),
        ...[0, 1, 2, 3].map((q) => `let b${q} = textureLoad(b, vec2<u32>(b_x + ${q * lanes}u, b_y));`),
        ...rows.flatMap((i) => [
          "{",
          ...[0, 1, 2, 3].map((q) =>
            `let s${q} = subgroupBroadcast(a${Math.floor(i / lanes)}.${"xyzw"[q]}, ${i % lanes}u);`
          ),
          `c${i} += ${[0, 1, 2, 3].map((q) => long.term(`s${q}`, `b${q}`)).join(" + ")};`,
          "}",
        ]),
        `a_at += ${ROWS}u; b_at += ${width}u;`,
        "}",
        // The rest of the formula is written once, in a loop; its sums wait in memory that no other lane reads.
        ...rows.map((i) => `sums[${i * lanes}u + subgroup_lane] = c${i};`),
        `for (var r = 0u; r < ${ROWS}u; r++) {`,
        "let i = row0 + r;",
        "if (i >= p.n) { break; }",
        `let sum = sums[r * ${lanes}u + subgroup_lane];`,
        ...text.outer.map((leaf, k) => `let r${k} = ${text.load(leaf, "i")};`),
        "if (j + 3u < p.m) {",
        ...some(4, 0),
        "} else {",
        ...[0, 1, 2].flatMap((q) => [`if (j + ${q}u < p.m) {`, ...some(1, q), "}"]),
        "}",
        "}",
        "}",
        `for (var r = 0u; r < ${ROWS}u; r++) {`,
        "let i = row0 + r;",
        `if (i < p.n) { ${consumer.finish("r", "i", `part * ${lanes}u + subgroup_lane`).join(" ")} }`,
        "}",
      ].join("\n");
    },
  });
  consumer.join();
}

/** Texels that rows `[n, d]` take in strips of `tile` rows. */
function texelsOf({ shape: [n, d] }: Value, tile: number): number {
  return Math.ceil(n / tile) * tile * Math.ceil(d / 4);
}

/**
 * Rows in an image, strip by strip of `tile` rows: a texel has four components of a row, or one component of four rows. Texels of a
 * strip lie by component, then by row. What is missing is filled up with zeros.
 */
function packRows(call: KernelCall<PairwiseParams>, id: string, tile: number, texel: "components" | "rows"): Value {
  const value = call.dense(call.inputs[id] as Value), [n, d] = value.shape, steps = Math.ceil(d / 4);
  const image = call.image(texelsOf(value, tile)), quads = Math.ceil(n / tile) * tile / 4;
  call.launch({
    key: `pack|${tile}|${texel}`,
    read: { x: value },
    write: { image },
    uniforms: { n, d, steps, quads, start: value.offset },
    workgroupSize: 64,
    workgroups: Math.ceil(quads * steps / 64),
    declarations: () =>
      [
        "fn put(at: u32, v: vec4<f32>) {",
        `  textureStore(image, vec2<u32>(${texelPlace("at").x}, ${texelPlace("at").y}), v);`,
        "}",
        "fn number(row: u32, k: u32) -> f32 {",
        "  if (row >= p.n || k >= p.d) { return 0.0; }",
        "  return f32(x[p.start + row * p.d + k]);",
        "}",
        "fn four(row: u32, k: u32) -> vec4<f32> {",
        "  return vec4<f32>(number(row, k), number(row, k + 1u), number(row, k + 2u), number(row, k + 3u));",
        "}",
      ].join("\n"),
    body: () => {
      const at = `let at = strip * p.steps * ${tile}u + step * ${tile}u + `;
      return [
        "if (id >= p.quads * p.steps) { return; }",
        "let step = id % p.steps; let quad = id / p.steps;",
        `let strip = quad / ${tile / 4}u; let own = quad % ${tile / 4}u;`,
        ...[0, 1, 2, 3].map((q) => `let r${q} = four(quad * 4u + ${q}u, step * 4u);`),
        ...(texel === "components" ? [`${at}own * 4u;`, ...[0, 1, 2, 3].map((q) => `put(at + ${q}u, r${q});`)] : [
          `${at}own;`,
          ...["x", "y", "z", "w"].map((c, q) =>
            `put(at + ${q * tile / 4}u, vec4<f32>(r0.${c}, r1.${c}, r2.${c}, r3.${c}));`
          ),
        ]),
      ].join("\n");
    },
  });
  return image;
}
