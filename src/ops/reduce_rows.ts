import { size } from "../formula/mod.ts";
import type { KernelVariant } from "./define.ts";
import { type Indexing, indexing } from "./indexing.ts";
import { oncePerCall } from "./once_per_call.ts";
import type { ReduceParams } from "./reduce.ts";
import { declarations, join, LONGEST_LOOP, type ReduceCall, reduceCall, scratch, start, store } from "./reduce_call.ts";
import { vectorsAtOnce, vectorType } from "./vectors.ts";

/** Rows of neighbours that are read as vectors; arrays that do not move along the row are read once. */
export interface Rows {
  /** For each array, whether it moves along the row. */
  readonly wide: readonly boolean[];
  /** Offsets of a row: in vectors for the wide arrays. */
  readonly outer: Indexing;
}

const rowsOf = oncePerCall<ReduceParams, Rows | { outer: undefined }>((call) => wholeRows(reduceCall(call)));

/** The rows of a reduction, if all that moves along them can be read as aligned vectors. */
export function wholeRows({ arrays, kept, reduced, length }: ReduceCall): Rows | { outer: undefined } {
  if (reduced.shape.length !== 1 || (length % 4 > 0 && kept.shape.length > 0)) return { outer: undefined };
  const wide = reduced.strides.map(([step]) => step !== 0);
  const aligned = arrays.every(({ value }, k) =>
    !wide[k] || (reduced.strides[k][0] === 1 && value.offset % 4 === 0 && kept.strides[k].every((s) => s % 4 === 0))
  );
  if (!aligned || !wide.includes(true)) return { outer: undefined };
  const steps = kept.strides.map((strides, k) => wide[k] ? strides.map((s) => s / 4) : strides);
  return { wide, outer: indexing("k", kept.shape, steps) };
}

/** One invocation per dense row, or several that each take a run of it when there are few rows: reads several vectors at once. */
export const reduceRows: KernelVariant<ReduceParams> = {
  name: "rows",
  when: (call) => rowsOf(call).outer !== undefined,
  rank: (call) => call.info.software ? 2 : reduceCall(call).length < 128 ? 0.5 : -2,
  record: (call) => {
    const prepared = reduceCall(call), { plan, scalar, reducer, arrays, apply, outputs, length } = prepared;
    const { wide, outer } = rowsOf(call) as Rows;
    const vectors = vectorsAtOnce(call.info, outputs * length, 2 * (size(plan.expr) + 1));
    const whole = Math.floor(length / 4), tail = length % 4;
    const wanted = call.info.software ? 512 : 32_768;
    const parts = Math.max(
      1,
      Math.ceil(whole / (LONGEST_LOOP * vectors)),
      Math.min(Math.ceil(wanted / Math.max(1, outputs)), Math.ceil(length / 256)),
    );
    const run = Math.ceil(whole / parts / vectors) * vectors;
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    const uniforms = { ...prepared.uniforms };
    arrays.forEach(({ value }, k) => wide[k] && (uniforms[`o${k}`] = value.offset / 4));

    const load = (q: number) =>
      arrays.flatMap((_, k) => wide[k] ? [`let x${k}_${q} = x${k}[b${k} + at + ${q}u];`] : []);
    const value = (q: number, lane: string) => apply("formula", plan, (k) => wide[k] ? `x${k}_${q}.${lane}` : `b${k}`);
    const take = (count: number, lanes: string) => {
      const each = Array.from({ length: count }, (_, q) => [...lanes].map((lane) => ({ q, lane }))).flat();
      return [
        ...Array.from({ length: count }, (_, q) => load(q)).flat(),
        ...each.map(({ q, lane }) => `let v${q}${lane} = ${value(q, lane)};`),
        reducer.step(
          "a",
          each.map(({ q, lane }) => `v${q}${lane}`),
          each.map(({ q, lane }) => `(4u * at + ${4 * q + "xyzw".indexOf(lane)}u)`),
          scalar,
        ),
      ].join("\n");
    };
    call.launch({
      key: `${prepared.formulaKey}|${outer.key}|${wide}|${vectors}|${tail}|${parts > 1}`,
      read: prepared.read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      elements: Object.fromEntries(
        arrays.flatMap(({ value }, k) => wide[k] ? [[`x${k}`, vectorType(value.dtype)]] : []),
      ),
      uniforms: { outputs, length, parts, whole, run, ...outer.uniforms, ...uniforms },
      workgroupSize: 64,
      workgroups: Math.ceil(outputs * parts / 64),
      declarations: () => declarations(prepared),
      body: () =>
        [
          "if (id >= p.outputs * p.parts) { return; }",
          "let part = id % p.parts; let o = id / p.parts;",
          ...outer.lines("o"),
          ...arrays.map((_, k) => {
            const at = `p.o${k} + ${outer.offset(k)}`;
            return `let b${k} = ${wide[k] ? at : `x${k}[${at}]`};`;
          }),
          "let end = min(p.whole, (part + 1u) * p.run);",
          ...start(prepared, "a"),
          "var at = part * p.run;",
          ...(vectors > 1
            ? [`for (; at + ${vectors - 1}u < end; at += ${vectors}u) {`, take(vectors, "xyzw"), "}"]
            : []),
          "for (; at < end; at++) {",
          take(1, "xyzw"),
          "}",
          // The last vector of the only row, past whose end the buffer goes on.
          ...(tail > 0 ? ["if (part + 1u == p.parts) {", "at = p.whole;", take(1, "xyz".slice(0, tail)), "}"] : []),
          store(prepared, call.outputs.out, "a", "o", parts),
        ].join("\n"),
    });
    join(call, prepared, partials, parts);
  },
};
