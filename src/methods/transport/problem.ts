import { Tensor } from "../../tensor/mod.ts";
import type { Epsilon, Potential, SolutionGeometry } from "./geometry.ts";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** An entropic transport problem in tensors by which its solution may be differentiated. */
export interface Problem {
  /** The tensors of the cost: points and further inputs, or the cost matrix. */
  readonly cost: Tensors;
  /** The geometry of (other handles of) these. */
  readonly geometryOf: (cost: Tensors) => SolutionGeometry;
  /** Weights `[n]` and `[m]` of one total. */
  readonly a: Tensor;
  readonly b: Tensor;
  /** The regularization in the cost's unit. */
  readonly epsilon: Epsilon;
  /** The shape that potentials are given in, of a problem on a grid; default `[n]` and `[m]`. */
  readonly shape?: readonly number[];
}

/** Both potentials. */
export interface Pair {
  readonly f: Potential;
  readonly g: Potential;
}

/** The problem's tensors under names of their own. */
export function tensorsOf({ cost, a, b, epsilon }: Problem): Record<string, Tensor> {
  const all: Record<string, Tensor> = { a, b };
  for (const name in cost) all[`cost.${name}`] = cost[name];
  if (epsilon instanceof Tensor) all.epsilon = epsilon;
  return all;
}

/** The problem with other tensors in the place of its own; names that are missing stay. */
export function withTensors(problem: Problem, tensors: Tensors): Problem {
  const cost = Object.fromEntries(
    Object.entries(problem.cost).map(([name, t]) => [name, tensors[`cost.${name}`] ?? t]),
  );
  const { a = problem.a, b = problem.b, epsilon = problem.epsilon } = tensors as {
    a?: Tensor;
    b?: Tensor;
    epsilon?: Tensor;
  };
  return { ...problem, cost, a, b, epsilon };
}

/** The dual value ⟨a, f⟩ + ⟨b, g⟩ − ε ΣP, as a tensor. */
export function dualValue(problem: Problem, { f, g }: Pair): Tensor {
  const { a, b, epsilon } = problem;
  const side = (w: Tensor, { coarse, fine }: Potential) =>
    Tensor.reduce("sum", "w > 0 ? w * (F + eps * p) : 0", { w, F: coarse, p: fine, eps: epsilon });
  using left = side(a, f);
  using right = side(b, g);
  using masses = problem.geometryOf(problem.cost).weighted(f, g, epsilon, []);
  using mass = masses.sum();
  return Tensor.map("s + t - eps * mass", { s: left, t: right, eps: epsilon, mass });
}
