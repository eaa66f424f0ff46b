import { byteSize, type DType } from "../device/mod.ts";
import { compile, type Scalar, size } from "../formula/mod.ts";
import { defineOp, hostTypes } from "./define.ts";
import { mapDoubleCases } from "./double_cases.ts";
import { formulaBounds } from "./error_bounds.ts";
import { planFormula } from "./formula_kernel.ts";
import { type Formula, resultType, toExpr } from "./formulas.ts";
import { mapCases } from "./map_cases.ts";
import { mapKernels } from "./map_kernels.ts";
import { mapNatives } from "./map_wasm.ts";
import { partialsOf, readByPartials } from "./partials.ts";
import { broadcastIndex } from "./reference_index.ts";
import { broadcastShapes, sizeOf } from "./value.ts";

/** Options of `map`: one formula per output, with the dtype it is stored as (default: what the formula gives). */
export type MapParams = Readonly<Record<string, { readonly formula: Formula; readonly dtype?: DType }>>;

/** Elementwise: `out[k] = formula(inputs[k])` over broadcast inputs, several outputs from one reading of the inputs. */
export const map = defineOp<MapParams>({
  name: "map",

  contract(inputs, params) {
    const shapes: Record<string, readonly number[]> = {};
    for (const [name, type] of Object.entries(inputs)) if (type) shapes[name] = type.shape;
    const shape = broadcastShapes(shapes);
    const outputs: Record<string, { shape: number[]; dtype: DType }> = {};
    for (const [name, { formula, dtype }] of Object.entries(params)) {
      const { scalar, boolean, names } = planFormula(formula, inputs);
      outputs[name] = { shape, dtype: dtype ?? resultType(scalar, boolean, inputs, names) };
    }
    return outputs;
  },

  reference(inputs, params, outputs) {
    for (const [name, { formula }] of Object.entries(params)) {
      const out = outputs[name], { scalar, names, expr } = planFormula(formula, hostTypes(inputs));
      const f = compile(expr, names, scalar);
      const at = names.map((n) => broadcastIndex(inputs[n], out.shape));
      const values = new Array<number>(names.length);
      const read = READ_AS[scalar] ?? ((x: number) => x), store = storing(out.dtype, scalar);
      for (let k = 0; k < out.data.length; k++) {
        for (let q = 0; q < names.length; q++) values[q] = read(at[q](k));
        out.data[k] = store(f(...values));
      }
    }
  },

  kernels: mapKernels,

  natives: mapNatives,

  // y = f(a, b, …), so ȧ = ȳ · ∂f/∂a, summed over the axes along which a was broadcast.
  vjp(k, { inputs, cotangents, params, wanted }) {
    // No prototype: an operand may be called "constructor".
    const result: Record<string, ReturnType<typeof k.map> | undefined> = Object.create(null);
    for (const [output, { formula }] of Object.entries(params)) {
      const g = cotangents[output];
      if (!g) continue;
      const { seed, of } = partialsOf(formula);
      for (const [name, partial] of of) {
        const x = inputs[name];
        if (typeof x === "number" || wanted?.has(name) === false) continue;
        const term = k.unbroadcast(k.map(partial, { ...inputs, [seed]: g }), x.shape);
        const known = result[name];
        result[name] = known ? k.map("a + b", { a: known, b: term }) : term;
      }
    }
    return result;
  },

  keeps(params, wanted) {
    return { inputs: Object.values(params).flatMap(({ formula }) => readByPartials(formula, wanted)), outputs: [] };
  },

  cost(inputs, params, outputs) {
    let bytes = 0, flops = 0;
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    for (const [name, type] of Object.entries(outputs)) {
      bytes += sizeOf(type.shape) * byteSize(type.dtype);
      flops += sizeOf(type.shape) * Math.max(0, (size(toExpr(params[name].formula)) - 1) / 2);
    }
    return { bytes, flops };
  },

  error(inputs, params, outputs, u) {
    const bounds: Record<string, Float64Array> = {};
    for (const [name, { formula }] of Object.entries(params)) {
      const out = outputs[name], { expr, names, scalar } = planFormula(formula, hostTypes(inputs));
      const at = names.map((n) => broadcastIndex(inputs[n], out.shape));
      const bound = formulaBounds(expr, names, scalar === "f32" ? 2 ** -24 : u);
      // Both sides are rounded to the output's dtype.
      bounds[name] = out.data.map((y, k) => bound(at.map((f) => f(k))) + 2 * u * Math.abs(y));
    }
    return bounds;
  },

  cases: [...mapCases, ...mapDoubleCases],
});

/** Operands of integer formulas wrap to the formula's type. */
const READ_AS: Partial<Record<Scalar, (x: number) => number>> = { i32: (x) => x | 0, u32: (x) => x >>> 0 };

/** How a value is stored: floats become integers by truncation, held to the range that both types have; NaN becomes 0. */
function storing(dtype: DType, scalar: Scalar): (y: number) => number {
  if (dtype === "bool") return (y) => Number(y !== 0);
  if (dtype !== "i32" && dtype !== "u32") return (y) => y;
  if (scalar === "i32" || scalar === "u32") return dtype === "i32" ? (y) => y | 0 : (y) => y >>> 0;
  const step = scalar === "f32" ? 2 ** 8 : 1, low = dtype === "i32" ? -(2 ** 31) : 0;
  // The largest f32 below 2^32 is 2^32 − 2^8, below 2^31 it is 2^31 − 2^7.
  const high = dtype === "i32" ? 2 ** 31 - Math.max(1, step / 2) : 2 ** 32 - step;
  return (y) => Number.isNaN(y) ? 0 : Math.min(high, Math.max(low, Math.trunc(y)));
}
