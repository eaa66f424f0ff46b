import type { KernelCall, KernelVariant } from "./define.ts";
import { REDUCERS, reducerText } from "./reducers.ts";
import { blockOf, denseVectors, ROW_OF_ENTRY, throughRow, WHOLE_BLOCK } from "./sparse_pattern.ts";
import type { SegmentReduceParams } from "./sparse_segment.ts";

const WORKGROUP = 64;
/** Lanes of the `team` variant that share a row. */
const TEAM = 32;

function record(call: KernelCall<SegmentReduceParams>, team: boolean): void {
  const { out } = call.outputs,
    scalar = out.dtype === "f16" || out.dtype === "bool" ? "f32" : out.dtype;
  const reducer = REDUCERS[call.params.reduction], { fields } = reducer, init = reducer.init(scalar);
  const { read, uniforms } = denseVectors(call, ["starts", "values"]), rows = out.shape[0];
  const block = blockOf(read.values.shape[0]), blocks = Math.floor(read.values.shape[0] / block);
  const sizes = { rows, block, blocks, ...uniforms };
  const part = (name: string) => `part_${name}`;
  const parts = blocks > 0
    ? Object.fromEntries(fields.map(({ name }) => [part(name), call.temporary({ shape: [blocks], dtype: scalar })]))
    : {};
  const begin = fields.map(({ name }, k) => `var a_${name} = ${init[k]};`).join("\n");
  const take = (from: string, to: string, step = "1u") =>
    `for (var k = ${from}; k < ${to}; k += ${step}) {
  let v = ${scalar}(values[p.values_0 + k]);
  ${reducer.step("a", ["v"], ["k"], scalar)}
}`;
  const merge = (from: (name: string) => string) =>
    `${fields.map(({ name }) => `let b_${name} = ${from(name)};`).join(" ")} ${reducer.merge("a", "b", scalar)}`;
  const key = `${call.params.reduction}|${scalar}`;
  if (blocks > 0) {
    call.launch({
      key: `blocks|${key}`,
      read,
      write: parts,
      uniforms: sizes,
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(blocks / WORKGROUP),
      declarations: () => `${ROW_OF_ENTRY}\n${WHOLE_BLOCK}\n${reducerText(reducer, scalar)}`,
      body: () =>
        [
          "if (id >= p.blocks || !whole_block(id)) { return; }",
          begin,
          take("id * p.block", "(id + 1u) * p.block"),
          ...fields.map(({ name }) => `${part(name)}[id] = a_${name};`),
        ].join("\n"),
    });
  }
  const lanes = team ? 4 * TEAM : WORKGROUP;
  const joinBlock = (b: string) => merge((name) => `${part(name)}[${b}]`);
  const store = `y[row] = ${out.dtype}(${reducer.finish("a", "0u", scalar)});`;
  call.launch({
    key: `rows|${key}|${blocks > 0}`,
    read: { ...read, ...parts },
    write: { y: out },
    uniforms: sizes,
    workgroupSize: lanes,
    workgroups: Math.ceil(rows / (team ? 4 : WORKGROUP)),
    declarations: () =>
      [
        reducerText(reducer, scalar),
        ...(team ? fields.map(({ name }) => `var<workgroup> w_${name}: array<${scalar}, ${lanes}>;`) : []),
      ].join("\n"),
    body: () =>
      team
        ? [
          `let row = group * 4u + lane / ${TEAM}u; let member = lane % ${TEAM}u;`,
          begin,
          "if (row < p.rows) {",
          throughRow(
            (from, to) => take(`${from} + member`, to, `${TEAM}u`),
            blocks > 0 ? (b) => `if (${b} % ${TEAM}u == member) { ${joinBlock(b)} }` : undefined,
          ),
          "}",
          ...fields.map(({ name }) => `w_${name}[lane] = a_${name};`),
          `for (var half = ${TEAM / 2}u; half > 0u; half /= 2u) {`,
          "workgroupBarrier();",
          "if (member < half) {",
          merge((name) => `w_${name}[lane + half]`),
          ...fields.map(({ name }) => `w_${name}[lane] = a_${name};`),
          "}",
          "}",
          `if (member == 0u && row < p.rows) { ${store} }`,
        ].join("\n")
        : [
          "let row = id;",
          "if (row >= p.rows) { return; }",
          begin,
          throughRow((from, to) => take(from, to), blocks > 0 ? joinBlock : undefined),
          store,
        ].join("\n"),
  });
}

/** Ways to reduce rows: one invocation per row, or several for graphics processors. */
export const segmentKernels: readonly KernelVariant<SegmentReduceParams>[] = [
  { name: "lane", rank: (call) => call.info.software ? 1 : 0, record: (call) => record(call, false) },
  { name: "team", rank: (call) => call.info.software ? -1 : 1, record: (call) => record(call, true) },
];
