import { Tensor } from "../../tensor/mod.ts";
import { computed, joined } from "./vectors.ts";

/** An orthonormal basis in rows `[j, n]`, and the next vector made orthogonal to it. */
export interface Extension {
  /** Coefficients of the product in the basis, `[1, j]`. */
  readonly coefficients: Tensor;
  /** Norm of what is left, `[1, 1]`. */
  readonly norm: Tensor;
  /** The basis with the next vector, `[j + 1, n]`; the vector is 0 where nothing was left. */
  readonly basis: Tensor;
}

/**
 * Takes from w `[n, 1]` its part in the basis, twice: after that it is orthogonal to working precision (Giraud, Langou, Rozložník & van
 * den Eshof 2005). To be called in a scope.
 */
export function extended(basis: Tensor, w: Tensor, tiny: number): Extension {
  const row = w.T, turned = basis.T, size = Tensor.reduce("sum", "w * w", { w: row }, 1, { keepDims: true });
  const first = computed(row.matmul(turned));
  const once = computed(Tensor.map("w - y", { w: row, y: first.matmul(basis) }));
  const second = computed(once.matmul(turned));
  const rest = computed(Tensor.map("w - y", { w: once, y: second.matmul(basis) }));
  const square = Tensor.reduce("sum", "w * w", { w: rest }, 1, { keepDims: true });
  // What is left of rounding errors alone is no direction.
  const norm = computed(Tensor.map("q > tiny * tiny * z ? q ^ 0.5 : 0 * q", { q: square, z: size, tiny }));
  const unit = computed(Tensor.map("n > 0 ? w / n : 0 * w", { w: rest, n: norm }));
  return { coefficients: computed(Tensor.map("a + b", { a: first, b: second })), norm, basis: joined([basis, unit], 0) };
}
