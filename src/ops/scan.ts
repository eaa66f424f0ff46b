import { byteSize, isFloat } from "../device/mod.ts";
import { requireArray, requireAxis } from "./contract_checks.ts";
import { defineOp, type HostArray, type HostInputs, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { scanCases } from "./scan_cases.ts";
import { scanKernels } from "./scan_kernels.ts";
import { scanVjp } from "./scan_vjp.ts";
import { scanNatives } from "./scan_wasm.ts";
import { showShape, sizeOf } from "./value.ts";

/** What a scan accumulates along its axis: sums, maxima, or the recurrence h_t = a_t h_{t−1} + x_t. */
export type Scan = "sum" | "max" | "linear";

/** Options of `scan`. */
export interface ScanParams {
  /** What is accumulated. */
  readonly scan: Scan;
  /** The axis along which it is. */
  readonly axis: number;
  /** Each element takes in those before it, but not itself; the first is 0, or the lowest number for `max`. Default false. */
  readonly exclusive?: boolean;
  /** Runs from the last element to the first. Default false. */
  readonly reverse?: boolean;
}

/** Smallest normal f32: what is below may be lost. */
const TINY = 2 ** -126;

/**
 * Prefix sums or maxima of `x` along an axis, or the linear recurrence h_t = a_t h_{t−1} + x_t from h_{−1} = 0, of `x` and `a` of one
 * shape: the diagonal state-space model (Blelloch 1990, "Prefix sums and their applications", §1.4). Integers wrap; NaN wins a maximum.
 */
export const scan: OpDefinition<ScanParams> = defineOp({
  name: "scan",

  contract(inputs, params) {
    const x = requireArray(inputs, "x");
    requireAxis(params.axis, x.shape);
    if (!["sum", "max", "linear"].includes(params.scan)) {
      throw new RangeError(`Expected "scan" to be "sum", "max" or "linear", got ${JSON.stringify(params.scan)}`);
    }
    if (x.dtype === "bool") throw new TypeError("Cannot scan x of dtype bool: expected numbers");
    if (params.scan === "linear") {
      const a = requireArray(inputs, "a");
      if (!isFloat(x.dtype)) throw new TypeError(`Cannot run a linear recurrence in ${x.dtype}: expected floats`);
      if (a.dtype !== x.dtype) throw new TypeError(`Cannot scan x ${x.dtype} with a ${a.dtype}: dtypes differ`);
      if (a.shape.length !== x.shape.length || a.shape.some((s, k) => s !== x.shape[k])) {
        throw new TypeError(`Cannot scan x ${showShape(x.shape)} with a ${showShape(a.shape)}: shapes differ`);
      }
    }
    const known = params.scan === "linear" ? ["x", "a"] : ["x"];
    const other = Object.keys(inputs).find((name) => !known.includes(name));
    if (other) throw new TypeError(`Input "${other}" is not used: a ${params.scan} scan reads ${known.join(", ")}`);
    return { out: { shape: x.shape, dtype: x.dtype } };
  },

  reference(inputs, params, { out }) {
    const { dtype, data: x } = inputs.x as HostArray, a = (inputs.a as HostArray | undefined)?.data;
    const { scan, exclusive = false } = params;
    eachLine(inputs, params, (line) => {
      let h = scan === "max" ? lowest(dtype) : 0;
      for (const k of line) {
        const before = h;
        if (scan === "max") h = Math.max(h, x[k]);
        else if (scan === "linear") h = a![k] * h + x[k];
        else h = dtype === "i32" ? (h + x[k]) | 0 : dtype === "u32" ? (h + x[k]) >>> 0 : h + x[k];
        out.data[k] = exclusive ? before : h;
      }
    });
  },

  kernels: scanKernels,

  natives: scanNatives,

  vjp: scanVjp,

  keeps: ({ scan }) => scan === "sum" ? { inputs: [], outputs: [] } : {},

  cost(inputs, { scan }, { out }) {
    const n = sizeOf(out.shape), arrays = Object.values(inputs).length + 1;
    return { bytes: arrays * n * byteSize(out.dtype), flops: n * (scan === "linear" ? 2 : 1) };
  },

  // In whatever order t terms are added, the sum is off by at most t u Σ|terms| (Higham, Accuracy and Stability, §4.2). A recurrence
  // multiplies each term by up to t factors more, so 3 t u times the same recurrence of absolute values; a product of factors that is
  // too small for f32 loses what it would have carried, and one that is too large may be infinite.
  error(inputs, params, { out }, u) {
    const { dtype, data: x } = inputs.x as HostArray, a = (inputs.a as HostArray | undefined)?.data;
    const bound = new Float64Array(x.length), { scan, exclusive = false } = params;
    if (!isFloat(dtype) || scan === "max") return { out: bound };
    const [inner, huge] = dtype === "f64" ? [u, Number.MAX_VALUE] : [2 ** -24, 3.4e38];
    eachLine(inputs, params, (line) => {
      let size = 0, largest = 0, factors = 1, t = 0;
      const boundAt = (k: number) => {
        const overflow = size > huge || factors > huge;
        if (overflow && !Number.isNaN(out.data[k])) return Infinity;
        return (scan === "linear" ? 3 : 1) * (t + 2) * inner * size + (t + 2) * TINY * (1 + largest) +
          u * Math.abs(out.data[k]);
      };
      for (const k of line) {
        if (exclusive) bound[k] = boundAt(k);
        size = (a ? Math.abs(a[k]) * size : size) + (Number.isFinite(x[k]) ? Math.abs(x[k]) : 0);
        largest = Math.max(largest, size);
        // The largest product of neighbouring factors that end here.
        if (a) factors = Math.max(1, Math.abs(a[k])) * factors;
        t++;
        if (!exclusive) bound[k] = boundAt(k);
      }
    });
    return { out: bound.map((b) => Number.isNaN(b) ? 0 : b) };
  },

  cases: [...scanCases, ...inDouble(scanCases)],
});

/** The identity of a maximum. */
function lowest(dtype: HostArray["dtype"]): number {
  return dtype === "i32" ? -(2 ** 31) : dtype === "u32" ? 0 : -Infinity;
}

/** Calls `visit` with the flat positions of each line along the axis, in the order of the scan. */
function eachLine(inputs: HostInputs, { axis, reverse }: ScanParams, visit: (line: readonly number[]) => void): void {
  const { shape } = inputs.x as HostArray;
  const n = shape[axis], outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis + 1));
  for (let o = 0; o < outer; o++) {
    for (let q = 0; q < inner; q++) {
      const line = Array.from({ length: n }, (_, t) => (o * n + t) * inner + q);
      visit(reverse ? line.reverse() : line);
    }
  }
}
