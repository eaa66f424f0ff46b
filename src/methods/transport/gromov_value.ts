import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { joinValue } from "./envelope.ts";
import { tensorLike } from "./host_problem.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { type Weights, weightTensors } from "./weights.ts";

/**
 * The objective of Gromov–Wasserstein as a tensor to differentiate, at a stationary plan P: the distortion of the live matrices at held P, and the
 * potentials of the last transport, which are the multipliers of the weights.
 */
export function gromovValue(
  { plan: P, transport, cost, objective }: { plan: Tensor; transport: SinkhornResult; cost: number; objective: number },
  { C1, C2, features, a, b, epsilon }: {
    C1: Tensor;
    C2: Tensor;
    features?: Tensor;
    a?: Weights;
    b?: Weights;
    epsilon?: number | Tensor;
  },
  weights: { a: Float64Array; b: Float64Array },
  formulas: { f: string; g: string; h: string; k: string },
  { share, at }: { share: number; at: number },
): Promise<Tensor> {
  return runScope(async () => {
    const [f, g] = stopGradient(transport.potentials);
    // −∞ where a weight is zero would be multiplied by 0.
    const finite = (h: Tensor) => Tensor.map("max(h, -1e30)", { h });
    const held = {
      P: stopGradient(P),
      r: tensorLike(P, weights.a, [weights.a.length, 1]),
      c: tensorLike(P, weights.b, [weights.b.length, 1]),
      f: finite(f),
      g: finite(g),
      slope: tensorLike(P, Float64Array.of((objective - cost) / at), []),
    };
    const inputs: Record<string, Tensor> = { C1, C2, ...weightTensors(a, b, weights, P, (t) => t) };
    if (features) inputs.features = features;
    if (epsilon instanceof Tensor) inputs.epsilon = epsilon;
    const value = tensorLike(P, Float64Array.of(objective), []);
    return await joinValue("gromovWasserstein", value, inputs, held, (now, { P, r, c, f, g, slope }, wanted) => {
      const parts: Tensor[] = [];
      if (wanted.has("C1") || wanted.has("C2")) {
        const map = (formula: string, c: Tensor) => Tensor.map(formula, { c });
        const within = map(formulas.f, now.C1).matmul(r).mul(r).sum().add(
          map(formulas.g, now.C2).matmul(c).mul(c).sum(),
        );
        const across = map(formulas.h, now.C1).matmul(P).matmul(map(formulas.k, now.C2)).mul(P).sum();
        parts.push(within.sub(across).mul(share));
      }
      if (wanted.has("features")) parts.push(now.features.mul(P).sum().mul(1 - share));
      if (wanted.has("a")) parts.push(now.a.mul(f).sum());
      if (wanted.has("b")) parts.push(now.b.mul(g).sum());
      if (wanted.has("epsilon")) parts.push(now.epsilon.reshape([]).mul(slope));
      return parts.reduce((s, t) => s.add(t));
    });
  });
}
