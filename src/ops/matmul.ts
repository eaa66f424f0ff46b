import { byteSize, type DType } from "../device/mod.ts";
import { size } from "../formula/mod.ts";
import { defineOp, type HostArray, hostTypes } from "./define.ts";
import type { Formula } from "./formulas.ts";
import { matmulBlas } from "./matmul_blas.ts";
import { matmulBounds } from "./matmul_bounds.ts";
import { matmulCases } from "./matmul_cases.ts";
import { matmulCooperative } from "./matmul_cooperative.ts";
import { matmulDoubleCases } from "./matmul_double_cases.ts";
import { batchOffsets, finishProduct } from "./matmul_host.ts";
import { matmulLayout } from "./matmul_layout.ts";
import { matmulWasm } from "./matmul_wasm.ts";
import { matmulWasmVector } from "./matmul_wasm_vector.ts";
import { matmulSimple } from "./matmul_simple.ts";
import { matmulSubgroup } from "./matmul_subgroup.ts";
import { matmulTiled } from "./matmul_tiled.ts";
import { matmulVector } from "./matmul_vector.ts";
import { matmulVectorRows } from "./matmul_vector_rows.ts";
import { matmulKeeps, matmulVjp } from "./matmul_vjp.ts";
import { sizeOf } from "./value.ts";

/** Options of `matmul`. */
export interface MatmulParams {
  /** Takes `a` as `[..., k, m]`. Default false. */
  readonly transposeA?: boolean;
  /** Takes `b` as `[..., n, k]`. Default false. */
  readonly transposeB?: boolean;
  /**
   * Formula of each output over `product` and the further inputs, which are broadcast to the product. Default
   * `product`.
   */
  readonly epilogue?: Formula;
  /** Element type of the output. Default: what the epilogue gives; two `f16` give `f16`. */
  readonly dtype?: DType;
}

/**
 * Matrix product `out[..., i, j] = φ(Σ_q a[..., i, q] b[..., q, j], …)` of `a` `[..., m, k]` and `b` `[..., k, n]` with
 * leading axes broadcast, and an epilogue φ. Floats are summed in f32 (in f64 if a factor is, and on the CPU device), integers exactly modulo
 * 2³²; booleans count.
 */
export const matmul = defineOp<MatmulParams>({
  name: "matmul",

  contract(inputs, params) {
    const { shape, dtype } = matmulLayout(inputs, params);
    return { out: { shape, dtype } };
  },

  reference(inputs, params, { out }) {
    const layout = matmulLayout(hostTypes(inputs), params), { m, n, k, sum } = layout;
    const { transposeA = false, transposeB = false } = params;
    const a = (inputs.a as HostArray).data, b = (inputs.b as HostArray).data;
    const sums = new Float64Array(m * n);
    for (const { batch, offsetA, offsetB } of batchOffsets(inputs, layout)) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let q = 0; q < k; q++) {
            const x = a[offsetA + (transposeA ? q * m + i : i * k + q)];
            const y = b[offsetB + (transposeB ? j * k + q : q * n + j)];
            if (sum === "i32") total = (total + Math.imul(x, y)) | 0;
            else if (sum === "u32") total = (total + Math.imul(x, y)) >>> 0;
            else total += x * y;
          }
          sums[i * n + j] = total;
        }
      }
      finishProduct(inputs, layout, batch, sums, out);
    }
  },

  natives: [...matmulBlas, matmulWasmVector, ...matmulWasm],

  kernels: [matmulCooperative, ...matmulSubgroup, ...matmulTiled, matmulVector, matmulVectorRows, matmulSimple],

  vjp: matmulVjp,

  keeps: matmulKeeps,

  cost(inputs, params, { out }) {
    const { k, plan } = matmulLayout(inputs, params);
    const outputs = sizeOf(out.shape);
    let bytes = outputs * byteSize(out.dtype);
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    const epilogue = (size(plan.expr) - 1) / 2;
    return { bytes, flops: outputs * (2 * k + epilogue) };
  },

  error: matmulBounds,

  cases: [...matmulCases, ...matmulDoubleCases],
});
