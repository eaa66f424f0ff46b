import type { KernelCall } from "./define.ts";
import type { Scalar } from "../formula/mod.ts";
import { whole } from "./float_text.ts";
import { storeAs } from "./formulas.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { REDUCERS, reducerText, type Reduction } from "./reducers.ts";
import type { Value } from "./value.ts";

/** The type of the values that are joined. */
function sumType(partials: Readonly<Record<string, Value>>): Scalar {
  return Object.values(partials)[0].dtype as Scalar;
}

/** Joins the accumulators `part_<field>[part · n + i]` of a scalar reduction. */
export function joinScalar(
  call: KernelCall<PairwiseParams>,
  reduction: Reduction,
  partials: Record<string, Value>,
  parts: number,
  n: number,
  m: number,
): void {
  const reducer = REDUCERS[reduction], out = call.outputs.out, scalar = sumType(partials);
  const init = reducer.init(scalar);
  call.launch({
    key: `join|${reduction}|${scalar}`,
    read: partials,
    write: { y: out },
    uniforms: { n, m, parts },
    workgroupSize: 64,
    workgroups: Math.ceil(n / 64),
    declarations: () => reducerText(reducer, scalar),
    body: () =>
      [
        "if (id >= p.n) { return; }",
        ...reducer.fields.map((f, k) => `var a_${f.name}: ${f.kind === "index" ? "u32" : scalar} = ${init[k]};`),
        "for (var c = 0u; c < p.parts; c++) {",
        ...reducer.fields.map((f) => `let b_${f.name} = part_${f.name}[c * p.n + id];`),
        reducer.merge("a", "b", scalar),
        "}",
        `y[id] = ${out.dtype}(${reducer.finish("a", "p.m", scalar)});`,
      ].join("\n"),
  });
}

/** Joins vector sums `total[part, i, k]`; for softmax also rescales by the parts' maxima and divides by the weights. */
export function joinVector(
  call: KernelCall<PairwiseParams>,
  partials: { total: Value; top?: Value; weight?: Value },
  parts: number,
  n: number,
  d: number,
): void {
  const out = call.outputs.out, softmax = partials.top !== undefined;
  const scalar = sumType({ total: partials.total }), zero = whole(scalar, 0);
  call.launch({
    key: `join vectors|${softmax}|${scalar}`,
    read: partials as Record<string, Value>,
    write: { y: out },
    uniforms: { n, d, parts, rows: n * d },
    workgroupSize: 64,
    workgroups: Math.ceil(n * d / 64),
    declarations: () => softmax ? reducerText(REDUCERS.logsumexp, scalar) : "",
    body: () => {
      const lines = ["if (id >= p.rows) { return; }", "let i = id / p.d;", `var s = ${zero};`];
      if (softmax) {
        lines.push(
          `var highest = -infinity(); var w = ${zero};`,
          "for (var c = 0u; c < p.parts; c++) { highest = max(highest, top[c * p.n + i]); }",
          "for (var c = 0u; c < p.parts; c++) {",
          "let e = lse_term(top[c * p.n + i], highest);",
          "s += e * total[c * p.rows + id]; w += e * weight[c * p.n + i];",
          "}",
          `y[id] = ${storeAs(out.dtype, scalar, false, "s / w")};`,
        );
      } else {
        lines.push(
          "for (var c = 0u; c < p.parts; c++) { s += total[c * p.rows + id]; }",
          `y[id] = ${storeAs(out.dtype, scalar, false, "s")};`,
        );
      }
      return lines.join("\n");
    },
  });
}
