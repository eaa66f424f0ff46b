import type { KernelCall, KernelVariant } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { longPairs } from "./pairwise_long.ts";
import { type PairConsumer, reducePairs } from "./pairwise_long_consumer.ts";
import { type PairText, pairText } from "./pairwise_text.ts";
import type { Value } from "./value.ts";

/** Invocations along each side of a workgroup, and the rows i and j that each of them has. */
const SIDE = 16, OWN = 4, TILE = SIDE * OWN;
/** Components that are in workgroup memory at a time. */
const DEPTH = 16;
/** Loop iterations per invocation, where adapters stop long loops without a word. */
const LONGEST_LOOP = 60_000;
/** Workgroups that are worth having. */
const WANTED = 256;

/** Whether long rows can be met in tiles of a workgroup. */
export function fitsLongTile(call: KernelCall<PairwiseParams>): boolean {
  const { invocations, workgroupBytes } = call.info.limits;
  return invocations >= SIDE * SIDE && workgroupBytes >= 8 * DEPTH * TILE && longPairs(call) !== undefined;
}

/**
 * For graphics processors and long rows: tiles of rows i and j meet in workgroup memory, as in a product of matrices, and each
 * invocation takes sixteen sums of terms into the formula and the reduction.
 */
export const pairwiseLongTile: KernelVariant<PairwiseParams> = {
  name: "long tile",
  when: fitsLongTile,
  rank: (call) => call.info.software ? -1 : 3,
  record: (call) => recordLongTile(call, (slots, text) => reducePairs(call, slots, text)),
};

/** Records the tiles of a call; `consume` says what becomes of the pairs. */
export function recordLongTile(
  call: KernelCall<PairwiseParams>,
  consume: (slots: number, text: PairText) => PairConsumer,
): void {
  const long = longPairs(call)!, rest = long.rest(call), text = pairText(call, rest), { n, m } = text.layout;
  const [x, y] = [long.x, long.y].map((id) => call.dense(call.inputs[id] as Value)), d = long.length;
  const strips = Math.ceil(n / TILE), tiles = Math.ceil(m / TILE);
  const perTile = Math.ceil(d / DEPTH) * (DEPTH + DEPTH * TILE / (SIDE * SIDE) * 2 + 1) + OWN + 1;
  const most = call.info.probes.longLoops ? tiles : Math.max(1, Math.floor(LONGEST_LOOP / perTile));
  const chunk = Math.min(most, Math.max(1, Math.ceil(tiles / Math.max(1, Math.ceil(WANTED / strips)))));
  const parts = Math.max(1, Math.ceil(tiles / chunk));
  const consumer = consume(parts * SIDE, text);
  call.launch({
    key: `${consumer.key}|${text.key}|${long.term("x", "y")}`,
    read: { ...text.read, a: x, b: y },
    write: consumer.write,
    uniforms: { n, m, d, strips, tiles, parts, chunk, a_0: x.offset, b_0: y.offset, ...text.uniforms },
    workgroupSize: [SIDE, SIDE, 1],
    workgroups: strips * parts,
    declarations: () => {
      const helpers = new Map(consumer.helpers), pair = text.declare("pair", rest.expr, false, helpers);
      const shared = (name: string) => `var<workgroup> ${name}: array<f32, ${DEPTH * TILE}>;`;
      return [...helpers.values(), pair, shared("rows"), shared("columns")].join("\n");
    },
    body: () => {
      const own = [...Array(OWN).keys()];
      const fetch = (to: string, from: string, first: string, count: string) => [
        `for (var e = lane; e < ${DEPTH * TILE}u; e += ${SIDE * SIDE}u) {`,
        `let k = start + e % ${DEPTH}u; let row = ${first} + e / ${DEPTH}u;`,
        "var v = 0.0;",
        `if (k < p.d && row < ${count}) { v = f32(${from}[p.${from}_0 + row * p.d + k]); }`,
        `${to}[(e % ${DEPTH}u) * ${TILE}u + e / ${DEPTH}u] = v;`,
        "}",
      ];
      const value = (q: number) =>
        `pair(${["i", `j + ${q}u`, `sum.${"xyzw"[q]}`, ...text.outer.map((_, k) => `r${k}`)].join(", ")})`;
      const some = (count: number, first: number) => [
        ...Array.from({ length: count }, (_, q) => `let v${q} = ${value(first + q)};`),
        ...consumer.take("r", "i", first === 0 ? "j" : `(j + ${first}u)`, [...Array(count).keys()].map((q) => `v${q}`)),
      ];
      return [
        "let job = min(group, p.strips * p.parts - 1u);",
        "let strip = job % p.strips; let part = job / p.strips;",
        `let row0 = strip * ${TILE}u + local.y * ${OWN}u;`,
        ...consumer.start(OWN),
        "for (var tile = part * p.chunk; tile < min(p.tiles, (part + 1u) * p.chunk); tile++) {",
        `let j = tile * ${TILE}u + local.x * ${OWN}u;`,
        `var c: array<vec4<f32>, ${OWN}>;`,
        `for (var r = 0u; r < ${OWN}u; r++) { c[r] = vec4<f32>(); }`,
        `for (var start = 0u; start < p.d; start += ${DEPTH}u) {`,
        ...fetch("rows", "a", `strip * ${TILE}u`, "p.n"),
        ...fetch("columns", "b", `tile * ${TILE}u`, "p.m"),
        "workgroupBarrier();",
        // Zeros that are filled in add nothing, or there are none.
        `for (var k = 0u; k < ${long.padded ? `${DEPTH}u` : `min(${DEPTH}u, p.d - start)`}; k++) {`,
        `let at = k * ${TILE}u;`,
        `let s = vec4<f32>(${own.map((q) => `columns[at + local.x * ${OWN}u + ${q}u]`).join(", ")});`,
        ...own.map((r) => `c[${r}u] += ${long.term(`rows[at + local.y * ${OWN}u + ${r}u]`, "s")};`),
        "}",
        "workgroupBarrier();",
        "}",
        `for (var r = 0u; r < ${OWN}u; r++) {`,
        "let i = row0 + r;",
        "if (i >= p.n) { break; }",
        "let sum = c[r];",
        ...text.outer.map((leaf, k) => `let r${k} = ${text.load(leaf, "i")};`),
        "if (j + 3u < p.m) {",
        ...some(4, 0),
        "} else {",
        ...[0, 1, 2].flatMap((q) => [`if (j + ${q}u < p.m) {`, ...some(1, q), "}"]),
        "}",
        "}",
        "}",
        `for (var r = 0u; r < ${OWN}u; r++) {`,
        "let i = row0 + r;",
        `if (i < p.n) { ${consumer.finish("r", "i", `part * ${SIDE}u + local.x`).join(" ")} }`,
        "}",
      ].join("\n");
    },
  });
  consumer.join();
}
