import { Tensor } from "../tensor/mod.ts";

/**
 * ‖A − B‖/‖A‖ in Frobenius norms; 0 for A = B = 0. Both are scaled first, so that squares neither over- nor underflow.
 */
export async function relativeDistance(a: Tensor, b: Tensor): Promise<number> {
  using largest = Tensor.reduce("max", "abs(a)", { a });
  using difference = Tensor.reduce("sum", "m == 0 ? (a - b)^2 : ((a - b) / m)^2", { a, b, m: largest });
  using size = Tensor.reduce("sum", "m == 0 ? 0 : (a / m)^2", { a, m: largest });
  const [d, s] = await Promise.all([difference.item(), size.item()]);
  return d === 0 ? 0 : Math.sqrt(d / s);
}
