import { errorAnalysis, type Expr } from "../formula/mod.ts";
import type { HostArray, HostInputs } from "./define.ts";
import { hostTypes } from "./define.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { pairLayout } from "./pairwise_layout.ts";

/**
 * Error model of a pairwise reduction: the error of each term from running error analysis of the formula, plus the rounding of the
 * reduction itself (n·u·Σ|terms| for sums; the largest error of a term for extremes; see `reduce` for logsumexp).
 */
export function pairBounds(
  inputs: HostInputs,
  params: PairwiseParams,
  outputs: Readonly<Record<string, HostArray>>,
  u: number,
): Record<string, Float64Array> {
  const { out } = outputs;
  const { n, m, outLength, expr, value, scalar } = pairLayout(hostTypes(inputs), params);
  const [w, largest, vanished] = scalar === "f64"
    ? [2 ** -53, Number.MAX_VALUE, 746]
    : [2 ** -24, 3.4028234663852886e38, 104];
  const d = outLength ?? 1, bounds = new Float64Array(out.data.length);
  const rows = new Map<Float64Array, readonly number[][]>();
  const rowsOf = ({ data, shape: [count, width] }: HostArray) => {
    let found = rows.get(data);
    if (!found) {
      found = Array.from({ length: count }, (_, r) => Array.from(data.subarray(r * width, (r + 1) * width)));
      rows.set(data, found);
    }
    return found;
  };
  const analysis = (e: Expr) => {
    const analyse = errorAnalysis(e, w);
    return (i: number, j: number) =>
      analyse((leaf) => {
        const input = inputs[(leaf as { name: string }).name];
        if (typeof input === "number") return input;
        if (leaf.kind !== "element") return input.data[0];
        const row = leaf.index === "i" ? i : j;
        if (input.shape.length < 2) return input.data[row];
        return leaf.component === undefined ? rowsOf(input)[row] : rowsOf(input)[row][leaf.component];
      });
  };
  const at = analysis(expr), valueAt = value && analysis(value);
  const part = (v: number | readonly number[], k: number) => typeof v === "number" ? v : v[k];
  for (let i = 0; i < n; i++) {
    const terms = Array.from({ length: m }, (_, j) => at(i, j));
    const values = valueAt && Array.from({ length: m }, (_, j) => valueAt(i, j));
    for (let k = 0; k < d; k++) {
      let total = 0, magnitude = 0, worst = 0, top = -Infinity;
      for (const t of terms) {
        total += part(t.bound, k);
        if (Number.isFinite(part(t.value, k))) magnitude += Math.abs(part(t.value, k));
        worst = Math.max(worst, part(t.bound, k));
        top = Math.max(top, part(t.value, k));
      }
      const y = out.data[i * d + k];
      // Terms far below the largest vanish whatever their error; the others have exponents up to `spread`.
      const spread = terms.reduce(
        (s, t) => part(t.value, k) > top - vanished ? Math.max(s, top - part(t.value, k)) : s,
        0,
      );
      const exponentials = worst + (m + 64 + spread) * 2 * w;
      let bound: number;
      // Partial sums may overflow in one order and not in another.
      if (params.reduction === "sum") bound = magnitude > largest ? Infinity : total + m * w * magnitude;
      else if (params.reduction === "logsumexp") bound = exponentials + 4 * Math.abs(y) * w;
      else if (values) {
        // Σ w V with Σ w = 1: errors of V pass through; relative errors of the weights scale Σ w |V|.
        let spreadOfV = 0, errorOfV = 0;
        for (const v of values) {
          spreadOfV = Math.max(spreadOfV, Math.abs(part(v.value, k)));
          errorOfV = Math.max(errorOfV, part(v.bound, k));
        }
        bound = errorOfV + 2 * exponentials * spreadOfV;
      } else if (params.reduction === "max" || params.reduction === "min") bound = worst;
      else bound = nearTies(terms.map((t) => part(t.value, 0)), worst, params.reduction) ? Infinity : 0;
      bounds[i * d + k] = bound + (Number.isFinite(y) ? u * Math.abs(y) : 0);
    }
  }
  return { out: bounds };
}

/** Whether another term is within rounding of the extreme one but not equal to it: then the position is not determined. */
function nearTies(values: readonly number[], error: number, reduction: string): boolean {
  const sign = reduction === "argmax" ? 1 : -1;
  const best = values.reduce((top, v) => Math.max(top, sign * v), -Infinity);
  return values.some((v) => sign * v !== best && sign * v >= best - 2 * error) ||
    // Equal in f64 but computed from different operands: rounding may order them either way.
    values.filter((v) => sign * v === best).length > 1 && error > 0;
}
