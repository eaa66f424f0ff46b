import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";
import { constantLike, onAdapter, scaledStack } from "./parts.ts";
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

/** Tells what is not finite from what went wrong. */
class NotFinite extends Error {}

/**
 * Least squares for stacks `[count, m, n]` and `[count, m, r]` on the adapter, x = V Σ⁺ Uᵀ b; see `lstsq`. Undefined if an element is not finite: the
 * host says which.
 */
export async function lstsqOnDevice(a: Tensor, b: Tensor, rcond: number): Promise<LeastSquares | undefined> {
  try {
    return await runScope(() => solved(a, b, rcond));
  } catch (error) {
    if (error instanceof NotFinite) return undefined;
    throw error;
  }
}

async function solved(a: Tensor, b: Tensor, rcond: number): Promise<LeastSquares> {
  const matrix = scaledStack(a, "lstsq"), right = scaledStack(b, "lstsq");
  const { u, s, v } = await decomposed(matrix.x, "reduced", async () => {
    const finite = await Promise.all([matrix.isFinite(), right.isFinite()]);
    if (finite.includes(false)) throw new NotFinite();
  });
  const one = constantLike(a, 1), largest = s.slice(null, [0, 1]), scale = matrix.scale.squeeze(-1);
  const kept = Tensor.map("s > rcond * largest ? one : 0 * one", { s, rcond, largest, one });
  const weight = Tensor.map("kept > 0 ? kept / s : kept", { kept, s }).expandDims(2);
  const x = v.matmul(u.T.matmul(right.x).mul(weight)).mul(matrix.scale.div(right.scale));
  // In f64 where the adapter has it: residuals are differences of numbers that are alike.
  const fine = a.device.info.probes.f64 ? "f64" : a.dtype,
    [a2, b2, x2] = [a, b, x].map((t) => onAdapter(t).astype(fine));
  const residuals = Tensor.reduce("sum", "(y - b)^2", { y: a2.matmul(x2), b: b2 }, 1).astype(a.dtype);
  const found = { x, residuals, rank: kept.sum(1).astype("i32"), singularValues: s.div(scale) };
  for (const part of Object.values(found)) void part.value;
  return found;
}
