import type { KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import { fieldType, LONGEST_LOOP, start } from "./reduce_call.ts";
import { accumulate } from "./reduce_lane.ts";
import type { SoftmaxParams } from "./softmax.ts";
import { softmaxCall, softmaxDeclarations } from "./softmax_call.ts";
import { storeRow } from "./softmax_lane.ts";

const LANES = 128;

/** One workgroup per row, for graphics processors: side by side its lanes read the row, join their sums in a tree, and read it again. */
export const softmaxWorkgroup: KernelVariant<SoftmaxParams> = {
  name: "workgroup",
  when: (call) => softmaxCall(call).length <= LONGEST_LOOP * LANES,
  rank: (call) => {
    const { length, innerFast } = softmaxCall(call);
    return !call.info.software && innerFast && length >= LANES ? 1 : -1;
  },
  record: (call) => {
    const prepared = softmaxCall(call), { reducer, scalar, outputs, length, kept, reduced } = prepared;
    const outer = indexing("k", kept.shape, kept.strides), inner = indexing("r", reduced.shape, reduced.strides);
    const range = ["lane", "p.length", `${LANES}u`] as const;
    call.launch({
      key: `${prepared.key}|${outer.key}|${inner.key}`,
      read: prepared.read,
      write: { y: call.outputs.out },
      uniforms: {
        ...{ outputs, length, step: prepared.step },
        ...outer.uniforms,
        ...inner.uniforms,
        ...prepared.uniforms,
      },
      workgroupSize: LANES,
      workgroups: outputs,
      declarations: () =>
        [
          softmaxDeclarations(prepared, call.params),
          ...reducer.fields.map((f) => `var<workgroup> w_${f.name}: array<${fieldType(prepared, f)}, ${LANES}>;`),
        ].join("\n"),
      body: () =>
        [
          // Surplus workgroups of a two-dimensional dispatch repeat the last row, so that barriers stay uniform.
          "let o = min(group, p.outputs - 1u);",
          ...outer.lines("o"),
          ...start(prepared, "a"),
          accumulate(prepared, outer.offset, range),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          `for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {`,
          "workgroupBarrier();",
          "if (lane < half) {",
          ...reducer.fields.map((f) => `let b_${f.name} = w_${f.name}[lane + half];`),
          reducer.merge("a", "b", scalar),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          "}",
          "}",
          "workgroupBarrier();",
          ...reducer.fields.map((f) => `a_${f.name} = w_${f.name}[0];`),
          "let by = normalizer(a_m, a_s);",
          storeRow(call, prepared, outer.offset, range),
        ].join("\n"),
    });
  },
};
