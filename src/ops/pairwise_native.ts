import { compilePairwise } from "../formula/mod.ts";
import { bindRows } from "./bind_rows.ts";
import type { HostArray, HostInputs } from "./define.ts";
import { hostTypes } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { pairLayout } from "./pairwise_layout.ts";

/**
 * Single-pass loops for the CPU device: scalar `sum` and `logsumexp` without storing a row. Anything else is left to the
 * reference.
 */
export function pairwiseNative(
  inputs: HostInputs,
  params: PairwiseParams,
  { out }: Readonly<Record<string, HostArray>>,
): boolean {
  const layout = pairLayout(hostTypes(inputs), params);
  if (layout.outLength !== undefined || (params.reduction !== "sum" && params.reduction !== "logsumexp")) return false;
  const { n, m } = layout;
  const F = compilePairwise(layout.expr, layout.signature, bindRows(inputs));
  for (let i = 0; i < n; i++) {
    if (params.reduction === "sum") {
      let s = 0;
      for (let j = 0; j < m; j++) s += F(i, j, 0);
      out.data[i] = s;
    } else {
      let top = -Infinity, s = 0;
      for (let j = 0; j < m; j++) {
        const v = F(i, j, 0);
        if (v <= top) {
          if (v !== -Infinity) s += v === top ? 1 : Math.exp(v - top);
        } else if (v > top) {
          s = s * Math.exp(top - v) + 1;
          top = v;
        } else s = NaN;
      }
      out.data[i] = Number.isNaN(s) ? NaN : top === Infinity || top === -Infinity ? top : top + Math.log(s);
    }
  }
  return true;
}
