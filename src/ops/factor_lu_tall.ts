import type { KernelCall } from "./define.ts";
import { type Block, from, launchEach, type Stack } from "./factor_block.ts";
import { pivotSearch, pivotText } from "./factor_lu_pivot.ts";
import { type FactorScalar, quotientText, smallPivot } from "./factor_passes.ts";

/** Most columns of a panel. */
const PANEL = 16;

/** Columns of a panel, and what is around them. */
export interface Panel {
  readonly first: number;
  readonly last: number;
  /** Rows of the matrix. */
  readonly rows: number;
  /** Steps of the elimination. */
  readonly count: number;
}

/** Where a panel is, and its sizes, for the kernels that eliminate its columns. */
export function panelUniforms(x: Stack, all: Block, { first, last, rows, count }: Panel): Record<string, number> {
  const { start } = from(all, first, first);
  return { size: x.size, start, row: all.row, height: rows - first, width: last - first, first, count };
}

/**
 * Eliminates the columns of a panel that has more rows than invocations can hold, with row exchanges within it: each invocation has
 * rows of its own, which stay where they are in memory. For each column the workgroup looks for the element of largest magnitude, the
 * first of equal ones; the two rows that change places go through workgroup memory; and a pass over the rows subtracts the pivot's
 * and finds the candidates for the next.
 */
export function recordTallPanel(
  call: KernelCall<Record<string, never>>,
  x: Stack,
  all: Block,
  panel: Panel,
  threads: number,
): void {
  const scalar = x.value.dtype as FactorScalar;
  const { pivots, info } = call.outputs, each = [...Array(PANEL).keys()], zero = `${scalar}(0)`;
  launchEach(call, x.count, [1, 1], {
    key: `tall|${threads}`,
    read: {},
    write: { x: x.value, pivots, info },
    uniforms: panelUniforms(x, all, panel),
    workgroupSize: threads,
    declarations: () =>
      `${quotientText(scalar)}
${pivotText(scalar, threads)}
var<workgroup> upper: array<${scalar}, ${PANEL}>;
var<workgroup> lower: array<${scalar}, ${PANEL}>;`,
    body: () =>
      [
        "let base = matrix * p.size + p.start;",
        `var value = ${scalar}(-1); var at = none;`,
        `for (var r = lane; r < p.height; r += ${threads}u) {`,
        "let size = abs(x[base + r * p.row]);",
        "if (size > value) { value = size; at = r; }",
        "}",
        "for (var j = 0u; j < p.width; j++) {",
        pivotSearch(threads),
        "let target_row = base + j * p.row; let pivot_row = base + pivot * p.row;",
        `let has_target = j % ${threads}u == lane; let has_pivot = pivot % ${threads}u == lane;`,
        `if (has_pivot) { for (var c = 0u; c < p.width; c++) { upper[c] = x[pivot_row + c]; } }`,
        `if (has_target) { for (var c = 0u; c < p.width; c++) { lower[c] = x[target_row + c]; } }`,
        "workgroupBarrier();",
        "if (pivot != j) {",
        "if (has_pivot) { for (var c = 0u; c < p.width; c++) { x[pivot_row + c] = lower[c]; } }",
        "if (has_target) { for (var c = 0u; c < p.width; c++) { x[target_row + c] = upper[c]; } }",
        "}",
        "let d = upper[j];",
        `if (lane == 0u) {`,
        "pivots[matrix * p.count + p.first + j] = i32(p.first + pivot);",
        `if (d == ${zero} && info[matrix] > i32(p.first + j + 1u)) { info[matrix] = i32(p.first + j + 1u); }`,
        smallPivot(scalar),
        "}",
        ...each.map((c) => `let u${c} = select(${zero}, upper[${c}], j < ${c}u && ${c}u < p.width);`),
        `value = ${scalar}(-1); at = none;`,
        `for (var r = lane; r < p.height; r += ${threads}u) {`,
        "if (r <= j) { continue; }",
        "let row = base + r * p.row;",
        `var f = ${zero};`,
        `if (d != ${zero}) { f = quotient(x[row + j], d); }`,
        // All loads come before all stores, of which the compiler cannot know that they are elsewhere.
        ...each.map((c) => `let v${c} = fma(-f, u${c}, x[row + min(${c}u, p.width - 1u)]);`),
        "x[row + j] = f;",
        `var next = ${zero};`,
        ...each.slice(1).map((c) =>
          `if (j < ${c}u && ${c}u < p.width) { x[row + ${c}u] = v${c}; if (j + 1u == ${c}u) { next = abs(v${c}); } }`
        ),
        "if (next > value) { value = next; at = r; }",
        "}",
        "}",
      ].join("\n"),
  });
}
