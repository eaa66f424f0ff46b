import { normalizeAxis } from "../../tensor/axes.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { Transform } from "./cosine_core.ts";

/** Applies the transform that `make` gives for the length of an axis, and frees its constants. */
export function alongAxis(x: Tensor, axis: number, name: string, make: (n: number) => Transform): Tensor {
  if (x?.dtype !== "f32" && x?.dtype !== "f64") {
    throw new TypeError(
      `Cannot compute ${name} of ${x?.dtype ?? typeof x}: expected a tensor of f32 or f64, see astype`,
    );
  }
  if (x.rank === 0) throw new TypeError(`Expected at least one axis for ${name}, got a scalar`);
  const k = normalizeAxis(axis, x.rank, x.shape), n = x.shape[k];
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const { apply, tensors } = make(n);
  try {
    using state = x.reshape([product(x.shape.slice(0, k)), n, product(x.shape.slice(k + 1))]);
    using result = apply(state);
    return result.reshape(x.shape);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}
