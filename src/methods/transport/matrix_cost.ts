import { stopGradient, Tensor } from "../../tensor/mod.ts";
import type { Cost } from "./cost.ts";
import { type HostCost, storedCost } from "./host_cost.ts";
import { requireProblem } from "./host_problem.ts";
import { type LiveCost, liveCost } from "./live_cost.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/**
 * Costs as a matrix in the dtype of its device, read by the host: for solvers that work there on the very problem that the device can state.
 * (`hostCosts` computes them in f64 from the points instead.)
 */
export interface MatrixCost extends HostCost {
  readonly C: Float64Array;
  /** The largest cost. */
  readonly largest: number;
  /** The cost matrix on its device. */
  readonly tensor: Tensor;
  /** The tensors that it follows from. */
  readonly live: LiveCost;
  /** Tensors made here, to be disposed of with the result. */
  readonly owned: Tensor[];
}

/** Reads the costs: of the matrix `x` `[n, m]`, or between the points x `[n, d]` and y `[m, d]`, computed on their device. */
export async function readCost(x: Tensor, y: Tensor | undefined, cost: Cost | undefined): Promise<MatrixCost> {
  requireProblem(x, y, cost);
  const owned: Tensor[] = [];
  try {
    if (y) await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
    const live = await liveCost(x, y, cost);
    owned.push(...live.owned);
    if (live.prepared) {
      owned.push(Tensor.apply("pairMatrix", live.prepared.inputs, { formula: live.prepared.formula }).out);
    }
    const tensor = y ? owned[owned.length - 1] : x;
    const [n, m] = tensor.shape;
    if (n === 0 || m === 0) {
      throw new RangeError(`Cannot transport between ${n} and ${m} points: both sides need at least one`);
    }
    using constant = stopGradient(tensor);
    const C = Float64Array.from(await constant.data());
    let largest = -Infinity;
    for (let k = 0; k < C.length; k++) {
      if (!Number.isFinite(C[k])) {
        throw new RangeError(`Expected finite costs, got ${C[k]} in row ${Math.floor(k / m)}, column ${k % m}`);
      }
      if (C[k] > largest) largest = C[k];
    }
    return { ...storedCost(C, n, m), C, largest, tensor, live, owned };
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
}
