import { size } from "../formula/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import { type Indexing, indexing } from "./indexing.ts";
import { storedType } from "./kernel.ts";
import { oncePerCall } from "./once_per_call.ts";
import type { ReduceParams } from "./reduce.ts";
import { declarations, join, LONGEST_LOOP, reduceCall, scratch, start, store } from "./reduce_call.ts";
import { vectorsAtOnce, vectorType } from "./vectors.ts";

/** Neighbouring outputs of one invocation: on software adapters a cache line of them, where it has so many. */
function widthOf(software: boolean, row: number): number {
  return software && row % 16 === 0 ? 16 : 8;
}

/** Blocks of outputs whose elements are read as vectors; arrays that do not move along the block give one element to all. */
interface Columns {
  /** Outputs of a block. */
  readonly width: number;
  readonly wide: readonly boolean[];
  /** Offsets of a block: in vectors for the wide arrays. */
  readonly outer: Indexing;
  /** Offsets of a reduced element: likewise. */
  readonly inner: Indexing;
}

const columnsOf = oncePerCall((call: KernelCall<ReduceParams>): Columns | { outer: undefined } => {
  const { arrays, kept, reduced } = reduceCall(call), last = kept.shape.length - 1;
  if (last < 0) return { outer: undefined };
  const width = widthOf(call.info.software, kept.shape[last]);
  if (kept.shape[last] % width > 0) return { outer: undefined };
  const wide = kept.strides.map((s) => s[last] !== 0);
  const aligned = arrays.every(({ value }, k) =>
    !wide[k] || (kept.strides[k][last] === 1 && value.offset % 4 === 0 &&
      [...kept.strides[k].slice(0, last), ...reduced.strides[k]].every((s) => s % 4 === 0))
  );
  if (!aligned || !wide.includes(true)) return { outer: undefined };
  const vectors = (k: number, strides: readonly number[]) => wide[k] ? strides.map((s) => s / 4) : strides;
  const steps = kept.strides.map((s, k) => [...vectors(k, s.slice(0, last)), wide[k] ? width / 4 : 0]);
  return {
    width,
    wide,
    outer: indexing("k", [...kept.shape.slice(0, last), kept.shape[last] / width], steps),
    inner: indexing("r", reduced.shape, reduced.strides.map((s, k) => vectors(k, s))),
  };
});

/** One invocation per block of neighbouring outputs, or several that each take a run of their elements: reads vectors. */
export const reduceColumns: KernelVariant<ReduceParams> = {
  name: "columns",
  when: (call) => columnsOf(call).outer !== undefined,
  rank: (call) => call.info.software ? 1 : 0,
  record: (call) => {
    const prepared = reduceCall(call), { plan, scalar, reducer, arrays, apply, outputs, length } = prepared;
    const { width, wide, outer, inner } = columnsOf(call) as Columns;
    const rows = vectorsAtOnce(call.info, outputs * length, width / 2 * (size(plan.expr) + 1));
    const blocks = outputs / width;
    // Short runs: walking down a long column touches a page per row.
    const wanted = call.info.software ? 8192 : 32_768;
    const parts = Math.max(
      1,
      Math.ceil(length / (LONGEST_LOOP * rows)),
      Math.min(Math.ceil(wanted / blocks), Math.ceil(length / 64)),
    );
    const partials = parts > 1 ? scratch(call, prepared, parts * outputs) : {};
    const uniforms = { ...prepared.uniforms };
    arrays.forEach(({ value }, k) => wide[k] && (uniforms[`o${k}`] = value.offset / 4));

    const columns = Array.from({ length: width }, (_, c) => c), vectors = columns.slice(0, width / 4);
    const load = (q: number) => [
      // The offsets of one row are not those of the next.
      ...arrays.flatMap(({ value: { dtype } }, k) =>
        wide[k]
          ? vectors.map((v) => `var x${k}_${q}_${v}: ${vectorType(dtype)};`)
          : [`var x${k}_${q}_0: ${storedType(dtype)};`]
      ),
      "{",
      `let r = at + ${q}u;`,
      ...inner.lines("r"),
      ...arrays.flatMap((_, k) => {
        const at = `b${k} + ${inner.offset(k)}`;
        return wide[k]
          ? vectors.map((v) => `x${k}_${q}_${v} = x${k}[${at} + ${v}u];`)
          : [`x${k}_${q}_0 = x${k}[${at}];`];
      }),
      "}",
    ];
    const value = (q: number, c: number) =>
      apply("formula", plan, (k) => wide[k] ? `x${k}_${q}_${c >> 2}.${"xyzw"[c & 3]}` : `x${k}_${q}_0`);
    const take = (count: number) => {
      const each = Array.from({ length: count }, (_, q) => q);
      return [
        ...each.flatMap(load),
        ...columns.map((c) =>
          [
            "{",
            ...each.map((q) => `let v${q} = ${value(q, c)};`),
            reducer.step(`a${c}`, each.map((q) => `v${q}`), each.map((q) => `(at + ${q}u)`), scalar),
            "}",
          ].join("\n")
        ),
      ].join("\n");
    };
    call.launch({
      key: `${prepared.formulaKey}|${width}|${outer.key}|${inner.key}|${wide}|${rows}|${parts > 1}`,
      read: prepared.read,
      write: parts > 1 ? partials : { y: call.outputs.out },
      elements: Object.fromEntries(
        arrays.flatMap(({ value }, k) => wide[k] ? [[`x${k}`, vectorType(value.dtype)]] : []),
      ),
      uniforms: {
        ...{ outputs, length, parts, blocks, run: Math.ceil(length / parts) },
        ...outer.uniforms,
        ...inner.uniforms,
        ...uniforms,
      },
      workgroupSize: 64,
      workgroups: Math.ceil(blocks * parts / 64),
      declarations: () => declarations(prepared),
      body: () =>
        [
          "if (id >= p.blocks * p.parts) { return; }",
          "let part = id / p.blocks; let block = id % p.blocks;",
          ...outer.lines("block"),
          ...arrays.map((_, k) => `let b${k} = p.o${k} + ${outer.offset(k)};`),
          "let end = min(p.length, (part + 1u) * p.run);",
          ...columns.flatMap((c) => start(prepared, `a${c}`)),
          "var at = part * p.run;",
          ...(rows > 1 ? [`for (; at + ${rows - 1}u < end; at += ${rows}u) {`, take(rows), "}"] : []),
          "for (; at < end; at++) {",
          take(1),
          "}",
          ...columns.map((c) => store(prepared, call.outputs.out, `a${c}`, `(block * ${width}u + ${c}u)`, parts)),
        ].join("\n"),
    });
    join(call, prepared, partials, parts);
  },
};
