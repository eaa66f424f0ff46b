import type { KernelCall } from "./define.ts";
import { floatTests, floatText } from "./float_text.ts";
import { indexing } from "./indexing.ts";
import { sizeOf, type Value } from "./value.ts";

/**
 * What the output `info` of a factorization says of each matrix, beside 0 for success and k > 0 for its pivot or minor number k:
 * an element of an input is not finite; or numbers left their range, as one of the result is not finite or a pivot is so small that
 * what is subtracted from it may have vanished.
 */
export const NOT_FINITE = -2, OUT_OF_RANGE = -1;

/** Pivots below are out of range: drivers may take numbers below 2^-126 in f32 for zero, and pivots have to keep their digits. */
export const SMALLEST_PIVOT: Readonly<Record<FactorScalar, number>> = { f32: 2 ** -96, f64: 2 ** -960 };

/** WGSL: notes that the pivot `d` of matrix number `matrix` is out of range, if it is. */
export function smallPivot(scalar: FactorScalar): string {
  const least = `${SMALLEST_PIVOT[scalar]}${scalar === "f64" ? "lf" : "f"}`;
  return `if (d != ${scalar}(0) && abs(d) < ${least}) { info[matrix] = min(info[matrix], ${OUT_OF_RANGE}); }`;
}

/** What `info` is while nothing has been found: more than all that may be, so that the least of several findings stays. */
export const NOTHING = 0x7fffffff;

const WORKGROUP = 64;

/** Element types that can be factored. */
export type FactorScalar = "f32" | "f64";

/** WGSL: `isFinite(x)`, and `notANumber()`. */
export function finiteText(scalar: FactorScalar): string {
  const { bits, magnitude, infinity, quiet } = floatText(scalar);
  return `${floatTests(scalar).get("infinity")}
fn isFinite(x: ${scalar}) -> bool { return (bitcast<${bits}>(x) & ${magnitude}) < ${infinity}; }
fn notANumber() -> ${scalar} { return bitcast<${scalar}>(infinity_bits | ${quiet}); }`;
}

/**
 * WGSL: `quotient(x, y)`. A driver may divide f32 by multiplying with the reciprocal, which is lost where |y| is near the ends of the range: y
 * is brought near 1 by a power of two.
 */
export function quotientText(scalar: FactorScalar): string {
  if (scalar === "f64") return "fn quotient(x: f64, y: f64) -> f64 { return x / y; }";
  return `fn quotient(x: f32, y: f32) -> f32 {
  let size = abs(y);
  let scale = select(select(1.0f, 0x1p64f, size < 0x1p-64f), 0x1p-64f, size > 0x1p64f);
  return (x / (y * scale)) * scale;
}`;
}

/** Sets `info` to {@linkcode NOTHING}. */
export function resetInfo<P>(call: KernelCall<P>, info: Value): void {
  const count = sizeOf(info.shape);
  call.launch({
    key: "reset",
    read: {},
    write: { info },
    uniforms: { count },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(count / WORKGROUP),
    body: () => `if (id < p.count) { info[id] = ${NOTHING}; }`,
  });
}

/** Copies matrices into dense memory of their shape, and notes those with elements that are not finite. */
export function copyChecked<P>(call: KernelCall<P>, from: Value, to: Value, info: Value): void {
  const { shape } = to, total = sizeOf(shape), scalar = to.dtype as FactorScalar;
  if (total === 0) return;
  const lead = shape.length - from.shape.length;
  const strides = shape.map((_, k) => k < lead || from.shape[k - lead] === 1 ? 0 : from.strides[k - lead]);
  const index = indexing("k", shape, [strides]);
  call.launch({
    key: `copy|${index.key}`,
    read: { a: from },
    write: { x: to, info },
    elements: { info: "atomic<i32>" },
    uniforms: { total, size: total / sizeOf(info.shape), start: from.offset, ...index.uniforms },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(total / WORKGROUP),
    declarations: () => finiteText(scalar),
    body: () =>
      [
        "if (id >= p.total) { return; }",
        ...index.lines("id"),
        `let v = a[p.start + ${index.offset(0)}];`,
        "x[id] = v;",
        `if (!isFinite(v)) { atomicMin(&info[id / p.size], ${NOT_FINITE}); }`,
      ].join("\n"),
  });
}

/**
 * Notes matrices of a result with elements that are not finite; with `onlyNew` those alone of which nothing is known yet, like the zero that
 * they were divided by.
 */
export function checkResult<P>(call: KernelCall<P>, x: Value, info: Value, onlyNew: boolean): void {
  const total = sizeOf(x.shape), scalar = x.dtype as FactorScalar;
  if (total === 0) return;
  call.launch({
    key: `check|${onlyNew}`,
    read: { x },
    write: { info },
    elements: { info: "atomic<i32>" },
    uniforms: { total, size: total / sizeOf(info.shape) },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(total / WORKGROUP),
    declarations: () => finiteText(scalar),
    body: () =>
      [
        "if (id >= p.total || isFinite(x[id])) { return; }",
        "let q = id / p.size;",
        ...(onlyNew ? [`if (atomicLoad(&info[q]) != ${NOTHING}) { return; }`] : []),
        `atomicMin(&info[q], ${OUT_OF_RANGE});`,
      ].join("\n"),
  });
}

/**
 * The last pass: makes {@linkcode NOTHING} 0, and all elements of matrices without a result NaN: those whose `info` is negative, or with
 * `needed` not 0. With `lower` it makes the elements above the diagonal zeros.
 */
export function settle<P>(
  call: KernelCall<P>,
  x: Value,
  info: Value,
  { needed = false, lower = false }: { needed?: boolean; lower?: boolean },
): void {
  const total = sizeOf(x.shape), count = sizeOf(info.shape), scalar = x.dtype as FactorScalar;
  call.launch({
    key: `settle|${needed}|${lower}`,
    read: {},
    write: { x, info },
    elements: { info: "atomic<i32>" },
    uniforms: { total, count, size: Math.max(1, total / count), n: Math.max(1, x.shape[x.shape.length - 1]) },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(Math.max(total, count) / WORKGROUP),
    declarations: () => finiteText(scalar),
    body: () =>
      [
        "if (id < p.total) {",
        "let found = atomicLoad(&info[id / p.size]);",
        // Another invocation may already have made it 0.
        `let failed = found < 0${needed ? ` || (found > 0 && found != ${NOTHING})` : ""};`,
        "if (failed) { x[id] = notANumber(); }",
        ...(lower ? [`else if ((id % p.size) / p.n < id % p.n) { x[id] = ${scalar}(0); }`] : []),
        "}",
        `if (id < p.count && atomicLoad(&info[id]) == ${NOTHING}) { atomicStore(&info[id], 0); }`,
      ].join("\n"),
  });
}
