import type { FactorScalar } from "./factor_passes.ts";

/** Candidates that one invocation joins, round by round, for each number of invocations: all of them join those that are left. */
const ROUNDS: Readonly<Record<number, readonly number[]>> = { 64: [8], 256: [16], 1024: [8, 8] };

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
 * there is none, all being NaN: such a result will not be used. Two or three rounds with several candidates each, loaded at once, take
 * less time than a tree's ten with a barrier each.
 */
export function pivotSearch(threads: number): string {
  const lines = ["best_value[lane] = value; best_row[lane] = at;", "workgroupBarrier();"];
  let left = threads;
  const join = (place: (k: number) => string, count: number) => {
    const others = Array.from({ length: count - 1 }, (_, k) => k + 1);
    return [
      ...others.map((k) => `let value${k} = best_value[${place(k)}]; let row${k} = best_row[${place(k)}];`),
      ...others.flatMap((k) => [
        `let better${k} = before(value${k}, row${k}, value, at);`,
        `value = select(value, value${k}, better${k}); at = select(at, row${k}, better${k});`,
      ]),
    ];
  };
  for (const count of ROUNDS[threads]) {
    left /= count;
    const step = left;
    lines.push(
      `if (lane < ${left}u) {`,
      ...join((k) => `lane + ${k * step}u`, count),
      "best_value[lane] = value; best_row[lane] = at;",
      "}",
      "workgroupBarrier();",
    );
  }
  lines.push(
    "value = best_value[0]; at = best_row[0];",
    "{",
    ...join((k) => `${k}`, left),
    "}",
    "let pivot = select(j, at, at < p.height);",
  );
  return lines.join("\n");
}
