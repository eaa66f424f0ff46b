import { byteSize } from "../device/mod.ts";
import type { KernelCall, KernelVariant } from "./define.ts";
import { panelLayout } from "./householder.ts";
import { indexing } from "./indexing.ts";
import { typesOf } from "./types_of.ts";
import { sizeOf, type Value } from "./value.ts";

type Call = KernelCall<Record<string, never>>;

/** Loop iterations of an invocation where a software adapter stops at 65,535. */
const LONGEST = 60_000;

/** Lanes of a workgroup: `across` take a column each, in `down` groups that share its rows. */
function lanesOf(call: Call, most: number): { lanes: number; across: number; down: number } {
  const { m, n } = panelLayout(typesOf(call.inputs)), across = 2 ** Math.ceil(Math.log2(Math.max(1, n)));
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, m / 4))) * across;
  const lanes = Math.max(across, Math.min(wanted, most, 2 ** Math.floor(Math.log2(call.info.limits.invocations))));
  return { lanes, across, down: lanes / across };
}

const LANES = { workgroup: 256, memory: 1024 };

function workgroupBytes(call: Call, kind: keyof typeof LANES): number {
  const { m, n, k, dtype } = panelLayout(typesOf(call.inputs)), { lanes } = lanesOf(call, LANES[kind]);
  return byteSize(dtype) * ((kind === "workgroup" ? roomFor(m, n) : 0) + 2 * lanes + k * k + k);
}

/** Elements of workgroup memory for a panel: sizes in steps, so that panels of like heights share a pipeline. */
function roomFor(m: number, n: number): number {
  return (m <= n ? m : Math.ceil(m / 16) * 16) * n;
}

/** A panel in workgroup memory. */
export const householderWorkgroup: KernelVariant<Record<string, never>> = {
  name: "workgroup",
  when: (call) => workgroupBytes(call, "workgroup") <= call.info.limits.workgroupBytes,
  rank: () => 1,
  record: (call) => record(call, "workgroup"),
};

/** A tall panel, which stays in memory: in the place where its reflectors go. */
export const householderMemory: KernelVariant<Record<string, never>> = {
  name: "memory",
  when: (call) => {
    const { m, n, k } = panelLayout(typesOf(call.inputs)), { down } = lanesOf(call, LANES.memory);
    const loops = 2 * k * (Math.ceil(m / down) + 2 * down) + 2 * Math.ceil(m / down) + k * k;
    return m >= n && (call.info.probes.longLoops || loops <= LONGEST) &&
      workgroupBytes(call, "memory") <= call.info.limits.workgroupBytes;
  },
  record: (call) => record(call, "memory"),
};

/**
 * One workgroup per panel, two passes over it per column j: one for the products of column j with all columns, its own among them,
 * and those with the reflectors so far, which T needs; and one that applies the reflector. A column of V stays in place unscaled, with its
 * factor beside it, until the end. What a lane writes, no other lane reads before a barrier.
 */
function record(call: Call, kind: keyof typeof LANES): void {
  const a = call.inputs.a as Value, { batch, m, n, k, dtype } = panelLayout(typesOf(call.inputs));
  const { lanes, across, down } = lanesOf(call, LANES[kind]), inPlace = kind === "memory", count = sizeOf(batch);
  const index = indexing("b", batch, [a.strides.slice(0, -2)]), [rowStep, columnStep] = a.strides.slice(-2);
  const real = (value: string) => dtype === "f64" ? `${value}lf` : `${value}f`;
  const x = (i: string, c: string) => inPlace ? `v[base + (${i}) * ${n}u + ${c}]` : `x[(${i}) * ${n}u + ${c}]`;
  const barrier = inPlace ? "storageBarrier(); workgroupBarrier();" : "workgroupBarrier();";
  const column = (c: string) => [
    // T's column c: row `own` of T is this lane's alone.
    `if (down == 0u && own < ${c}) {`,
    `var sum = ${real("0.0")};`,
    `for (var l = own; l < ${c}; l++) { sum += t_all[own * ${k}u + l] * dots[l]; }`,
    `t_all[own * ${k}u + ${c}] = -tau * sum;`,
    "}",
    `if (down == 0u && own == ${c}) { t_all[own * ${k}u + ${c}] = tau; }`,
  ];
  call.launch({
    key: `${inPlace ? "" : roomFor(m, n)}|${n}|${k}|${down}|${index.key}`,
    read: { a },
    write: { v: call.outputs.v, t: call.outputs.t, r: call.outputs.r },
    uniforms: { m, count, start: a.offset, rowStep, columnStep, ...index.uniforms },
    workgroupSize: lanes,
    workgroups: count,
    declarations: () =>
      [
        ...(inPlace ? [] : [`var<workgroup> x: array<${dtype}, ${roomFor(m, n)}>;`]),
        `var<workgroup> products: array<${dtype}, ${lanes}>;`,
        `var<workgroup> peaks: array<${dtype}, ${lanes}>;`,
        `var<workgroup> t_all: array<${dtype}, ${k * k}>;`,
        `var<workgroup> dots: array<${dtype}, ${k}>;`,
      ].join("\n"),
    body: () =>
      [
        // Surplus workgroups of a two-dimensional dispatch.
        "if (group >= p.count) { return; }",
        "let job = group;",
        ...index.lines("job"),
        `let first = p.start + ${index.offset(0)};`,
        `let base = job * p.m * ${k}u;`,
        `let own = lane % ${across}u; let down = lane / ${across}u;`,
        `let mine = own < ${n}u;`,
        `var peak = ${real("0.0")};`,
        "if (mine) {",
        `for (var i = down; i < p.m; i += ${down}u) {`,
        "let y = a[first + i * p.rowStep + own * p.columnStep];",
        `${x("i", "own")} = y;`,
        "peak = max(peak, abs(y));",
        "}",
        "}",
        `var factor = ${real("0.0")}; var tau = ${real("0.0")};`,
        `for (var j = 0u; j < ${k}u; j++) {`,
        "peaks[lane] = peak;",
        barrier,
        `if (j > 0u) {`,
        ...column("(j - 1u)"),
        "}",
        `var largest = ${real("0.0")};`,
        `for (var g = 0u; g < ${down}u; g++) { largest = max(largest, peaks[g * ${across}u + j]); }`,
        // So small that the square of its reciprocal need not be a number: counts as zero.
        `let some = largest > ${dtype === "f64" ? "1e-150lf" : "1e-17f"};`,
        `let scale = select(${real("0.0")}, ${real("1.0")} / select(${real("1.0")}, largest, some), some);`,
        `let head = ${x("j", "j")}; var top = ${real("0.0")};`,
        `if (mine) { top = ${x("j", "own")}; }`,
        // The next pass writes what this lane has just read, but only after the barrier between.
        `let weight = select(select(${real("1.0")}, factor, own < j), scale, own == j);`,
        `var product = ${real("0.0")};`,
        `let next = j + 1u + (down + ${down}u - (j + 1u) % ${down}u) % ${down}u;`,
        "if (mine) {",
        `for (var i = next; i < p.m; i += ${down}u) { product += (${x("i", "j")} * scale) * (${
          x("i", "own")
        } * weight); }`,
        "}",
        "products[lane] = product;",
        barrier,
        `var dot = ${real("0.0")}; var squares = ${real("0.0")};`,
        `for (var g = 0u; g < ${down}u; g++) {`,
        `dot += products[g * ${across}u + own]; squares += products[g * ${across}u + j];`,
        "}",
        "let alpha = head * scale;",
        `let idle = squares == ${real("0.0")};`,
        "let length = sqrt(alpha * alpha + squares);",
        `let beta = select(-length, length, alpha < ${real("0.0")});`,
        `let apart = select(alpha - beta, ${real("1.0")}, idle);`,
        `tau = select((beta - alpha) / select(beta, ${real("1.0")}, idle), ${real("0.0")}, idle);`,
        `let inverse = select(${real("1.0")} / apart, ${real("0.0")}, idle);`,
        `let here = inverse * scale;`,
        "if (own == j) { factor = here; }",
        "if (down == 0u && own < j) { dots[own] = top * factor + inverse * dot; }",
        `peak = ${real("0.0")};`,
        "if (mine && own > j) {",
        "let by = tau * (top + inverse * dot);",
        `if (down == j % ${down}u) { ${x("j", "own")} = top - by; }`,
        `for (var i = next; i < p.m; i += ${down}u) {`,
        `let y = ${x("i", "own")} - (${x("i", "j")} * here) * by;`,
        `${x("i", "own")} = y; peak = max(peak, abs(y));`,
        "}",
        "}",
        `if (own == j && down == j % ${down}u && !idle) { ${x("j", "j")} = beta * largest; }`,
        "}",
        barrier,
        ...column(`${k - 1}u`),
        "if (mine) {",
        `for (var i = down; i < p.m; i += ${down}u) {`,
        `let y = ${x("i", "own")};`,
        `if (i < ${k}u) { r[(job * ${k}u + i) * ${n}u + own] = select(y, ${real("0.0")}, i > own); }`,
        `if (own < ${k}u) { v[base + i * ${k}u + own] = select(select(${real("0.0")}, ${
          real("1.0")
        }, i == own), y * factor, i > own); }`,
        "}",
        "}",
        `if (down == 0u && own < ${k}u) {`,
        `for (var l = 0u; l < ${k}u; l++) { t[(job * ${k}u + own) * ${k}u + l] = select(${
          real("0.0")
        }, t_all[own * ${k}u + l], l >= own); }`,
        "}",
      ].join("\n"),
  });
}
