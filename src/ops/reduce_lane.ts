import type { KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { ReduceParams } from "./reduce.ts";
import { declarations, join, LONGEST_LOOP, type ReduceCall, reduceCall, scratch, start, store } from "./reduce_call.ts";

/** Values taken in per iteration: fewer loop tests, shorter chains of additions, cheaper logsumexp. */
const UNROLL = 4;

/** A loop that takes in the elements `first`, `first + step`, … below `end`, in blocks of any layout. */
export function accumulate(
  prepared: ReduceCall,
  keptOffset: (k: number) => string,
  [first, end, step]: readonly [string, string, string],
): string {
  const { plan, scalar, reducer, apply } = prepared;
  const inner = indexing("r", prepared.reduced.shape, prepared.reduced.strides);
  const value = (q: number) =>
    [
      "{",
      `let r = at + ${q}u * ${step};`,
      ...inner.lines("r"),
      `v${q} = ${apply("formula", plan, (k) => `x${k}[p.o${k} + ${keptOffset(k)} + ${inner.offset(k)}]`)};`,
      "}",
    ].join("\n");
  const block = (count: number) => {
    const names = Array.from({ length: count }, (_, q) => `v${q}`);
    return [
      ...names.map((v) => `var ${v}: ${scalar};`),
      ...names.map((_, q) => value(q)),
      reducer.step("a", names, names.map((_, q) => `(at + ${q}u * ${step})`), scalar),
    ].join("\n");
  };
  return `var at = ${first};
for (; at + ${UNROLL - 1}u * ${step} < ${end}; at += ${UNROLL}u * ${step}) {
${block(UNROLL)}
}
for (; at < ${end}; at += ${step}) {
${block(1)}
}`;
}

/** Elements that one call of {@linkcode accumulate} may take in. */
export const LONGEST_RUN: number = LONGEST_LOOP * UNROLL;

/** One invocation per output, or several that each take a run of elements when there are few outputs; in any layout. */
export const reduceLane: KernelVariant<ReduceParams> = {
  name: "lane",
  record: (call) => {
    const prepared = reduceCall(call);
    const { outputs, length, kept, reduced, read, uniforms, innerFast } = prepared;
    const wanted = call.info.software ? 512 : 32_768;
    const parts = Math.max(
      Math.ceil(length / LONGEST_RUN),
      Math.min(Math.ceil(wanted / Math.max(1, outputs)), Math.ceil(length / 256)),
      1,
    );
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    const outer = indexing("k", kept.shape, kept.strides);
    const inner = indexing("r", reduced.shape, reduced.strides);
    call.launch({
      key: `${prepared.formulaKey}|${outer.key}|${inner.key}|${parts > 1}|${innerFast}`,
      read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      uniforms: {
        ...{ outputs, length, parts, run: Math.ceil(length / parts) },
        ...outer.uniforms,
        ...inner.uniforms,
        ...uniforms,
      },
      workgroupSize: 64,
      workgroups: Math.ceil(outputs * parts / 64),
      declarations: () => declarations(prepared),
      body: () =>
        [
          "if (id >= p.outputs * p.parts) { return; }",
          innerFast
            ? "let part = id % p.parts; let o = id / p.parts;"
            : "let part = id / p.outputs; let o = id % p.outputs;",
          "let end = min(p.length, (part + 1u) * p.run);",
          ...outer.lines("o"),
          ...start(prepared, "a"),
          accumulate(prepared, outer.offset, ["part * p.run", "end", "1u"]),
          store(prepared, call.outputs.out, "a", "o", parts),
        ].join("\n"),
    });
    join(call, prepared, partials, parts);
  },
};
