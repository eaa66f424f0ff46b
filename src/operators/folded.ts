import { Tensor } from "../tensor/mod.ts";

/** Tensors joined one after the other by a formula of `x` and `y`; they are freed. */
export function folded(tensors: readonly Tensor[], formula: string): Tensor {
  return tensors.reduce((x, y) => {
    using _x = x;
    using _y = y;
    return Tensor.map(formula, { x, y });
  });
}
