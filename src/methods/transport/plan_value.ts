import { type LinearOperator, sparse } from "../../operators/mod.ts";
import { grad, Sparse, Tensor, withVjp } from "../../tensor/mod.ts";
import type { PreparedCost } from "./cost.ts";
import type { ExactCertificate } from "./exact_certificate.ts";
import { matrixPlanCost, pointsPlanCost } from "./plan_cost.ts";
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
    const value = keep(numbers(x, Float64Array.of(certificate.primal), []));
    const inputs = { ...(prepared ? tensorsIn(prepared.inputs) : { C: x }) };
    const sides = weightTensors(given.a, given.b, weights, x, keep);
    const joined = await withVjp(
      name,
      prefixed(inputs, sides),
      { value },
      async ({ inputs: all, cotangents, wanted }) => {
        // Made anew: the result may have been disposed of by now.
        const f = numbers(x, certificate.f), g = numbers(x, certificate.g);
        const ofCost = [...wanted].some((name) => name.startsWith("cost."));
        const objective = (given: Readonly<Record<string, Tensor>>): Tensor => {
          const now = { ...all, ...given }, terms: Tensor[] = [];
          if (ofCost) {
            const cost = costTensors(now);
            terms.push(
              prepared
                ? pointsPlanCost(prepared.formula, { ...prepared.inputs, ...cost }, x, certificate)
                : matrixPlanCost(cost.C, certificate),
            );
          }
          if (wanted.has("a")) terms.push(now.a.mul(f).sum());
          if (wanted.has("b")) terms.push(now.b.mul(g).sum());
          return terms.reduce((s, t) => s.add(t)).mul(cotangents.value!);
        };
        const at = Object.fromEntries([...wanted].map((name) => [name, all[name]]));
        const found = await grad(objective, { unreached: "zeros" })(at);
        f.dispose();
        g.dispose();
        return found;
      },
    );
    return { value: keep(joined.value), potentials: [f, g], plan, owned };
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
  return { plan, f: numbers(like, f), g: numbers(like, g) };
}

/** Host numbers on the device of a tensor, in its precision. */
function numbers(like: Tensor, v: Float64Array<ArrayBuffer>, shape: readonly number[] = [v.length]): Tensor {
  const dtype = like.dtype === "f64" ? "f64" : "f32";
  return Tensor.of(like.device, dtype === "f64" ? v : Float32Array.from(v), shape, dtype);
}

function tensorsIn(inputs: Readonly<Record<string, unknown>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor),
  );
}

function prefixed(cost: Readonly<Record<string, Tensor>>, sides: { a: Tensor; b: Tensor }): Record<string, Tensor> {
  return { ...sides, ...Object.fromEntries(Object.entries(cost).map(([name, t]) => [`cost.${name}`, t])) };
}

/** The tensors of the cost among all. */
function costTensors(all: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, t]) => name.startsWith("cost.") ? [[name.slice("cost.".length), t]] : []),
  );
}
