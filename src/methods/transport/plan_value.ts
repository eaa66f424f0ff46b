import { type LinearOperator, sparse } from "../../operators/mod.ts";
import { Sparse, type Tensor } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";
import { joinValue } from "./envelope.ts";
import type { ExactCertificate } from "./exact_certificate.ts";
import { tensorLike } from "./host_problem.ts";
import { liveFormula, liveMatrix } from "./live_cost.ts";
import { type Problem, tensorsOf, withTensors } from "./problem.ts";
import { type Weights, weightTensors } from "./weights.ts";

/** A problem in tensors: points with their cost, or a cost matrix `x`. */
export interface TensorProblem {
  readonly x: Tensor;
  readonly prepared: PreparedCost | undefined;
  readonly a: Weights | undefined;
  readonly b: Weights | undefined;
  readonly weights: { a: Float64Array; b: Float64Array };
}

/** A plan on the device, and its cost as a tensor that can be differentiated. */
export interface JoinedPlan {
  readonly value: Tensor;
  readonly potentials: [f: Tensor, g: Tensor];
  readonly plan: LinearOperator;
  /** What is to be freed. */
  readonly owned: Disposable[];
}

/**
 * Plan, potentials and cost as tensors. The cost's derivative by the cost is the plan, by the weights the potentials: exact at an optimum, by the
 * envelope theorem.
 */
export async function joinPlan(
  name: string,
  certificate: ExactCertificate,
  { x, prepared, weights, ...given }: TensorProblem,
): Promise<JoinedPlan> {
  const owned: Disposable[] = [];
  const keep = <T extends Disposable>(t: T): T => {
    owned.push(t);
    return t;
  };
  try {
    const shape = [certificate.f.length, certificate.g.length] as const;
    const { plan, f, g } = solutionTensors(certificate, x, shape);
    [plan, f, g].forEach(keep);
    const value = keep(tensorLike(x, Float64Array.of(certificate.primal), []));
    const live = prepared ? liveFormula(prepared) : liveMatrix(x),
      held = { f, g, mass: tensorLike(x, certificate.values) };
    keep(held.mass);
    const sides = weightTensors(given.a, given.b, weights, x, keep);
    const inputs: Problem = { ...sides, cost: live.tensors, geometryOf: live.geometryOf, epsilon: 0 };
    // Another plan is optimal only where the cost changes by more than a little.
    await joinValue(name, value, tensorsOf(inputs), held, (now, { f, g, mass }, wanted) => {
      const { a, b, cost } = withTensors(inputs, now), terms: Tensor[] = [];
      if ([...wanted].some((name) => name.startsWith("cost."))) terms.push(live.planCostOf(cost, certificate, mass));
      if (wanted.has("a")) terms.push(a.mul(f).sum());
      if (wanted.has("b")) terms.push(b.mul(g).sum());
      return terms.reduce((s, t) => s.add(t));
    }, ["mass"]);
    return { value, potentials: [f, g], plan, owned };
  } catch (error) {
    for (const part of owned) part[Symbol.dispose]();
    throw error;
  }
}

/** Plan and potentials on the device of a tensor, in its precision. */
function solutionTensors(
  { rows, columns, values, f, g }: ExactCertificate,
  like: Tensor,
  shape: readonly [number, number],
): { plan: LinearOperator; f: Tensor; g: Tensor } {
  const { device } = like, dtype = like.dtype === "f64" ? "f64" : "f32";
  const plan = sparse(Sparse.fromTriplets(device, { rows, columns, values, shape, dtype }), { owns: true });
  return { plan, f: tensorLike(like, f), g: tensorLike(like, g) };
}
