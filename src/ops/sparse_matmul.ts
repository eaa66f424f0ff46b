import { byteSize, isFloat } from "../device/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { defineOp, type HostArray, type HostInputs, type OpDefinition } from "./define.ts";
import { inDouble } from "./in_double.ts";
import { sparseMatmulCases } from "./sparse_cases.ts";
import { sparseMatmulLane, sparseMatmulTeam } from "./sparse_matmul_lane.ts";
import { sparseMatmulSubgroup } from "./sparse_matmul_subgroup.ts";
import { sparseMatmulNatives } from "./sparse_matmul_wasm.ts";
import { eachEntry, requireRows } from "./sparse_pattern.ts";
import { showShape } from "./value.ts";

/** `sparseMatmul` has no options. */
export type SparseMatmulParams = Readonly<Record<string, never>>;

/** Largest finite f32. */
const HUGE = 3.4e38;

/**
 * Product of a CSR matrix [n, m] and a dense matrix `b` [m, p]: out[i, :] = Σ_{k in row i} values[k] b[columns[k], :]. `starts` [n + 1] and
 * `columns` (all below m) are u32. Each row is summed in the order of its entries, in blocks if it is long: equal bits in every run.
 */
export const sparseMatmul: OpDefinition<SparseMatmulParams> = defineOp({
  name: "sparseMatmul",

  contract(inputs) {
    const { n } = requireRows(inputs, ["columns", "values"]), b = requireArray(inputs, "b"), { dtype } = inputs.values!;
    if (b.shape.length !== 2) {
      throw new TypeError(`Expected "b" to be a matrix [m, p], got shape ${showShape(b.shape)}`);
    }
    if (b.dtype !== dtype) throw new TypeError(`Cannot multiply values ${dtype} by b ${b.dtype}: dtypes differ`);
    if (dtype === "bool") throw new TypeError("Cannot multiply values of dtype bool: expected numbers");
    return { out: { shape: [n, b.shape[1]], dtype } };
  },

  reference(inputs, _, { out }) {
    const { dtype } = out, wrap = dtype === "i32" || dtype === "u32";
    eachTerm(inputs, (to, v, x) => {
      if (!wrap) out.data[to] += v * x;
      else {out.data[to] = dtype === "i32"
          ? (out.data[to] + Math.imul(v, x)) | 0
          : (out.data[to] + Math.imul(v, x)) >>> 0;}
    });
  },

  kernels: [sparseMatmulSubgroup, sparseMatmulLane, sparseMatmulTeam],

  natives: sparseMatmulNatives,

  // Y = S B: from ⟨Ȳ, dS B + S dB⟩, v̄_k = Σ_q Ȳ[i, q] B[j, q] for the entry k at (i, j), and B̄ = Sᵀ Ȳ.
  vjp(k, { inputs, cotangents, wanted }) {
    const g = cotangents.out, { starts, columns, values, b } = inputs;
    if (!g || typeof values === "number" || typeof b === "number" || !isFloat(b.dtype)) return {};
    const result: Record<string, typeof g | undefined> = {};
    if (wanted?.has("values") !== false) {
      result.values = k.apply("sampledMatmul", { starts, columns, a: g, b }, {}).out;
    }
    if (wanted?.has("b") === false) return result;
    const turned = k.apply("csrTranspose", { starts, columns }, { columns: b.shape[0] });
    const entries = k.apply("gather", { x: values, indices: turned.order }, { axis: 0 }).out;
    const transposed = { starts: turned.starts, columns: turned.columns, values: entries };
    result.b = k.apply("sparseMatmul", { ...transposed, b: g }, {}).out;
    return result;
  },

  keeps: (_, wanted) => ({
    inputs: ["starts", "columns", ...(wanted.has("values") ? ["b"] : []), ...(wanted.has("b") ? ["values"] : [])],
    outputs: [],
  }),

  cost(inputs, _, { out }) {
    const { values, b, starts } = inputs, entries = values!.shape[0], p = out.shape[1], size = byteSize(out.dtype);
    return {
      flops: 2 * entries * p,
      bytes: entries * (4 + size) + 4 * starts!.shape[0] + size * p * (b!.shape[0] + out.shape[0]),
    };
  },

  // As for a dense product: t terms in any order are off by at most (t + 2) u Σ|v b|.
  error(inputs, _, { out }, u) {
    const { data, dtype } = out, magnitude = new Float64Array(data.length), terms = new Float64Array(data.length);
    if (!isFloat(dtype)) return { out: magnitude };
    const inner = dtype === "f64" ? u : 2 ** -24;
    eachTerm(inputs, (to, v, x) => {
      if (Number.isFinite(v * x)) magnitude[to] += Math.abs(v * x);
      terms[to]++;
    });
    return {
      out: data.map((y, k) => {
        // A term or a partial sum may overflow although the whole does not, and meet an infinity of the other sign.
        if (dtype !== "f64" && magnitude[k] > HUGE && !Number.isNaN(y)) return Infinity;
        if (!Number.isFinite(y)) return 0;
        return (terms[k] + 2) * inner * magnitude[k] + (dtype === "f16" ? u * Math.abs(y) : 0);
      }),
    };
  },

  cases: [...sparseMatmulCases, ...inDouble(sparseMatmulCases)],
});

/** Calls `visit` with the position in the output and both factors of every term. */
function eachTerm(inputs: HostInputs, visit: (to: number, v: number, x: number) => void): void {
  const columns = (inputs.columns as HostArray).data, values = (inputs.values as HostArray).data;
  const { data: b, shape: [, p] } = inputs.b as HostArray;
  eachEntry(inputs, (row, k) => {
    for (let q = 0; q < p; q++) visit(row * p + q, values[k], b[columns[k] * p + q]);
  });
}
