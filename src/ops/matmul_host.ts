import { compile } from "../formula/mod.ts";
import type { HostArray, HostInputs } from "./define.ts";
import { type MatmulLayout, PRODUCT } from "./matmul_layout.ts";
import { broadcastIndex } from "./reference_index.ts";
import { sizeOf } from "./value.ts";

/** Where the matrices of each product of a call lie in the host's arrays. */
export function batchOffsets(
  inputs: HostInputs,
  { batch, m, n, k }: MatmulLayout,
): { batch: number; offsetA: number; offsetB: number }[] {
  const matrices = (name: string, size: number) => {
    const { shape } = inputs[name] as HostArray, leading = shape.slice(0, -2);
    const numbers = Float64Array.from({ length: sizeOf(leading) }, (_, q) => q * size);
    return broadcastIndex({ shape: leading, dtype: "f64", data: numbers }, batch);
  };
  const a = matrices("a", m * k), b = matrices("b", k * n);
  return Array.from({ length: sizeOf(batch) }, (_, q) => ({ batch: q, offsetA: a(q), offsetB: b(q) }));
}

/** Applies the epilogue to the sums `[m, n]` of one product and stores them. */
export function finishProduct(
  inputs: HostInputs,
  { plan, plain, shape, m, n }: MatmulLayout,
  batch: number,
  sums: Float64Array,
  out: HostArray,
): void {
  const first = batch * m * n;
  const truncate = out.dtype === "i32" || out.dtype === "u32";
  const store = (k: number, y: number) =>
    out.data[first + k] = out.dtype === "bool" ? Number(y !== 0) : truncate ? Math.trunc(y) : y;
  if (plain) {
    for (let k = 0; k < sums.length; k++) store(k, sums[k]);
    return;
  }
  const f = compile(plan.expr, plan.names, plan.scalar);
  const at = plan.names.map((name) => name === PRODUCT ? undefined : broadcastIndex(inputs[name], shape));
  const values = new Array<number>(at.length);
  for (let k = 0; k < sums.length; k++) {
    for (let q = 0; q < at.length; q++) values[q] = at[q]?.(first + k) ?? sums[k];
    store(k, f(...values));
  }
}
