import type { DType } from "../device/mod.ts";
import type { KernelCall } from "./define.ts";
import { indexing } from "./indexing.ts";
import type { Uniform } from "./kernel.ts";
import { collapse, sizeOf, type Value } from "./value.ts";
import { vectorsAtOnce } from "./vectors.ts";

/** A view that is copied into a part of an output. */
export interface Copy {
  /** What is read. */
  readonly from: Value;
  /** Strides of the part in the output, along the axes of `from`. */
  readonly strides: readonly number[];
  /** Where the part begins in the output. */
  readonly offset: number;
}

const WORKGROUP = 64;
/** Sources of one dispatch: with the output they fill the 8 storage buffers of every adapter. */
const SOURCES = 7;

/** WGSL type in which elements are moved: as bits, so that NaN payloads and subnormal numbers stay what they are. */
export function bitsType(dtype: DType): "f16" | "u32" | "u64" {
  return dtype === "f16" ? "f16" : dtype === "f64" ? "u64" : "u32";
}

/** True if four neighbours of the output can be written at once in every copy. */
export function fourAtOnce(copies: readonly Copy[]): boolean {
  return copies.every(({ from, strides, offset }) => {
    const { shape, strides: [source, target] } = collapse(from.shape, [from.strides, strides]);
    const last = shape.length - 1;
    const whole = (steps: readonly number[], start: number) => [...steps.slice(0, -1), start].every((s) => s % 4 === 0);
    return last >= 0 && shape[last] % 4 === 0 && target[last] === 1 && whole(target, offset) &&
      (source[last] === 0 || (source[last] === 1 && whole(source, from.offset)));
  });
}

/** Records the copies into `to`, one element per invocation, or vectors of four where {@linkcode fourAtOnce} allows it. */
export function recordCopies<P>(call: KernelCall<P>, to: Value, copies: readonly Copy[], four: boolean): void {
  const some = copies.filter(({ from }) => sizeOf(from.shape) > 0);
  for (let k = 0; k < some.length; k += SOURCES) dispatch(call, to, some.slice(k, k + SOURCES), four);
}

function dispatch<P>(call: KernelCall<P>, to: Value, copies: readonly Copy[], four: boolean): void {
  const bits = bitsType(to.dtype);
  const joint = copies.map((copy) => collapse(copy.from.shape, [copy.from.strides, copy.strides]));
  const rows = joint.map(({ shape }) => shape[shape.length - 1]);
  let vectors = four ? vectorsAtOnce(call.info, sizeOf(to.shape), 4) : 1;
  while (four && rows.some((row) => row % (4 * vectors) > 0)) vectors /= 2;
  const width = four ? 4 : 1;
  const parts = copies.map((copy, k) => {
    const { shape, strides: [source, target] } = joint[k], last = shape.length - 1;
    // A source that stays where it is along the last axis gives one element for all.
    const single = four && source[last] === 0;
    const inBlocks = (steps: readonly number[]) => steps.map((s, axis) => axis === last ? vectors : s / 4);
    return {
      index: indexing(
        `i${k}_`,
        shape.map((s, axis) => axis === last ? s / (width * vectors) : s),
        four ? [single ? source : inBlocks(source), inBlocks(target)] : [source, target],
      ),
      single,
      element: four && !single ? `vec4<${bits}>` : bits,
      count: sizeOf(shape) / (width * vectors),
      from: four && !single ? copy.from.offset / 4 : copy.from.offset,
      to: copy.offset / width,
    };
  });
  const each = Array.from({ length: vectors }, (_, q) => q);
  const uniforms: Record<string, Uniform> = {};
  parts.forEach(({ index, count, from, to }, k) =>
    Object.assign(uniforms, index.uniforms, { [`n${k}`]: count, [`from${k}`]: from, [`to${k}`]: to })
  );
  call.launch({
    key: `copy|${vectors}|${parts.map(({ index, element }) => `${index.key} ${element}`).join("|")}`,
    read: Object.fromEntries(copies.map(({ from }, k) => [`x${k}`, from])),
    write: { y: to },
    elements: Object.fromEntries([
      ["y", four ? `vec4<${bits}>` : bits],
      ...parts.map(({ element }, k) => [`x${k}`, element]),
    ]),
    uniforms,
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(parts.reduce((sum, { count }) => sum + count, 0) / WORKGROUP),
    body: () =>
      [
        "var at = id;",
        ...parts.flatMap(({ index, single }, k) => {
          const from = `p.from${k} + ${index.offset(0)}`, to = `p.to${k} + ${index.offset(1)}`;
          return [
            `if (at < p.n${k}) {`,
            ...index.lines("at"),
            ...each.map((q) => `let v${q} = x${k}[${from}${single ? "" : ` + ${q}u`}];`),
            ...each.map((q) => `y[${to} + ${q}u] = ${four ? `vec4<${bits}>(v${q})` : `v${q}`};`),
            "return;",
            "}",
            `at -= p.n${k};`,
          ];
        }),
      ].join("\n"),
  });
}
