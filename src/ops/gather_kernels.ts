import type { KernelCall, KernelVariant } from "./define.ts";
import type { GatherParams } from "./gather.ts";
import { fillUniform } from "./gather_fill.ts";
import { rowFunction } from "./index_row.ts";
import { indexing } from "./indexing.ts";
import { bitsType } from "./strided_copy.ts";
import { sizeOf, type Value } from "./value.ts";
import { vectorsAtOnce } from "./vectors.ts";

const WORKGROUP = 64;

/** The fill as elements are moved. */
const FILLS = { f16: "f16(unpack2x16float(p.fill).x)", u32: "p.fill", u64: "bitcast<u64>(p.fill)" };

/** Shapes and strides of a call: x moves along the outer and inner axes of the output, the indices along the ones between. */
function prepare(call: KernelCall<GatherParams>) {
  const x = call.inputs.x as Value, indices = call.inputs.indices as Value, { axis } = call.params;
  const still = indices.shape.map(() => 0);
  return {
    x,
    indices,
    axis,
    source: [...x.strides.slice(0, axis), ...still, ...x.strides.slice(axis + 1)],
    positions: [...x.strides.slice(0, axis).fill(0), ...indices.strides, ...x.strides.slice(axis + 1).fill(0)],
  };
}

/** True if the last axis is one of `x` beside the indexed one and can be read and written four elements at a time. */
function fourAtOnce(call: KernelCall<GatherParams>): boolean {
  const { x, axis } = prepare(call), last = x.shape.length - 1;
  return axis < last && x.shape[last] % 4 === 0 && x.strides[last] === 1 && x.offset % 4 === 0 &&
    x.strides.every((s, k) => k === last || s % 4 === 0);
}

function record(call: KernelCall<GatherParams>, four: boolean): void {
  const { x, indices, axis, source, positions } = prepare(call), { out } = call.outputs;
  const width = four ? 4 : 1, last = out.shape.length - 1;
  let vectors = four ? vectorsAtOnce(call.info, sizeOf(out.shape), width) : 1;
  while (four && out.shape[last] % (4 * vectors) > 0) vectors /= 2;
  const shape = out.shape.map((s, k) => four && k === last ? s / (4 * vectors) : s);
  const from = source.map((s, k) => !four ? s : k === last ? vectors : s / 4);
  const index = indexing("i", shape, [from, positions]);
  const bits = bitsType(out.dtype), element = four ? `vec4<${bits}>` : bits;
  const count = sizeOf(shape), each = Array.from({ length: vectors }, (_, q) => q);
  const fill = `${element}(${FILLS[bits]})`;
  call.launch({
    key: `${index.key}|${vectors}`,
    read: { x, indices },
    write: { y: out },
    elements: { x: element, y: element },
    uniforms: {
      count,
      rows: x.shape[axis],
      step: x.strides[axis] / width,
      base: x.offset / width,
      first: indices.offset,
      fill: fillUniform(out.dtype, call.params),
      ...index.uniforms,
    },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(count / WORKGROUP),
    declarations: () => rowFunction(indices.dtype as "i32" | "u32"),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        ...index.lines("id"),
        `let row = row_of(indices[p.first + ${index.offset(1)}]);`,
        `let start = p.base + ${index.offset(0)} + row * p.step;`,
        `let to = id * ${vectors}u;`,
        "if (row < p.rows) {",
        ...each.map((q) => `let v${q} = x[start + ${q}u];`),
        ...each.map((q) => `y[to + ${q}u] = v${q};`),
        "} else {",
        ...each.map((q) => `y[to + ${q}u] = ${fill};`),
        "}",
      ].join("\n"),
  });
}

/** Ways to gather on WebGPU: one output element per invocation, or neighbours as vectors of four. */
export const gatherKernels: readonly KernelVariant<GatherParams>[] = [
  { name: "vec4", when: fourAtOnce, rank: () => 1, record: (call) => record(call, true) },
  { name: "strided", record: (call) => record(call, false) },
];
