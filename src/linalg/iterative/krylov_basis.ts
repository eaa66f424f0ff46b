import { Tensor } from "../../tensor/mod.ts";
import { computed, joined, norms } from "./vectors.ts";

/** An orthonormal basis in rows `[..., j, n]`, and the next vector made orthogonal to it. */
export interface Extension {
  /** Coefficients of the vector in the basis, `[..., 1, j]`. */
  readonly coefficients: Tensor;
  /** Norm of what is left, `[..., 1, 1]`. */
  readonly norm: Tensor;
  /** The basis with the next vector, `[..., j + 1, n]`; the vector is 0 where nothing was left. */
  readonly basis: Tensor;
}

/**
 * Takes from w `[..., 1, n]` its part in the basis, twice: after that it is orthogonal to working precision (Giraud, Langou, Rozložník &
 * van den Eshof 2005). To be called in a scope.
 */
export function extended(basis: Tensor, w: Tensor, tiny: number): Extension {
  const turned = basis.T;
  const first = computed(w.matmul(turned));
  const once = computed(Tensor.map("w - y", { w, y: first.matmul(basis) }));
  const second = computed(once.matmul(turned));
  const rest = computed(Tensor.map("w - y", { w: once, y: second.matmul(basis) }));
  // What is left of rounding errors alone is no direction.
  const left = norms(rest, -1),
    norm = computed(Tensor.map("n > tiny * z ? n : 0 * n", { n: left, z: norms(w, -1), tiny }));
  const unit = computed(Tensor.map("n > 0 ? w / n : 0 * w", { w: rest, n: norm }));
  const coefficients = computed(Tensor.map("a + b", { a: first, b: second }));
  return { coefficients, norm, basis: joined([basis, unit], basis.rank - 2) };
}
