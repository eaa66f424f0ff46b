import { byteSize } from "../device/mod.ts";
import type { KernelCall } from "./define.ts";
import { type Block, launchEach, type Stack } from "./factor_block.ts";
import { pivotSearch, pivotText } from "./factor_lu_pivot.ts";
import { type Panel, panelUniforms, recordTallPanel } from "./factor_lu_tall.ts";
import { type FactorScalar, quotientText, smallPivot } from "./factor_passes.ts";

type Call = KernelCall<Record<string, never>>;

/** Elements of a panel that an invocation holds in registers: a workgroup of 1024 has 64 of them for each. */
const HELD = 32;
/** Most rows that an invocation may have: those over {@linkcode HELD} / 4 go to slower memory, but are read in order. */
const MOST_ROWS = 16;
/** Rows that go through workgroup memory together, as many as fit: the fewer, the more barriers. */
const STAGED = [256, 128, 64] as const;

interface PanelPlan {
  readonly threads: number;
  /** Rows of each invocation. */
  readonly rows: number;
  /** Columns, a power of two. */
  readonly width: number;
  /** Rows that go through workgroup memory together. */
  readonly staged: number;
}

function planPanel(call: Call, { value, wide }: Stack, height: number): PanelPlan {
  const { invocations, workgroupBytes } = call.info.limits, each = byteSize(value.dtype);
  const most = Math.min(invocations, wide ? 1024 : 256);
  // Candidates and their rows, the two rows that change places, and what is staged share the memory.
  const fits = (threads: number, staged: number, width: number) =>
    threads * (each + 4) + (staged * (width + 1) + 2 * width) * each <= workgroupBytes;
  let threads = 64;
  // In large steps: each number of threads is a kernel of its own.
  while (threads < height && 4 * threads <= most && fits(4 * threads, STAGED[2], HELD)) threads *= 4;
  let rows = 1;
  while (rows * threads < height) rows *= 2;
  const width = Math.max(4, HELD / (rows * each / 4));
  const staged = STAGED.find((count) => count <= threads && fits(threads, count, width)) ?? STAGED[2];
  return { threads, rows, width, staged };
}

/** Columns that a workgroup eliminates at once of what is left of `height` rows: the fewer, the more rows there are. */
export function panelWidth(call: Call, x: Stack, height: number): number {
  return planPanel(call, x, height).width;
}

/**
 * Eliminates the columns of a panel, with row exchanges within it. Each invocation holds some of the rows in registers, which come and go in
 * order through workgroup memory. For each column the workgroup looks for the element of largest magnitude; the two rows that change places
 * go through its memory; and all others have the pivot's subtracted. So that no register is chosen by number, rows turn: their first element is
 * the one of the present column, and the multiplier takes its place at the end.
 */
export function recordPanel(call: Call, x: Stack, all: Block, panel: Panel): void {
  if (x.count === 0) return;
  const height = panel.rows - panel.first, plan = planPanel(call, x, height);
  if (plan.rows > MOST_ROWS) return recordTallPanel(call, x, all, panel, plan.threads);
  const { threads, rows, width: w, staged: s } = plan,
    scalar = x.value.dtype as FactorScalar,
    { pivots, info } = call.outputs;
  const range = (n: number) => [...Array(n).keys()], own = range(rows), columns = range(w), pitch = w + 1;
  const zero = `${scalar}(0)`, shift = Math.log2(w);
  // Rows from number `top`, between memory and the workgroup's: neighbours read neighbours.
  const staged = (top: string, move: (element: string, staged: string) => string) =>
    `for (var e = lane; e < ${s * w}u; e += ${threads}u) {
let r = ${top} + (e >> ${shift}u); let c = e & ${w - 1}u;
if (r < p.height && c < p.width) { ${move("x[base + r * p.row + c]", `stage[(e >> ${shift}u) * ${pitch}u + c`)} }
}
workgroupBarrier();`;
  launchEach(call, x.count, [1, 1], {
    key: `panel|${threads}|${rows}|${w}`,
    read: {},
    write: { x: x.value, pivots, info },
    uniforms: panelUniforms(x, all, panel),
    workgroupSize: threads,
    declarations: () =>
      `${quotientText(scalar)}
${pivotText(scalar, threads)}
var<workgroup> stage: array<${scalar}, ${s * pitch}>;
var<workgroup> upper: array<${scalar}, ${w}>;
var<workgroup> lower: array<${scalar}, ${w}>;`,
    body: () =>
      [
        "let base = matrix * p.size + p.start;",
        ...own.flatMap((q) => columns.map((c) => `var v${q}_${c} = ${zero};`)),
        ...own.flatMap((q) => [
          `for (var t = 0u; t < ${threads}u && ${q * threads}u + t < p.height; t += ${s}u) {`,
          staged(`${q * threads}u + t`, (element, place) => `${place}] = ${element};`),
          `if (lane >= t && lane < t + ${s}u) {`,
          ...columns.map((c) => `if (${c}u < p.width) { v${q}_${c} = stage[(lane - t) * ${pitch}u + ${c}u]; }`),
          "}",
          "workgroupBarrier();",
          "}",
        ]),
        "for (var j = 0u; j < p.width; j++) {",
        `var value = ${scalar}(-1); var at = none;`,
        ...own.map((q) =>
          `{ let r = lane + ${q * threads}u; let s = abs(v${q}_0); ` +
          `if (r >= j && r < p.height && s > value) { value = s; at = r; } }`
        ),
        pivotSearch(threads),
        ...own.flatMap((q) => [
          `if (lane + ${q * threads}u == pivot) {`,
          ...columns.map((c) => `upper[${c}] = v${q}_${c};`),
          "}",
          `if (lane + ${q * threads}u == j) {`,
          ...columns.map((c) => `lower[${c}] = v${q}_${c};`),
          "}",
        ]),
        "workgroupBarrier();",
        "let d = upper[0];",
        "if (lane == 0u) {",
        "pivots[matrix * p.count + p.first + j] = i32(p.first + pivot);",
        `if (d == ${zero} && info[matrix] > i32(p.first + j + 1u)) { info[matrix] = i32(p.first + j + 1u); }`,
        smallPivot(scalar),
        "}",
        "if (pivot != j) {",
        ...own.flatMap((q) => [
          `if (lane + ${q * threads}u == pivot) {`,
          ...columns.map((c) => `v${q}_${c} = lower[${c}];`),
          "}",
          `if (lane + ${q * threads}u == j) {`,
          ...columns.map((c) => `v${q}_${c} = upper[${c}];`),
          "}",
        ]),
        "}",
        // Not the multipliers, which follow the columns that are left.
        ...columns.slice(1).map((c) => `let u${c} = select(${zero}, upper[${c}], j + ${c}u < ${w}u);`),
        ...own.flatMap((q) => [
          "{",
          `var f = ${zero}; var end = v${q}_0;`,
          `if (lane + ${q * threads}u > j) { if (d != ${zero}) { f = quotient(end, d); } end = f; }`,
          ...columns.slice(1).map((c) => `v${q}_${c - 1} = fma(-f, u${c}, v${q}_${c});`),
          `v${q}_${w - 1} = end;`,
          "}",
        ]),
        "}",
        // After so many turns as there are columns, the first is in place `w − width`.
        ...own.flatMap((q) => [
          `for (var t = 0u; t < ${threads}u && ${q * threads}u + t < p.height; t += ${s}u) {`,
          `if (lane >= t && lane < t + ${s}u) {`,
          ...columns.map((c) => `stage[(lane - t) * ${pitch}u + ${c}u] = v${q}_${c};`),
          "}",
          "workgroupBarrier();",
          staged(`${q * threads}u + t`, (element, place) => `${element} = ${place} + ${w}u - p.width];`),
          "}",
        ]),
      ].join("\n"),
  });
}
