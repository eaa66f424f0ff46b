import { roundoff } from "../device/mod.ts";
import { compile } from "../formula/mod.ts";
import type { HostArray, HostInputs } from "./define.ts";
import { hostTypes } from "./define.ts";
import { formulaBounds } from "./error_bounds.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchOffsets } from "./matmul_host.ts";
import { matmulLayout, PRODUCT } from "./matmul_layout.ts";
import { broadcastIndex } from "./reference_index.ts";

/** Largest finite f32. */
const HUGE = 3.4e38;

/**
 * Error model of a product: in whatever order k terms are added, |Δ Σ| ≤ (k + 2) u Σ |a b| to first order (Higham,
 * Accuracy and Stability of Numerical Algorithms, §3.1), with u of the type of the sums. The epilogue passes this on:
 * by its values at both ends of that interval, plus its own rounding.
 */
export function matmulBounds(
  inputs: HostInputs,
  params: MatmulParams,
  { out }: Readonly<Record<string, HostArray>>,
  u: number,
): Record<string, Float64Array> {
  const layout = matmulLayout(hostTypes(inputs), params), { m, n, k, sum, plan, plain, shape } = layout;
  const { transposeA = false, transposeB = false } = params;
  const a = (inputs.a as HostArray).data, b = (inputs.b as HostArray).data;
  const bounds = new Float64Array(out.data.length);
  const exact = sum === "i32" || sum === "u32";
  // Integers that go on as f32 are rounded once.
  const unit = roundoff(exact && plan.scalar === "f32" ? "f32" : sum);
  const f = compile(plan.expr, plan.names, plan.scalar);
  const own = formulaBounds(plan.expr, plan.names, roundoff(plan.scalar));
  const at = plan.names.map((name) => name === PRODUCT ? undefined : broadcastIndex(inputs[name], shape));
  for (const { batch, offsetA, offsetB } of batchOffsets(inputs, layout)) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let product = 0, magnitude = 0;
        for (let q = 0; q < k; q++) {
          const term = a[offsetA + (transposeA ? q * m + i : i * k + q)] *
            b[offsetB + (transposeB ? j * k + q : q * n + j)];
          product += term;
          magnitude += Math.abs(term);
        }
        const position = (batch * m + i) * n + j;
        if (exact && plan.scalar !== "f32") continue;
        // A partial sum may overflow although the whole does not.
        if (Number.isFinite(product) && sum === "f32" && magnitude > HUGE) {
          bounds[position] = Infinity;
          continue;
        }
        const spread = (exact ? 1 : k + 2) * unit * magnitude;
        if (plain) {
          bounds[position] = spread + u * Math.abs(out.data[position]);
          continue;
        }
        const valueAt = (p: number) => f(...at.map((x) => x?.(position) ?? p));
        const boundAt = (p: number) => own(at.map((x) => x?.(position) ?? p));
        const centre = valueAt(product);
        let moved = 0, rounding = boundAt(product);
        for (const p of spread > 0 ? [product - spread, product + spread] : []) {
          const change = Math.abs(valueAt(p) - centre);
          moved = Math.max(moved, Number.isNaN(change) ? Infinity : change);
          rounding = Math.max(rounding, boundAt(p));
        }
        bounds[position] = moved + rounding + u * Math.abs(out.data[position]);
      }
    }
  }
  return { out: bounds };
}
