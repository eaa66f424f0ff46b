import type { FactorScalar } from "./factor_passes.ts";

/** Invocations that join the candidates of the others. */
const JOINED = 32;

/** WGSL that {@linkcode pivotSearch} needs. */
export function pivotText(scalar: FactorScalar, threads: number): string {
  return `var<workgroup> best_value: array<${scalar}, ${threads}>;
var<workgroup> best_row: array<u32, ${threads}>;
const none = 0xffffffffu;
// Whether a candidate comes before another: it is larger, or as large and further up.
fn before(value: ${scalar}, row: u32, other: ${scalar}, other_row: u32) -> bool {
  return value > other || (value == other && row < other_row);
}`;
}

/**
 * WGSL that declares `pivot`, the row of the largest candidate of the workgroup, from each invocation's own `value` in row `at`; row j if
 * there is none, all being NaN: such a result will not be used. Some invocations join those of the others, then all join theirs: two
 * barriers instead of the ten of a tree.
 */
export function pivotSearch(threads: number): string {
  return `best_value[lane] = value; best_row[lane] = at;
workgroupBarrier();
if (lane < ${JOINED}u) {
  for (var o = lane + ${JOINED}u; o < ${threads}u; o += ${JOINED}u) {
    if (before(best_value[o], best_row[o], value, at)) { value = best_value[o]; at = best_row[o]; }
  }
  best_value[lane] = value; best_row[lane] = at;
}
workgroupBarrier();
value = best_value[0]; at = best_row[0];
for (var o = 1u; o < ${JOINED}u; o++) {
  if (before(best_value[o], best_row[o], value, at)) { value = best_value[o]; at = best_row[o]; }
}
let pivot = select(j, at, at < p.height);`;
}
