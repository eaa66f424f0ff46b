import type { KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { blocksOf } from "./matmul_blocks.ts";
import { launchTiles, matmulCall } from "./matmul_call.ts";
import { storeFour } from "./matmul_epilogue.ts";
import type { Factor } from "./matmul_factor.ts";
import type { Fetch } from "./matmul_fetch.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";

/** Rows and columns of the tile of a workgroup, and of the quarter of it that a subgroup has. */
const TILE = 64, QUARTER = TILE / 2;
/** Inner indices of a step. */
const DEPTH = 32;
/** Rows and columns of a matrix that a subgroup holds. */
const UNIT = 16;
/** Subgroups in a workgroup. */
const SUBGROUPS = 4;

/**
 * Half-precision factors with single-precision sums on tensor cores (`wgpu-cooperative-matrix`, native WebGPU only). Four subgroups
 * share a tile of 64×64: blocks of both factors go through workgroup memory, and each subgroup multiplies its quarter in units of
 * 16×16 that lie across its lanes.
 */
export const matmulCooperative: KernelVariant<MatmulParams> = {
  name: "cooperative",
  when: (call) => {
    const { layout: { m, n, sum }, a, b } = matmulCall(call), { probes, limits, subgroupSize } = call.info;
    return probes.cooperative && sum === "f32" && a.value.dtype === "f16" && b.value.dtype === "f16" &&
      SUBGROUPS * subgroupSize <= limits.invocations && limits.workgroupBytes >= 4 * TILE * (TILE + DEPTH) &&
      Math.ceil(Math.max(m, n) / TILE) <= limits.workgroups;
  },
  rank: (call) => {
    const { layout: { m, n, k } } = matmulCall(call);
    return Math.min(m, n, k) >= UNIT ? 6 : -1;
  },
  record: (call) => {
    const product = matmulCall(call), { layout, batches, a, b } = product, { m, n, k } = layout;
    const columns = Math.ceil(n / TILE), rows = Math.ceil(m / TILE), lanes = SUBGROUPS * call.info.subgroupSize;
    const wanted = Math.min(Math.ceil(128 / (columns * rows * batches)), Math.ceil(k / 512));
    const parts = splitSum(call, product, { wanted, step: DEPTH, longest: longestSum(call, DEPTH) });
    const { epilogue } = parts, { fetches, whole, index, text } = blocksOf(product, parts);
    launchTiles(call, [columns, rows, batches * parts.count], {
      ...text,
      workgroupSize: lanes,
      cooperative: true,
      declarations: () =>
        [
          ...fetches.map((f) => f.declaration),
          `var<workgroup> tile_a: array<f16, ${TILE * DEPTH}>;`,
          `var<workgroup> tile_b: array<f16, ${TILE * DEPTH}>;`,
          `var<workgroup> sums: array<f32, ${TILE * TILE}>;`,
          epilogue.declarations(),
        ].join("\n"),
      body: () => {
        const half = [0, 1], units = half.flatMap((r) => half.map((c) => [r, c] as const));
        const unit = (role: "A" | "B" | "C") => `coop_mat${UNIT}x${UNIT}<${role === "C" ? "f32" : "f16"}, ${role}>`;
        const place = (r: number, c: number) => `&sums[(top + ${r * UNIT}u) * ${TILE}u + left + ${c * UNIT}u]`;
        return [
          "let z = p.first + workgroup.z;",
          "let batch = z % p.batches;",
          ...index.lines("batch"),
          "let begin = (z / p.batches) * p.length;",
          "let stop = min(begin + p.length, p.k);",
          `let row0 = workgroup.y * ${TILE}u; let column0 = workgroup.x * ${TILE}u;`,
          `let a_base = p.a_start + ${index.offset(0)}; let b_base = p.b_start + ${index.offset(1)};`,
          `let quarter = lane / ${lanes / SUBGROUPS}u;`,
          `let top = (quarter >> 1u) * ${QUARTER}u; let left = (quarter & 1u) * ${QUARTER}u;`,
          `for (var q = lane; q < ${TILE * TILE}u; q += ${lanes}u) { sums[q] = 0.0; }`,
          "workgroupBarrier();",
          ...units.map(([r, c]) => `var c${r}${c} = coopLoadT<${unit("C")}>(${place(r, c)}, ${TILE}u);`),
          `for (var i = begin; i < stop; i += ${DEPTH}u) {`,
          `for (var q = lane; q < ${TILE * DEPTH / 4}u; q += ${lanes}u) {`,
          ...keep(a, fetches[0], "row0", `o * ${DEPTH}u + i_`),
          ...keep(b, fetches[1], "column0", `i_ * ${TILE}u + o`),
          "}",
          "workgroupBarrier();",
          `for (var q = 0u; q < ${DEPTH}u; q += ${UNIT}u) {`,
          ...half.map((r) =>
            `let a${r} = coopLoadT<${unit("A")}>(&tile_a[(top + ${r * UNIT}u) * ${DEPTH}u + q], ${DEPTH}u);`
          ),
          ...half.map((c) =>
            `let b${c} = coopLoadT<${unit("B")}>(&tile_b[q * ${TILE}u + left + ${c * UNIT}u], ${TILE}u);`
          ),
          ...units.map(([r, c]) => `c${r}${c} = coopMultiplyAdd(a${r}, b${c}, c${r}${c});`),
          "}",
          "workgroupBarrier();",
          "}",
          ...units.map(([r, c]) => `coopStoreT(c${r}${c}, ${place(r, c)}, ${TILE}u);`),
          "workgroupBarrier();",
          "let base = z * p.m * p.n;",
          `for (var q = lane; q < ${TILE * TILE / 4}u; q += ${lanes}u) {`,
          `let at = q * 4u; let row = row0 + at / ${TILE}u; let column = column0 + at % ${TILE}u;`,
          "let four = vec4<f32>(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);",
          "if (row < p.m) {",
          ...storeFour(epilogue, whole, "four", "row", "column", (x) => index.offset(x + 2)),
          "}",
          "}",
        ].join("\n");
      },
    });
    parts.join();
  },
};

/** Loads vector number `q` of a block and puts its four numbers where `at` says, an expression of outer `o` and inner `i_`. */
function keep({ name }: Factor, { along }: Fetch, first: string, at: string): string[] {
  const [o, i] = along === "inner"
    ? [`q / ${DEPTH / 4}u`, `(q % ${DEPTH / 4}u) * 4u`]
    : [`(q % ${TILE / 4}u) * 4u`, `q / ${TILE / 4}u`];
  const step = along === "inner" ? "i_" : "o";
  return [
    "{",
    `var o = ${o}; var i_ = ${i};`,
    `let four = fetch_${name}(${name}_base, ${first} + o, i + i_, stop);`,
    ...["x", "y", "z", "w"].map((c) => `tile_${name}[${at}] = f16(four.${c}); ${step}++;`),
    "}",
  ];
}
