import { byteSize } from "../device/mod.ts";
import { size } from "../formula/mod.ts";
import { defineOp, hostTypes } from "./define.ts";
import { formulaBounds } from "./error_bounds.ts";
import { planFormula } from "./formula_kernel.ts";
import { type Formula, toExpr } from "./formulas.ts";
import { eachGroup, layoutOf, type ReduceParams } from "./reduce.ts";
import { readByPartials } from "./partials.ts";
import { throughFormula } from "./reduce_vjp.ts";
import { broadcastIndex } from "./reference_index.ts";
import { softmaxCases } from "./softmax_cases.ts";
import { softmaxLane } from "./softmax_lane.ts";
import { softmaxRows } from "./softmax_rows.ts";
import { softmaxNatives } from "./softmax_wasm.ts";
import { softmaxWorkgroup } from "./softmax_workgroup.ts";
import { sizeOf } from "./value.ts";

/** Options of `softmax`. */
export interface SoftmaxParams {
  /** The formula v whose values are normalized, over broadcast inputs. */
  readonly formula: Formula;
  /** The axis along which they are, of the broadcast shape, not negative. */
  readonly axis: number;
  /** Gives the logarithm, v − log Σ exp(v). Default false. */
  readonly log?: boolean;
}

/**
 * `out = exp(v) / Σ exp(v)` along an axis, or its logarithm, of a formula v: memory is read twice at most and written once. NaN
 * throughout where a value is NaN or +∞, or all are −∞.
 */
export const softmax = defineOp<SoftmaxParams>({
  name: "softmax",

  contract(inputs, params) {
    const { shape, dtype } = layoutOf(inputs, sumOf(params));
    return { out: { shape, dtype } };
  },

  reference(inputs, params, { out }) {
    eachGroup(inputs, sumOf(params), (_, values, indices) => {
      const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const total = values.reduce((sum, v) => sum + Math.exp(v - top), 0);
      values.forEach((v, q) =>
        out.data[indices[q]] = params.log ? v - top - Math.log(total) : Math.exp(v - top) / total
      );
    });
  },

  kernels: [softmaxLane, softmaxRows, softmaxWorkgroup],

  natives: softmaxNatives,

  /**
   * y = softmax(v) gives v̄ = y (ȳ − Σ ȳ y), its logarithm v̄ = ȳ − exp(y) Σ ȳ; and each input's cotangent is ā = Σ v̄ · ∂f/∂a over
   * the axes along which it was broadcast.
   */
  vjp(k, { inputs, outputs, cotangents, params, wanted }) {
    const g = cotangents.out, y = outputs.out;
    if (!g) return {};
    const summed = { reduction: "sum", formula: params.log ? "g" : "g * y", axes: [params.axis], keepDims: true };
    const s = k.apply("reduce", params.log ? { g } : { g, y }, summed).out;
    const seed = k.map(params.log ? "g - exp(y) * s" : "y * (g - s)", { g, y, s });
    return throughFormula(k, inputs, params.formula, seed, wanted);
  },

  keeps: ({ formula }, wanted) => ({ inputs: readByPartials(formula, wanted) }),

  cost(inputs, params, { out }) {
    const n = sizeOf(out.shape);
    let bytes = n * byteSize(out.dtype);
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    return { bytes, flops: n * ((size(toExpr(params.formula)) - 1) / 2 + 4) };
  },

  error(inputs, params, { out }, u) {
    const bounds = new Float64Array(out.data.length), types = hostTypes(inputs);
    const { expr, names, scalar } = planFormula(params.formula, types);
    // Unit roundoff of the type that is computed in.
    const w = scalar === "f64" ? 2 ** -53 : 2 ** -24;
    // exp flushes what is below the smallest normal number.
    const flushed = params.log ? 0 : scalar === "f64" ? 2 ** -1021 : 2 ** -125;
    const bound = formulaBounds(expr, names, w), { shape } = layoutOf(types, sumOf(params));
    const at = names.map((n) => broadcastIndex(inputs[n], shape));
    eachGroup(inputs, sumOf(params), (_, values, indices) => {
      const errors = indices.map((k) => bound(at.map((f) => f(k))));
      const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
      let worst = 0, spread = 0;
      values.forEach((v, q) => {
        // Terms below e^-104 of the largest vanish in f32 whatever their error.
        if (v <= top - 104) return;
        worst = Math.max(worst, errors[q]);
        spread = Math.max(spread, top - v);
      });
      // |Δ log Σ exp(v − top)| ≤ max_k |Δ v_k| + the relative error of the sum, as for `logsumexp`.
      const total = worst + (values.length + 64 + spread) * 2 * w;
      indices.forEach((k, q) => {
        const y = out.data[k], own = errors[q] + total + 4 * w * (8 + Math.min(Math.abs(values[q] - top), 2 ** 128));
        const relative = params.log ? own + 4 * w * Math.abs(y) : Math.abs(y) * Math.expm1(Math.min(own, 80));
        bounds[k] = Number.isFinite(y) ? relative + 2 * u * Math.abs(y) + flushed : 0;
      });
    });
    return { out: bounds };
  },

  cases: softmaxCases,
});

/** The reduction by which values are normalized. */
export function sumOf({ formula, axis }: SoftmaxParams): ReduceParams {
  return { reduction: "logsumexp", formula, axes: [axis] };
}
