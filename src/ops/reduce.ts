import { byteSize, type DType } from "../device/mod.ts";
import { compile, type Scalar, size } from "../formula/mod.ts";
import { nearest } from "../formula/mod.ts";
import { defineOp, hostTypes, type InputTypes } from "./define.ts";
import { reduceDoubleCases } from "./double_cases.ts";
import { formulaBounds } from "./error_bounds.ts";
import { planFormula } from "./formula_kernel.ts";
import { type Formula, resultType, toExpr } from "./formulas.ts";
import { reduceCases } from "./reduce_cases.ts";
import { reduceKernels } from "./reduce_kernels.ts";
import { REDUCERS, type Reduction, REDUCTION_REFERENCES } from "./reducers.ts";
import { reduceNatives } from "./reduce_wasm.ts";
import { reduceKeeps, reduceVjp } from "./reduce_vjp.ts";
import { broadcastIndex } from "./reference_index.ts";
import { broadcastShapes, denseStrides, sizeOf } from "./value.ts";

/** Options of `reduce`. */
export interface ReduceParams {
  /** What is computed over the reduced axes. */
  readonly reduction: Reduction;
  /** The formula whose values are reduced. */
  readonly formula: Formula;
  /** Axes that are reduced, of the broadcast shape of the inputs, ascending and not negative; absent means all. */
  readonly axes?: readonly number[];
  /** Keeps reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/** Reductions of a formula over axes: sum, mean, max, argmax, logsumexp and so on, without storing the formula's values. */
export const reduce = defineOp<ReduceParams>({
  name: "reduce",

  contract(inputs, params) {
    const { shape, axes, kept, dtype, length } = layoutOf(inputs, params);
    const { reduction } = params;
    const needsOne = ["max", "min", "argmax", "argmin", "mean"].includes(reduction);
    if (needsOne && length === 0 && sizeOf(kept.map((k) => shape[k])) > 0) {
      throw new RangeError(
        `Cannot take the ${reduction} of zero elements (shape [${shape.join(", ")}], axes [${axes.join(", ")}])`,
      );
    }
    const outShape = params.keepDims ? shape.map((s, k) => axes.includes(k) ? 1 : s) : kept.map((k) => shape[k]);
    return { out: { shape: outShape, dtype } };
  },

  reference(inputs, params, { out }) {
    eachGroup(inputs, params, (o, values) => out.data[o] = REDUCTION_REFERENCES[params.reduction](values));
  },

  kernels: reduceKernels,

  natives: reduceNatives,

  vjp: reduceVjp,

  keeps: reduceKeeps,

  cost(inputs, params, { out }) {
    let bytes = sizeOf(out.shape) * byteSize(out.dtype);
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    const { shape } = layoutOf(inputs, params);
    const perElement = (size(toExpr(params.formula)) - 1) / 2 + (params.reduction === "logsumexp" ? 3 : 1);
    return { bytes, flops: sizeOf(shape) * perElement };
  },

  error(inputs, params, { out }, u) {
    const bounds = new Float64Array(out.data.length);
    const { expr, names, scalar } = planFormula(params.formula, hostTypes(inputs));
    // Unit roundoff of the type that is computed in.
    const w = scalar === "f64" ? 2 ** -53 : 2 ** -24;
    const bound = formulaBounds(expr, names, w);
    const { shape } = layoutOf(hostTypes(inputs), params);
    const at = names.map((n) => broadcastIndex(inputs[n], shape));
    eachGroup(inputs, params, (o, values, indices) => {
      let total = 0, worst = 0, magnitude = 0;
      for (const k of indices) {
        const e = bound(at.map((f) => f(k)));
        total += e;
        worst = Math.max(worst, e);
      }
      for (const v of values) if (Number.isFinite(v)) magnitude += Math.abs(v);
      const y = out.data[o], n = values.length;
      switch (params.reduction) {
        case "sum":
          bounds[o] = total + n * w * magnitude;
          break;
        case "mean":
          bounds[o] = (total + (n + 3) * w * magnitude) / n;
          break;
        case "prod":
          // Relative errors add up: Σ e_k / |v_k| + n u.
          bounds[o] = Math.abs(y) *
            (values.reduce((s, v, q) => s + bound(at.map((f) => f(indices[q]))) / Math.max(Math.abs(v), 1e-300), 0) +
              n * 2 * w);
          break;
        case "logsumexp":
          // |Δ lse| ≤ max_k |Δ v_k| + the relative error of the sum of exponentials (each term: 2 exp of arguments ≤ |v − m|).
          bounds[o] = worst + (n + 64 + 4 * Math.abs(y) + spreadOf(values)) * 2 * w;
          break;
        default:
          bounds[o] = worst;
      }
      bounds[o] = orderMatters(params.reduction, values, scalar)
        ? Infinity
        : bounds[o] + (Number.isFinite(y) ? u * Math.abs(y) : 0);
      if (["argmax", "argmin", "any", "all"].includes(params.reduction)) bounds[o] = 0;
    });
    return { out: bounds };
  },

  cases: [...reduceCases, ...reduceDoubleCases],
});

/** Whether the order of operations decides if a partial result overflows or underflows. */
function orderMatters(reduction: Reduction, values: Float64Array, scalar: Scalar): boolean {
  const [largest, smallest] = scalar === "f64" ? [Number.MAX_VALUE, 2 ** -1022] : [3.4028234663852886e38, 2 ** -126];
  if (reduction === "sum" || reduction === "mean") {
    return values.reduce((s, v) => Number.isFinite(v) ? s + Math.abs(v) : s, 0) > largest;
  }
  if (reduction !== "prod") return false;
  let up = 1, down = 1;
  for (const v of values) {
    if (!Number.isFinite(v) || v === 0) continue;
    if (Math.abs(v) > 1) up *= Math.abs(v);
    else down *= Math.abs(v);
  }
  return up > largest || down < smallest;
}

function spreadOf(values: Float64Array): number {
  let top = -Infinity;
  for (const v of values) if (v > top) top = v;
  // Terms below e^-104 of the largest vanish in f32 whatever their error.
  let spread = 0;
  for (const v of values) if (v > top - 104) spread = Math.max(spread, top - v);
  return spread;
}

/** Everything about the shape of a call. */
export function layoutOf(inputs: InputTypes, params: ReduceParams): {
  shape: number[];
  axes: number[];
  kept: number[];
  dtype: DType;
  length: number;
} {
  const { reduction } = params;
  if (!Object.hasOwn(REDUCERS, reduction)) {
    const hint = nearest(reduction, Object.keys(REDUCERS));
    throw new TypeError(`Unknown reduction ${JSON.stringify(reduction)}${hint ? `, did you mean "${hint}"?` : ""}`);
  }
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, type] of Object.entries(inputs)) if (type) shapes[name] = type.shape;
  const shape = broadcastShapes(shapes);
  const axes = [...(params.axes ?? shape.keys())];
  axes.forEach((axis, k) => {
    if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length || (k > 0 && axis <= axes[k - 1])) {
      throw new RangeError(`Expected ascending axes of the shape [${shape.join(", ")}], got [${axes.join(", ")}]`);
    }
  });
  const { scalar, boolean, names } = planFormula(params.formula, inputs);
  const kept = [...shape.keys()].filter((k) => !axes.includes(k));
  return { shape, axes, kept, dtype: outputType(), length: sizeOf(axes.map((k) => shape[k])) };

  function outputType(): DType {
    if (reduction === "argmax" || reduction === "argmin") return "i32";
    if (reduction === "any" || reduction === "all") return "bool";
    const own = resultType(scalar, boolean, inputs, names);
    if (reduction === "mean" || reduction === "logsumexp") return own === "f64" || own === "f16" ? own : "f32";
    // Sums and products of booleans count.
    return own === "bool" && (reduction === "sum" || reduction === "prod") ? "i32" : own;
  }
}

/** Calls `visit` once per output element with the formula's values over the reduced axes and their flat indices. */
export function eachGroup(
  inputs: Readonly<Record<string, import("./define.ts").HostArray | number>>,
  params: ReduceParams,
  visit: (output: number, values: Float64Array, indices: readonly number[]) => void,
): void {
  const types = hostTypes(inputs);
  const { shape, axes, kept } = layoutOf(types, params);
  const { expr, names, scalar } = planFormula(params.formula, types);
  const f = compile(expr, names, scalar);
  const at = names.map((n) => broadcastIndex(inputs[n], shape));
  const steps = denseStrides(shape);
  const walk = (which: readonly number[]) => {
    const own = which.map((k) => shape[k]), dense = denseStrides(own);
    return Array.from(
      { length: sizeOf(own) },
      (_, q) => which.reduce((sum, k, a) => sum + (Math.floor(q / dense[a]) % own[a]) * steps[k], 0),
    );
  };
  const inner = walk(axes);
  const values = new Float64Array(inner.length), arguments_ = new Array<number>(names.length);
  walk(kept).forEach((base, o) => {
    const indices = inner.map((k) => base + k);
    indices.forEach((k, q) => {
      for (let a = 0; a < names.length; a++) arguments_[a] = at[a](k);
      values[q] = f(...arguments_);
    });
    visit(o, values, indices);
  });
}
