import { size } from "../formula/mod.ts";
import type { KernelVariant } from "./define.ts";
import { oncePerCall } from "./once_per_call.ts";
import { LONGEST_LOOP, start } from "./reduce_call.ts";
import { type Rows, wholeRows } from "./reduce_rows.ts";
import type { SoftmaxParams } from "./softmax.ts";
import { normalizedValue, softmaxCall, softmaxDeclarations } from "./softmax_call.ts";
import { vectorsAtOnce, vectorType } from "./vectors.ts";

const rowsOf = oncePerCall<SoftmaxParams, Rows | { outer: undefined }>((call) => {
  const prepared = softmaxCall(call);
  return prepared.step === 1 && prepared.length % 4 === 0 ? wholeRows(prepared) : { outer: undefined };
});

/**
 * One invocation per dense row: it goes through the row twice, reading several vectors at once. The second time the row is still in
 * the cache of a software adapter's processor.
 */
export const softmaxRows: KernelVariant<SoftmaxParams> = {
  name: "rows",
  when: (call) => rowsOf(call).outer !== undefined && softmaxCall(call).length <= 8 * LONGEST_LOOP,
  rank: (call) => {
    const { outputs, length } = softmaxCall(call);
    return call.info.software ? (outputs >= 16 ? 2 : -1) : length < 128 ? 2 : -1;
  },
  record: (call) => {
    const prepared = softmaxCall(call), { plan, reducer, scalar, arrays, apply, outputs, length } = prepared;
    const { wide, outer } = rowsOf(call) as Rows;
    const vectors = vectorsAtOnce(call.info, outputs * length, 3 * (size(plan.expr) + 1));
    const uniforms = { ...prepared.uniforms };
    arrays.forEach(({ value }, k) => wide[k] && (uniforms[`o${k}`] = value.offset / 4));
    const { out } = call.outputs;

    const take = (count: number, then: (values: readonly (readonly string[])[]) => string[]) => {
      const each = Array.from({ length: count }, (_, q) => q);
      const value = (q: number, lane: string) =>
        apply("formula", plan, (k) => wide[k] ? `x${k}_${q}.${lane}` : `b${k}`);
      return [
        ...each.flatMap((q) =>
          arrays.flatMap((_, k) => wide[k] ? [`let x${k}_${q} = x${k}[b${k} + at + ${q}u];`] : [])
        ),
        ...each.flatMap((q) => [..."xyzw"].map((lane) => `let v${q}${lane} = ${value(q, lane)};`)),
        ...then(each.map((q) => [..."xyzw"].map((lane) => `v${q}${lane}`))),
      ];
    };
    const sweep = (then: (values: readonly (readonly string[])[]) => string[]) => [
      "at = 0u;",
      ...(vectors > 1
        ? [`for (; at + ${vectors - 1}u < p.whole; at += ${vectors}u) {`, ...take(vectors, then), "}"]
        : []),
      "for (; at < p.whole; at++) {",
      ...take(1, then),
      "}",
    ];
    call.launch({
      key: `${prepared.key}|${outer.key}|${wide}|${vectors}`,
      read: prepared.read,
      write: { y: out },
      elements: {
        ...Object.fromEntries(
          arrays.flatMap(({ value }, k) => wide[k] ? [[`x${k}`, vectorType(value.dtype)]] : []),
        ),
        y: vectorType(out.dtype),
      },
      uniforms: { outputs, whole: length / 4, ...outer.uniforms, ...uniforms },
      // Short workgroups: there may be no more than a few rows for each core.
      workgroupSize: call.info.software ? 8 : 64,
      workgroups: Math.ceil(outputs / (call.info.software ? 8 : 64)),
      declarations: () => softmaxDeclarations(prepared, call.params),
      body: () =>
        [
          "if (id >= p.outputs) { return; }",
          ...outer.lines("id"),
          ...arrays.map((_, k) => {
            const at = `p.o${k} + ${outer.offset(k)}`;
            return `let b${k} = ${wide[k] ? at : `x${k}[${at}]`};`;
          }),
          ...start(prepared, "a"),
          "var at = 0u;",
          ...sweep((values) => [reducer.step("a", values.flat(), [], scalar)]),
          "let by = normalizer(a_m, a_s);",
          ...sweep((values) =>
            values.map((lanes, q) =>
              `y[id * p.whole + at + ${q}u] = ${vectorType(out.dtype)}(${
                lanes.map((v) => normalizedValue(call, prepared, v)).join(", ")
              });`
            )
          ),
        ].join("\n"),
    });
  },
};
