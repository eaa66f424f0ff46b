import type { KernelCall, KernelVariant } from "./define.ts";
import type { SparseMatmulParams } from "./sparse_matmul.ts";
import { type Dense, denseFactor, elementOf, type Product, productOf, storeSum } from "./sparse_matmul_parts.ts";
import { ROW_OF_ENTRY, throughRow, WHOLE_BLOCK } from "./sparse_pattern.ts";
import type { Value } from "./value.ts";

const WORKGROUP = 64;
/** Lanes of the `team` variant that share a row. */
const TEAM = 32;

/** Adds the terms of the entries `from`, `from + step`, … below `to` to `s`: four in an iteration while there are so many. */
function terms(product: Product, b: Dense, from: string, to: string, step = 1): string {
  const term = (k: string) =>
    `s += ${product.scalar}(values[p.values_0 + ${k}]) * ${b.at(`columns[p.columns_0 + ${k}]`, "quad")};`;
  return `{
var k = ${from};
for (; k + ${3 * step}u < ${to}; k += ${4 * step}u) {
${[0, 1, 2, 3].map((q) => term(`k + ${q * step}u`)).join("\n")}
}
for (; k < ${to}; k += ${step}u) { ${term("k")} }
}`;
}

/** Sums of whole blocks of entries `[blocks, quads]`; undefined if there are none. */
function blockSums(product: Product, b: Dense): Value | undefined {
  const { call, blocks, quads, scalar, sum, width } = product;
  if (blocks === 0) return undefined;
  const sums = call.temporary({ shape: [blocks, quads * width], dtype: scalar });
  call.launch({
    key: `blocks|${width}|${b.key}`,
    read: { ...product.read, ...b.read },
    write: { sums },
    elements: { ...b.elements, sums: sum },
    uniforms: { ...product.uniforms, ...b.uniforms, blocks },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(blocks * quads / WORKGROUP),
    declarations: () => `${ROW_OF_ENTRY}\n${WHOLE_BLOCK}`,
    body: () =>
      [
        "let b_ = id / p.quads; let quad = id % p.quads;",
        "if (b_ >= p.blocks || !whole_block(b_)) { return; }",
        `var s = ${sum}();`,
        terms(product, b, "b_ * p.block", "(b_ + 1u) * p.block"),
        "sums[id] = s;",
      ].join("\n"),
  });
  return sums;
}

function record(call: KernelCall<SparseMatmulParams>, team: boolean): void {
  const product = productOf(call), { rows, quads, sum, width } = product;
  const b = denseFactor(product), sums = blockSums(product, b), jobs = rows * quads;
  const entries = (from: string, to: string) =>
    team ? terms(product, b, `${from} + member`, to, TEAM) : terms(product, b, from, to);
  const block = (at: string) =>
    team
      ? `if (${at} % ${TEAM}u == member) { s += sums[${at} * p.quads + quad]; }`
      : `s += sums[${at} * p.quads + quad];`;
  const lanes = team ? 4 * TEAM : WORKGROUP;
  call.launch({
    key: `rows|${width}|${product.p % 4}|${b.key}|${sums !== undefined}`,
    read: { ...product.read, ...b.read, ...(sums ? { sums } : {}) },
    write: { y: call.outputs.out },
    elements: { ...b.elements, ...elementOf(product), ...(sums ? { sums: sum } : {}) },
    uniforms: { ...product.uniforms, ...b.uniforms },
    workgroupSize: lanes,
    workgroups: Math.ceil(jobs / (team ? 4 : WORKGROUP)),
    declarations: () => team ? `var<workgroup> shares: array<${sum}, ${lanes}>;` : "",
    body: () => {
      const row = [`var s = ${sum}();`, throughRow(entries, sums && block)];
      if (!team) {
        return [
          "let row = id / p.quads; let quad = id % p.quads;",
          "if (row >= p.rows) { return; }",
          ...row,
          storeSum(product),
        ].join("\n");
      }
      return [
        `let job = group * 4u + lane / ${TEAM}u; let member = lane % ${TEAM}u;`,
        "let row = job / p.quads; let quad = job % p.quads;",
        `var s = ${sum}();`,
        `if (row < p.rows) {\n${throughRow(entries, sums && block)}\n}`,
        "shares[lane] = s;",
        `for (var half = ${TEAM / 2}u; half > 0u; half /= 2u) {`,
        "workgroupBarrier();",
        "if (member < half) { shares[lane] = shares[lane] + shares[lane + half]; }",
        "}",
        `if (member == 0u && row < p.rows) {\ns = shares[lane];\n${storeSum(product)}\n}`,
      ].join("\n");
    },
  });
}

/** One invocation per row and four columns: neighbours share a row, and read neighbouring columns of the dense factor. */
export const sparseMatmulLane: KernelVariant<SparseMatmulParams> = {
  name: "lane",
  rank: () => 1,
  record: (call) => record(call, false),
};

/** Several lanes per row and four columns, for products with few columns on graphics processors. */
export const sparseMatmulTeam: KernelVariant<SparseMatmulParams> = {
  name: "team",
  rank: (call) => !call.info.software && call.outputs.out.shape[1] <= 8 ? 2 : -1,
  record: (call) => record(call, true),
};
