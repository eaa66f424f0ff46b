import { type LinearOperator, pairwise } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { centerPoints, squaredRows } from "./centered_points.ts";
import { joinValue } from "./envelope.ts";
import { tensorLike } from "./host_problem.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { type Weights, weightTensors } from "./weights.ts";

/**
 * The objective of Gromov–Wasserstein between points with squared distances as a tensor to differentiate, at a stationary plan: as `gromovValue`
 * has it for stored distances, by products with the plan that stream.
 */
export function gromovPointsValue(
  { plan, transport, cost, objective }: {
    plan: LinearOperator;
    transport: SinkhornResult;
    cost: number;
    objective: number;
  },
  { points: [x, y], features, a, b, epsilon }: {
    points: readonly [Tensor, Tensor];
    features?: readonly [Tensor, Tensor];
    a?: Weights;
    b?: Weights;
    epsilon?: number | Tensor;
  },
  weights: { a: Float64Array; b: Float64Array; total: number },
  { share, at }: { share: number; at: number },
): Promise<Tensor> {
  const { structure } = plan, t = weights.total;
  if (structure.kind !== "pairwise") throw new TypeError(`Expected a plan by a formula, got ${structure.kind}`);
  return runScope(async () => {
    const [f, g] = stopGradient(transport.potentials);
    // −∞ where a weight is zero would be multiplied by 0.
    const finite = (h: Tensor) => Tensor.map("max(h, -1e30)", { h });
    const held: Record<string, Tensor> = {
      r: tensorLike(x, weights.a, [weights.a.length, 1]),
      c: tensorLike(x, weights.b, [weights.b.length, 1]),
      f: finite(f),
      g: finite(g),
      slope: tensorLike(x, Float64Array.of((objective - cost) / at), []),
    };
    for (const [id, input] of Object.entries(structure.inputs)) {
      if (input instanceof Tensor) held[`plan.${id}`] = stopGradient(input);
    }
    const inputs: Record<string, Tensor> = { x, y, ...weightTensors(a, b, weights, x, (t) => t) };
    if (features) [inputs.u, inputs.v] = features;
    if (epsilon instanceof Tensor) inputs.epsilon = epsilon;
    const value = tensorLike(x, Float64Array.of(objective), []);
    return await joinValue("gromovWasserstein", value, inputs, held, (now, solution, wanted) => {
      const { r, c, f, g, slope } = solution, parts: Tensor[] = [];
      const P = pairwise(
        structure.formula,
        Object.fromEntries(
          Object.entries(structure.inputs).map(([id, input]) => [id, solution[`plan.${id}`] ?? input]),
        ),
      );
      const dot = (p: Tensor, q: Tensor) => Tensor.reduce("sum", "p * q", { p, q });
      if (wanted.has("x") || wanted.has("y")) {
        const one = centerPoints(now.x, r, t), other = centerPoints(now.y, c, t);
        const covariance = one.x.T.matmul(P.apply(other.x));
        parts.push(
          Tensor.map("s * (p + q - 8 * z - 4 * t * w - 4 * u * v)", {
            ...{ p: dot(r, squaredRows(one, r, t)), q: dot(c, squaredRows(other, c, t)) },
            ...{ z: dot(covariance, covariance), w: dot(one.profile, P.apply(other.profile)) },
            ...{ u: dot(r, one.profile), v: dot(c, other.profile), s: share, t },
          }),
        );
      }
      if (wanted.has("u") || wanted.has("v")) {
        const { u, v } = now, within = (z: Tensor, w: Tensor) => Tensor.reduce("sum", "w * z * z", { z, w });
        const linear = { p: within(u, r), q: within(v, c), z: dot(u, P.apply(v)), h: 1 - share };
        parts.push(Tensor.map("h * (p + q - 2 * z)", linear));
      }
      if (wanted.has("a")) parts.push(now.a.mul(f).sum());
      if (wanted.has("b")) parts.push(now.b.mul(g).sum());
      if (wanted.has("epsilon")) parts.push(now.epsilon.reshape([]).mul(slope));
      return parts.reduce((s, t) => s.add(t));
    });
  });
}
