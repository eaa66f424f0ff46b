import { Tensor } from "../../tensor/mod.ts";
import { type Cost, prepareCost, type PreparedCost } from "./cost.ts";
import { type Geometry, matrixGeometry, pointGeometry } from "./geometry.ts";
import { type Entries, matrixPlanCost, pointsPlanCost } from "./plan_cost.ts";
import type { Tensors } from "./problem.ts";

/** A cost in the tensors by which it may be differentiated. */
export interface LiveCost {
  /** Formula and inputs of a cost between points. */
  readonly prepared: PreparedCost | undefined;
  /** Its tensors: points and further inputs, or the cost matrix `C`. */
  readonly tensors: Tensors;
  /** The geometry of (other handles of) these. */
  readonly geometryOf: (tensors: Tensors) => Geometry;
  /** Σ P_ij C_ij of these, over the entries of a sparse plan. */
  readonly planCostOf: (tensors: Tensors, entries: Entries, mass: Tensor) => Tensor;
  /** Tensors made here. */
  readonly owned: Tensor[];
}

/** The cost between points x and y, or that of the matrix `x` if `y` is left out. */
export async function liveCost(x: Tensor, y: Tensor | undefined, cost: Cost | undefined): Promise<LiveCost> {
  if (!y) return liveMatrix(x);
  return liveFormula(await prepareCost(x, y, cost ?? "sqeuclidean"));
}

/** A cost matrix. */
export function liveMatrix(x: Tensor): LiveCost {
  return {
    prepared: undefined,
    tensors: { C: x },
    geometryOf: ({ C }) => matrixGeometry(C),
    planCostOf: ({ C }, entries, mass) => matrixPlanCost(C, entries, mass),
    owned: [],
  };
}

/** A cost by formula. */
export function liveFormula(prepared: PreparedCost): LiveCost {
  const inputsOf = (tensors: Tensors) => ({ ...prepared.inputs, ...tensors });
  return {
    prepared,
    tensors: tensorsAmong(prepared.inputs),
    geometryOf: (tensors) => pointGeometry({ ...prepared, inputs: inputsOf(tensors) }),
    planCostOf: (tensors, entries, mass) => pointsPlanCost(prepared.formula, inputsOf(tensors), entries, mass),
    owned: prepared.owned,
  };
}

/** The tensors among the inputs of a cost. */
export function tensorsAmong(inputs: Readonly<Record<string, unknown>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor),
  );
}
