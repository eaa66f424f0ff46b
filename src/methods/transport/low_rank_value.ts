import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { firstOrder } from "./envelope.ts";
import { numberOf } from "./host_problem.ts";
import type { Descent, PlainFactors, PlanObjective } from "./low_rank_descent.ts";
import type { LowRankOptions } from "./low_rank_solve.ts";

/**
 * The objective at the factors found, as a tensor to differentiate: the objective of `live` tensors at held factors, and by ε and the weights the
 * derivatives that these have there (the envelope theorem, at a stationary point). The multipliers of the row sums are the means, weighted by
 * the factor's row, of what its gradient has beside the multiplier of the column sums, which is that of the last projection over its step.
 */
export async function lowRankValue(
  name: string,
  { factors, objective, duals, rate }: Pick<Descent, "objective" | "duals" | "rate"> & { factors: PlainFactors },
  given: Pick<LowRankOptions, "a" | "b" | "epsilon">,
  live: PlanObjective,
): Promise<{ cost: number; value: Tensor }> {
  const { value, rows, columns } = live(factors), made: Tensor[] = [value, rows, columns];
  const keep = (t: Tensor) => {
    made.push(t);
    return t;
  };
  try {
    const cost = await value.item(), epsilon = await numberOf("epsilon", given.epsilon ?? 0);
    let sum = keep(value.add(objective - cost));
    if (given.epsilon instanceof Tensor) {
      const entropies = Object.values(factors).map((x: Tensor) =>
        keep(Tensor.reduce("sum", "x > 0 ? x * (log(x) - 1) : 0", { x }))
      );
      const slope = (await Promise.all(entropies.map((t) => t.item()))).reduce((s, v) => s + v, 0);
      const number = keep(given.epsilon.reshape([]));
      sum = keep(Tensor.map("s + (e - at) * slope", { s: sum, e: number, at: epsilon, slope }));
    }
    const sides = [
      [given.a, factors.q, rows, duals.v],
      [given.b, factors.r, columns, duals.w],
    ] as const;
    for (const [w, factor, slopes, dual] of sides) {
      if (!(w instanceof Tensor)) continue;
      const weights = keep(stopGradient(w)),
        all = { x: factor, d: keep(stopGradient(slopes)), v: dual, perRate: rate > 0 ? 1 / rate : 0, epsilon };
      const sums = keep(Tensor.reduce("sum", "x > 0 ? x * (d + epsilon * log(x) - v * perRate) : 0", all, 1));
      const price = keep(Tensor.map("w > 0 ? s / w : 0", { s: sums, w: weights }));
      // Held to the number that it has.
      const part = keep(Tensor.reduce("sum", "(u - w) * p", { u: w, w: weights, p: price }));
      sum = keep(sum.add(part));
    }
    void sum.value;
    return { cost, value: await firstOrder(name, sum) };
  } finally {
    for (const t of made) t.dispose();
  }
}
