import { Tensor } from "../../tensor/mod.ts";
import { joinValue } from "./envelope.ts";
import { tensorLike } from "./host_problem.ts";
import type { LiveCost } from "./live_cost.ts";
import type { Pair } from "./problem.ts";

/** What the plans of a barycenter are measured to be. */
export interface BarycenterParts {
  readonly pairs: readonly Pair[];
  /** ⟨P_k, C⟩ */
  readonly costs: readonly number[];
  /** ⟨P_k, C⟩ − ε H(P_k) */
  readonly values: readonly number[];
}

/** Joins a barycenter's value to what it depends on. */
export type JoinBarycenter = (value: Tensor, parts: BarycenterParts) => Promise<Tensor>;

/**
 * The value Σ λ_k (⟨P_k, C⟩ − ε H(P_k)) as a function of what was given: its derivative by a_k is λ_k f_k, by λ_k (before they are scaled) the k-th
 * term, by the cost Σ λ_k P_k, by ε that of the entropies. The barycenter itself is free, so that no term is its own.
 */
export async function joinBarycenter(
  value: Tensor,
  { distributions, weights, epsilon: givenEpsilon, unit, live }: {
    distributions: Tensor;
    weights: unknown;
    epsilon: unknown;
    /** The cost's unit that ε was given in: a constant. */
    unit: number;
    /** None on a grid. */
    live: LiveCost | undefined;
  },
  { masses, lambda, epsilon }: { masses: readonly Float64Array[]; lambda: readonly number[]; epsilon: number },
  { pairs, costs, values }: BarycenterParts,
): Promise<Tensor> {
  const inputs: Record<string, Tensor> = { distributions };
  if (weights instanceof Tensor) inputs.weights = weights;
  if (givenEpsilon instanceof Tensor) inputs.epsilon = givenEpsilon;
  for (const [name, t] of Object.entries(live?.tensors ?? {})) inputs[`cost.${name}`] = t;
  const held: Record<string, Tensor> = {};
  const f = pairs.map(({ f }, k) => {
    using w = tensorLike(value, masses[k]);
    const whole = Tensor.map("w > 0 ? F + eps * p : 0", { w, F: f.coarse, p: f.fine, eps: epsilon });
    void whole.value;
    return whole;
  });
  f.forEach((t, k) => held[`f${k}`] = t);
  pairs.forEach(({ f, g }, k) => {
    for (const [name, t] of Object.entries({ F: f.coarse, p: f.fine, G: g.coarse, q: g.fine })) {
      held[`${name}.${k}`] = t;
    }
  });
  const terms = held.values = tensorLike(value, Float64Array.from(values));
  const entropy = values.reduce((s, v, k) => s + lambda[k] * (v - costs[k]) / epsilon, 0);
  const slope = held.slope = tensorLike(value, Float64Array.of(entropy * unit), []);
  const joined = await joinValue("barycenter", value, inputs, held, (given, held, wanted) => {
    const parts: Tensor[] = [];
    if (wanted.has("distributions")) {
      const rows = given.distributions.reshape([pairs.length, masses[0].length]), first = rows.slice(0).sum();
      for (const [k, weight] of lambda.entries()) {
        // All are scaled to the first one's total.
        const own = rows.slice(k), scaled = k === 0 ? own : own.mul(first).div(own.sum());
        parts.push(scaled.mul(held[`f${k}`]).sum().mul(weight));
      }
    }
    if (wanted.has("weights")) parts.push(given.weights.mul(held.values).sum().div(given.weights.sum()));
    if (wanted.has("epsilon")) parts.push(given.epsilon.reshape([]).mul(held.slope));
    if (live && [...wanted].some((name) => name.startsWith("cost."))) {
      const geometry = live.geometryOf(
        Object.fromEntries(Object.keys(live.tensors).map((name) => [name, given[`cost.${name}`]])),
      );
      pairs.forEach((_, k) => {
        const [F, p, G, q] = ["F", "p", "G", "q"].map((name) => held[`${name}.${k}`]);
        // −∞ where a distribution is zero would be multiplied by 0.
        const f = { coarse: Tensor.map("max(F, -1e30)", { F }), fine: p }, g = { coarse: G, fine: q };
        parts.push(geometry.marginal("rows", f, g, epsilon).sum().mul(-epsilon * lambda[k]));
      });
    }
    return parts.reduce((s, t) => s.add(t));
  });
  for (const t of [...f, terms, slope]) t.dispose();
  return joined;
}
