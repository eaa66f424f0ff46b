import type { KernelCall, KernelVariant } from "./define.ts";
import { indexing } from "./indexing.ts";
import { LONGEST_LOOP, scratch, start, store } from "./reduce_call.ts";
import { accumulate } from "./reduce_lane.ts";
import type { SoftmaxParams } from "./softmax.ts";
import { normalizedValue, type SoftmaxCall, softmaxCall, softmaxDeclarations } from "./softmax_call.ts";

/** A loop over the elements of a row from `first` on that stores them. */
export function storeRow(
  call: KernelCall<SoftmaxParams>,
  prepared: SoftmaxCall,
  offset: (k: number) => string,
  [first, end, step]: readonly [string, string, string],
): string {
  const { plan, apply, arrays } = prepared, inner = indexing("r", prepared.reduced.shape, prepared.reduced.strides);
  const value = apply("formula", plan, (k) => `x${k}[p.o${k} + ${offset(k)} + ${inner.offset(k)}]`);
  return [
    `for (var r = ${first}; r < ${end}; r += ${step}) {`,
    ...inner.lines("r"),
    `y[${offset(arrays.length)} + r * p.step] = ${normalizedValue(call, prepared, value)};`,
    "}",
  ].join("\n");
}

/** One invocation per row, or several that each take a run of it when there are few rows; in any layout. */
export const softmaxLane: KernelVariant<SoftmaxParams> = {
  name: "lane",
  record: (call) => {
    const prepared = softmaxCall(call), { outputs, length, kept, reduced, reducer, scalar, innerFast } = prepared;
    const wanted = call.info.software ? 64 : 32_768;
    const parts = Math.max(
      1,
      Math.ceil(length / (2 * LONGEST_LOOP)),
      Math.min(Math.ceil(wanted / outputs), Math.ceil(length / 256)),
    );
    const outer = indexing("k", kept.shape, kept.strides), inner = indexing("r", reduced.shape, reduced.strides);
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    // On graphics processors neighbouring invocations take neighbouring elements, elsewhere each takes a run of its own.
    const turns = innerFast && !call.info.software && parts > 1;
    const range = turns
      ? ["part", "p.length", "p.parts"] as const
      : ["part * p.run", "min(p.length, (part + 1u) * p.run)", "1u"] as const;
    const text = {
      uniforms: {
        ...{ outputs, length, parts, run: Math.ceil(length / parts), step: prepared.step },
        ...outer.uniforms,
        ...inner.uniforms,
        ...prepared.uniforms,
      },
      workgroupSize: 64,
      workgroups: Math.ceil(outputs * parts / 64),
      declarations: () => softmaxDeclarations(prepared, call.params),
    };
    const key = `${prepared.key}|${outer.key}|${inner.key}|${innerFast}|${turns}`;
    const place = [
      "if (id >= p.outputs * p.parts) { return; }",
      innerFast
        ? "let part = id % p.parts; let o = id / p.parts;"
        : "let part = id / p.outputs; let o = id % p.outputs;",
      ...outer.lines("o"),
      ...start(prepared, "a"),
    ];
    const sum = accumulate(prepared, outer.offset, range);
    const finish = [`let by = normalizer(a_m, a_s);`, storeRow(call, prepared, outer.offset, range)];
    if (parts === 1) {
      call.launch({
        ...text,
        key,
        read: prepared.read,
        write: { y: call.outputs.out },
        body: () => [...place, sum, ...finish].join("\n"),
      });
      return;
    }
    call.launch({
      ...text,
      key: `part|${key}`,
      read: prepared.read,
      write: partials,
      body: () => [...place, sum, store(prepared, call.outputs.out, "a", "o", parts)].join("\n"),
    });
    call.launch({
      ...text,
      key: `join|${key}`,
      read: { ...prepared.read, ...partials },
      write: { y: call.outputs.out },
      body: () =>
        [
          ...place,
          "for (var c = 0u; c < p.parts; c++) {",
          ...reducer.fields.map((f) => `let b_${f.name} = part_${f.name}[c * p.outputs + o];`),
          reducer.merge("a", "b", scalar),
          "}",
          ...finish,
        ].join("\n"),
    });
  },
};
