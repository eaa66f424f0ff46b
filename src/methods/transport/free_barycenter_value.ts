import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { joinValue } from "./envelope.ts";
import { pointGeometry } from "./geometry.ts";
import { tensorLike } from "./host_problem.ts";
import { dualValue, type Problem, tensorsOf, withTensors } from "./problem.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/**
 * The objective Σ λ_k W_ε(X, Y_k) as a tensor to differentiate, at the support X found, where it is stationary, and at the potentials of the
 * transports.
 */
export async function freeBarycenterValue(
  X: Tensor,
  measures: readonly Tensor[],
  transports: readonly SinkhornResult[],
  lambda: readonly number[],
  given: {
    b?: Weights;
    masses?: readonly (Weights | undefined)[];
    weights?: unknown;
    /** ε where it is differentiated by, and the unit of it: a constant. */
    epsilon?: unknown;
    unit: number;
  },
): Promise<Tensor> {
  const made: Tensor[] = [], m = X.shape[0];
  const keep = <T extends Tensor>(t: T): T => {
    made.push(t);
    return t;
  };
  try {
    const epsilon = given.epsilon instanceof Tensor
      ? keep(given.epsilon.reshape([]).mul(given.unit))
      : transports[0].epsilon;
    const inputs: Record<string, Tensor> = {}, held: Record<string, Tensor> = { X: keep(stopGradient(X)) };
    const problems: Problem[] = [];
    for (const [k, y] of measures.entries()) {
      const own = given.masses?.[k], known = await prepareWeights(given.b, own, m, y.shape[0]);
      const problem: Problem = {
        cost: { y },
        geometryOf: (cost) => pointGeometry({ formula: "sqdist(x[i], y[j])", inputs: { ...cost }, owned: [] }),
        ...weightTensors(given.b, own, known, X, keep),
        epsilon,
      };
      problems.push(problem);
      for (const [name, t] of Object.entries(tensorsOf(problem))) inputs[`${k}.${name}`] = t;
      transports[k].potentials.forEach((h, side) => {
        const constant = keep(stopGradient(h));
        // −∞ where a weight is zero would be multiplied by 0.
        held[`${k}.${side}`] = keep(Tensor.map("max(h, -1e30)", { h: constant }));
      });
    }
    if (given.weights instanceof Tensor) inputs.weights = given.weights;
    const values = Float64Array.from(transports, (t) => t.primal);
    held.values = keep(tensorLike(X, values));
    const number = tensorLike(X, Float64Array.of(values.reduce((s, v, k) => s + lambda[k] * v, 0)), []);
    return await joinValue("freeSupportBarycenter", number, inputs, held, (now, held, wanted) => {
      const parts: Tensor[] = [];
      problems.forEach((problem, k) => {
        const names = Object.keys(tensorsOf(problem));
        if (!names.some((name) => wanted.has(`${k}.${name}`))) return;
        const at = withTensors(problem, Object.fromEntries(names.map((name) => [name, now[`${k}.${name}`]])));
        const whole = (side: number) => ({ coarse: held[`${k}.${side}`], fine: held[`${k}.${side}`].mul(0) });
        const value = dualValue({ ...at, cost: { ...at.cost, x: held.X } }, { f: whole(0), g: whole(1) });
        parts.push(value.mul(lambda[k]));
      });
      if (wanted.has("weights")) parts.push(now.weights.mul(held.values).sum().div(now.weights.sum()));
      return parts.reduce((s, t) => s.add(t));
    });
  } finally {
    for (const t of made) t.dispose();
  }
}
