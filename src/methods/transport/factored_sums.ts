import type { Tensor } from "../../tensor/mod.ts";
import type { Factor } from "./geometry.ts";

/** A plan by its products. */
export interface PlanProducts {
  /** P·1, `[n]`. */
  mass(): Tensor;
  /** P·x for x `[m]`. */
  apply(x: Tensor): Tensor;
}

/** Σ_j P_ij Π_k (u^k_i + w^k_j) for each row by products with P: Π_k is multiplied out into 2^k products of vectors. */
export function overFactors(factors: readonly Factor[], plan: PlanProducts): Tensor {
  let total: Tensor | undefined;
  for (let chosen = 0; chosen < 2 ** factors.length; chosen++) {
    let left: Tensor | undefined, right: Tensor | undefined;
    factors.forEach(([u, w], k) => {
      const inner = (chosen >> k & 1) === 1;
      if (inner) right = right ? right.mul(w) : w;
      else left = left ? left.mul(u) : u;
    });
    const product = right ? plan.apply(right) : plan.mass(), term = left ? product.mul(left) : product;
    total = total ? total.add(term) : term;
  }
  return total!;
}
