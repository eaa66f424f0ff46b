import { byteSize, isFloat } from "../device/mod.ts";
import { defineOp, type HostArray, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { REDUCTION_REFERENCES } from "./reducers.ts";
import { segmentCases } from "./sparse_cases.ts";
import { requireRows } from "./sparse_pattern.ts";
import { segmentKernels } from "./sparse_segment_kernels.ts";
import { segmentNatives } from "./sparse_segment_wasm.ts";

/** Options of `segmentReduce`. */
export interface SegmentReduceParams {
  /** What is made of the values of each row; of an empty row: 0, the lowest number, −∞. */
  readonly reduction: "sum" | "max" | "logsumexp";
}

/** Largest finite f32. */
const HUGE = 3.4e38;

/** Reduction of the values of each row of a CSR matrix: `starts` [n + 1] and `values` [e] give [n]. */
export const segmentReduce: OpDefinition<SegmentReduceParams> = defineOp({
  name: "segmentReduce",

  contract(inputs, { reduction }) {
    const { n } = requireRows(inputs, ["values"]), { dtype } = inputs.values!;
    if (!["sum", "max", "logsumexp"].includes(reduction)) {
      throw new RangeError(`Expected "reduction" to be "sum", "max" or "logsumexp", got ${JSON.stringify(reduction)}`);
    }
    if (dtype === "bool" || (reduction === "logsumexp" && !isFloat(dtype))) {
      throw new TypeError(
        `Cannot take the ${reduction} of values ${dtype}: expected ${dtype === "bool" ? "numbers" : "floats"}`,
      );
    }
    return { out: { shape: [n], dtype } };
  },

  reference(inputs, { reduction }, { out }) {
    const { data: values, dtype } = inputs.values as HostArray, starts = (inputs.starts as HostArray).data;
    for (let row = 0; row < out.data.length; row++) {
      const own = values.subarray(starts[row], starts[row + 1]);
      if (reduction === "max" && own.length === 0 && !isFloat(dtype)) out.data[row] = dtype === "i32" ? -(2 ** 31) : 0;
      else if (reduction === "sum" && !isFloat(dtype)) {
        out.data[row] = own.reduce((s, v) => dtype === "i32" ? (s + v) | 0 : (s + v) >>> 0, 0);
      } else out.data[row] = REDUCTION_REFERENCES[reduction](own);
    }
  },

  kernels: segmentKernels,

  natives: segmentNatives,

  // As for `reduce`: each value's cotangent is ȳ of its row times 1 (sum), exp(v − y) (logsumexp), or 1/(number of ties) where v = y (max).
  vjp(k, { inputs, outputs, cotangents, params: { reduction } }) {
    const g = cotangents.out, { starts, values } = inputs;
    if (!g || typeof starts === "number" || typeof values === "number" || !isFloat(values.dtype)) return {};
    const rows = k.apply("csrRows", { starts }, { room: values.shape[0] }).out;
    const spread = (x: typeof g) => k.apply("gather", { x, indices: rows }, { axis: 0, fill: 0 }).out;
    if (reduction === "sum") return { values: spread(g) };
    const y = spread(outputs.out);
    if (reduction === "logsumexp") {
      // Values that belong to no row may be anything, and a row of −∞ alone has no weights.
      const inside = k.map("r < n", { r: rows, n: starts.shape[0] - 1 });
      return { values: k.map("own && y > -inf ? g * exp(v - y) : 0", { own: inside, g: spread(g), v: values, y }) };
    }
    const hit = k.map("v == y ? 1 : 0", { v: values, y });
    const ties = k.apply("segmentReduce", { starts, values: hit }, { reduction: "sum" }).out;
    return {
      values: k.map("h == 0 ? 0 : g / t", { h: hit, g: spread(g), t: k.map("max(t, 1)", { t: spread(ties) }) }),
    };
  },

  keeps: ({ reduction }) => reduction === "sum" ? { inputs: ["starts"], outputs: [] } : {},

  cost(inputs, _, { out }) {
    const e = inputs.values!.shape[0], size = byteSize(out.dtype);
    return { flops: e, bytes: size * (e + out.shape[0]) + 4 * inputs.starts!.shape[0] };
  },

  // sum: t u Σ|v|; max: exact; logsumexp: a sum of t exponentials, each off by a few units and by |v − m| roundings of its exponent.
  error(inputs, { reduction }, { out }, u) {
    const { data: values, dtype } = inputs.values as HostArray, starts = (inputs.starts as HostArray).data;
    const inner = dtype === "f64" ? u : 2 ** -24;
    return {
      out: out.data.map((y, row) => {
        if (reduction === "max" || !isFloat(dtype)) return 0;
        const own = values.subarray(starts[row], starts[row + 1]);
        const finite = own.filter(Number.isFinite).map(Math.abs), size = finite.reduce((s, v) => s + v, 0);
        // A partial sum may overflow although the whole does not, and meet an infinity of the other sign.
        if (reduction === "sum" && size > HUGE && dtype !== "f64" && !Number.isNaN(y)) return Infinity;
        if (!Number.isFinite(y)) return 0;
        const rounded = u * Math.abs(y);
        if (reduction === "sum") return own.length * inner * size + rounded;
        return (own.length + 16 + 4 * finite.reduce((m, v) => Math.max(m, v), 0)) * inner + rounded;
      }),
    };
  },

  cases: [...segmentCases, ...inDouble(segmentCases)],
});
