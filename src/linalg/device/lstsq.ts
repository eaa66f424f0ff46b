import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";
import { constantLike, scaledStack } from "./parts.ts";
import { decomposed } from "./svd.ts";

/** What {@linkcode lstsqOnDevice} finds for stacks. */
export interface LeastSquares {
  /** `[count, n, r]`. */
  readonly x: Tensor;
  /** `[count, r]`. */
  readonly residuals: Tensor;
  /** i32 `[count]`. */
  readonly rank: Tensor;
  /** `[count, k]`. */
  readonly singularValues: Tensor;
}

/** Least squares for stacks `[count, m, n]` and `[count, m, r]` on the adapter by x = V Σ⁺ Uᵀ b; see `lstsq`. */
export async function lstsqOnDevice(a: Tensor, b: Tensor, rcond: number, given: Tensor): Promise<LeastSquares> {
  return await runScope(async () => {
    const { x: matrix, scale, requireFinite } = scaledStack(a, "lstsq", given);
    const { u, s, v } = await decomposed(matrix, "reduced", requireFinite), one = constantLike(a, 1);
    const largest = s.slice(null, [0, 1]), part = u.T.matmul(b);
    const kept = Tensor.map("s > rcond * largest ? one : 0 * one", { s, rcond, largest, one });
    const weight = Tensor.map("kept > 0 ? scale / s : kept", { kept, s, scale: scale.squeeze(-1) }).expandDims(2);
    const x = v.matmul(part.mul(weight));
    // In f64 where the adapter has it: residuals are differences of numbers that are alike.
    const fine = a.device.info.probes.f64 ? "f64" : a.dtype, [a2, b2, x2] = [a, b, x].map((t) => t.astype(fine));
    const residuals = Tensor.reduce("sum", "(y - b)^2", { y: a2.matmul(x2), b: b2 }, 1).astype(a.dtype);
    return { x: x.mul(one), residuals, rank: kept.sum(1).astype("i32"), singularValues: s.div(scale.squeeze(-1)) };
  });
}
