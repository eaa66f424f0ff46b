import { byteSize } from "../device/mod.ts";
import { compilePairwise, type Expr, size } from "../formula/mod.ts";
import { bindRows } from "./bind_rows.ts";
import { defineOp, hostTypes } from "./define.ts";
import { type Formula, toExpr } from "./formulas.ts";
import { inDouble } from "./in_double.ts";
import { pairBounds } from "./pairwise_bounds.ts";
import { pairwiseCases } from "./pairwise_cases.ts";
import { pairwiseLane } from "./pairwise_lane.ts";
import { pairLayout } from "./pairwise_layout.ts";
import { pairwiseLongSubgroup } from "./pairwise_long_subgroup.ts";
import { pairwiseLongTile } from "./pairwise_long_tile.ts";
import { pairwiseSubgroup } from "./pairwise_subgroup.ts";
import { pairwiseTile } from "./pairwise_tile.ts";
import { pairwiseWasm } from "./pairwise_wasm.ts";
import { pairwiseWasmVector } from "./pairwise_wasm_vector.ts";
import { pairwiseVjp } from "./pairwise_vjp.ts";
import { REDUCTION_REFERENCES } from "./reducers.ts";
import { sizeOf } from "./value.ts";

/** What a pairwise reduction computes over j. */
export type PairReduction = "sum" | "logsumexp" | "max" | "min" | "argmax" | "argmin" | "softmax";

/** Options of `pairwise`. */
export interface PairwiseParams {
  /** What is computed over j. */
  readonly reduction: PairReduction;
  /** The formula F over rows `x[i]`, `y[j]` and plain scalars; a vector formula is allowed for `sum`. */
  readonly formula: Formula;
  /** For `softmax`: the formula V whose softmax-weighted sum is taken, a scalar or a vector. */
  readonly value?: Formula;
}

/**
 * Streaming reductions over pairs, `out[i] = reduce_j F(x[i], y[j], …)`; the n×m matrix is never stored.
 * `sum` Σ_j F, `logsumexp` log Σ_j exp F, `max`, `min`, `argmax`, `argmin`, and `softmax` Σ_j softmax_j(F) V.
 */
export const pairwise = defineOp<PairwiseParams>({
  name: "pairwise",

  contract(inputs, params) {
    const { n, outLength, dtype } = pairLayout(inputs, params);
    return { out: { shape: outLength === undefined ? [n] : [n, outLength], dtype } };
  },

  reference(inputs, params, { out }) {
    const layout = pairLayout(hostTypes(inputs), params);
    const { n, m, outLength } = layout;
    const rows = bindRows(inputs), bind = (expr: Expr) => compilePairwise(expr, layout.signature, rows);
    const F = bind(layout.expr), V = layout.value && bind(layout.value);
    const row = new Float64Array(m), d = outLength ?? 1;
    for (let i = 0; i < n; i++) {
      if (V) {
        for (let j = 0; j < m; j++) row[j] = F(i, j, 0);
        const total = REDUCTION_REFERENCES.logsumexp(row);
        for (let k = 0; k < d; k++) {
          let s = 0;
          for (let j = 0; j < m; j++) s += Math.exp(row[j] - total) * V(i, j, k);
          out.data[i * d + k] = s;
        }
      } else {
        for (let k = 0; k < d; k++) {
          for (let j = 0; j < m; j++) row[j] = F(i, j, k);
          out.data[i * d + k] = REDUCTION_REFERENCES[params.reduction as "sum"](row);
        }
      }
    }
  },

  natives: [pairwiseWasm, pairwiseWasmVector],

  kernels: [pairwiseLane, pairwiseSubgroup, pairwiseTile, pairwiseLongSubgroup, pairwiseLongTile],

  vjp: pairwiseVjp,

  keeps: ({ reduction }) => reduction === "logsumexp" || reduction === "softmax" ? {} : { outputs: [] },

  cost(inputs, params, { out }) {
    const { n, m, outLength, width } = pairLayout(inputs, params);
    let bytes = sizeOf(out.shape) * byteSize(out.dtype);
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    const nodes = (size(toExpr(params.formula)) - 1) / 2 + 2 * width;
    const value = params.value === undefined ? 0 : 2 * (outLength ?? 1);
    return { bytes, flops: n * m * (nodes + value + (params.reduction === "sum" ? 1 : 3)) };
  },

  error: pairBounds,

  cases: [...pairwiseCases, ...inDouble(pairwiseCases)],
});
