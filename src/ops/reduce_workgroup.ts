import type { KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { ReduceParams } from "./reduce.ts";
import { declarations, fieldType, join, reduceCall, scratch, start, store } from "./reduce_call.ts";
import { accumulate, LONGEST_RUN } from "./reduce_lane.ts";

const LANES = 128;

/** One workgroup per output: coalesced reads, then a tree in workgroup memory. What graphics processors like. */
export const reduceWorkgroup: KernelVariant<ReduceParams> = {
  name: "workgroup",
  rank: (call) => {
    const { length, innerFast } = reduceCall(call);
    return !call.info.software && innerFast && length >= LANES ? 1 : -1;
  },
  record: (call) => {
    const prepared = reduceCall(call);
    const { reducer, scalar, outputs, length, kept, reduced, read, uniforms } = prepared;
    const parts = Math.max(
      1,
      Math.ceil(length / (LONGEST_RUN * LANES)),
      Math.min(Math.ceil(512 / Math.max(1, outputs)), Math.ceil(length / (LANES * 16))),
    );
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    const outer = indexing("k", kept.shape, kept.strides);
    const inner = indexing("r", reduced.shape, reduced.strides);
    call.launch({
      key: `${prepared.formulaKey}|${outer.key}|${inner.key}|${parts > 1}`,
      read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      uniforms: { outputs, length, parts, ...outer.uniforms, ...inner.uniforms, ...uniforms },
      workgroupSize: LANES,
      workgroups: outputs * parts,
      declarations: () =>
        [
          declarations(prepared),
          ...reducer.fields.map((f) => `var<workgroup> w_${f.name}: array<${fieldType(prepared, f)}, ${LANES}>;`),
        ].join("\n"),
      body: () =>
        [
          // Surplus workgroups of a two-dimensional dispatch repeat the last output, so that barriers stay uniform.
          "let job = min(group, p.outputs * p.parts - 1u);",
          "let part = job % p.parts; let o = job / p.parts;",
          ...outer.lines("o"),
          ...start(prepared, "a"),
          accumulate(prepared, outer.offset, [`part * ${LANES}u + lane`, "p.length", `(p.parts * ${LANES}u)`]),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          `for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {`,
          "workgroupBarrier();",
          "if (lane < half) {",
          ...reducer.fields.map((f) => `let b_${f.name} = w_${f.name}[lane + half];`),
          reducer.merge("a", "b", scalar),
          ...reducer.fields.map((f) => `w_${f.name}[lane] = a_${f.name};`),
          "}",
          "}",
          `if (lane == 0u) { ${store(prepared, call.outputs.out, "a", "o", parts)} }`,
        ].join("\n"),
    });
    join(call, prepared, partials, parts);
  },
};
