import type { Tensor } from "../../tensor/mod.ts";
import { certify } from "./exact_certificate.ts";
import { firstBasis } from "./first_basis.ts";
import { hostMatrix, storedCost } from "./host_cost.ts";
import { tensorLike } from "./host_problem.ts";
import { densePricing, networkSimplex } from "./network_simplex.ts";
import { matrixPlanCost } from "./plan_cost.ts";
import { requireOptions } from "./sinkhorn_input.ts";

/** Options of {@linkcode assignment}. */
export interface AssignmentOptions {
  /** Looks for the largest sum of costs instead of the least. Default false. */
  maximize?: boolean;
  /** Pivots before giving up. Default 1,000 (n + m). */
  maxIterations?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called some 25 times per second. */
  onProgress?: (progress: { iteration: number }) => void;
}

/** What {@linkcode assignment} found. */
export interface AssignmentResult {
  /** Column of each row, `[n]`; −1 for the rows that have none, where there are more rows than columns. */
  readonly columns: Int32Array<ArrayBuffer>;
  /** Sum of the costs of the pairs, in f64. */
  readonly cost: number;
  /** The same as a tensor of one number, to differentiate by the cost matrix: made anew by each call, from that matrix, which is to be kept till then. */
  value(): Tensor;
  /** Value of the potentials: no assignment costs less (or more, where `maximize`), up to `violation`. */
  readonly dual: number;
  /** How far from optimal the assignment can be at most: |cost − dual|; a rounding error where `converged`, 0 for whole costs. */
  readonly gap: number;
  /** By how much the potentials are not allowed; a rounding error. */
  readonly violation: number;
  /** Pivots done. */
  readonly iterations: number;
  /** Whether the assignment is proved optimal. */
  readonly converged: boolean;
}

/**
 * The linear assignment problem (SciPy's `linear_sum_assignment`): pairs rows and columns of a cost matrix `[n, m]` one to one, min(n, m) pairs, with
 * the least sum of costs. It is the transport problem with unit weights, of which the side with fewer points gets one more that costs nothing and takes
 * what is left over; solved by the network simplex method on the host in f64, whose masses are whole numbers. Source: Ahuja, Magnanti and Orlin,
 * "Network Flows" (1993), section 12.4 and chapter 11.
 *
 * @throws {TypeError} if the costs are not a matrix.
 * @throws {RangeError} on no rows or columns, NaN or infinite costs, more than 2²⁸ costs.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { columns, cost, gap } = await transport.assignment(gpu.tensor([[4, 1, 3], [2, 0, 5], [3, 2, 2]]));
 * console.log([...columns], cost, gap); // [1, 0, 2] 5 0
 * ```
 */
export async function assignment(costMatrix: Tensor, options: AssignmentOptions = {}): Promise<AssignmentResult> {
  const { maximize = false, signal, onProgress } = options;
  requireOptions(costMatrix, undefined, {});
  const [n, m] = costMatrix.shape;
  if (n === 0 || m === 0) throw new RangeError(`Cannot assign ${n} rows to ${m} columns: both need at least one`);
  const { maxIterations } = requireOptions(costMatrix, undefined, {
    maxIterations: options.maxIterations ?? 1000 * (n + m),
  });
  signal?.throwIfAborted();
  const given = (await hostMatrix(costMatrix)).C!, sign = maximize ? -1 : 1;
  const rows = Math.max(n, Math.min(n + 1, m)), columns = Math.max(m, Math.min(m + 1, n));
  const C = new Float64Array(rows * columns);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) C[i * columns + j] = sign * given[i * m + j];
  const supplies = (count: number, all: number, other: number) =>
    Float64Array.from({ length: all }, (_, k) => k < count ? 1 : other - count);
  const a = supplies(n, rows, m), b = supplies(m, columns, n);
  const tree = firstBasis(C, a, b);
  const { iterations, optimal } = await networkSimplex(tree, densePricing(tree, C), {
    maxIterations,
    signal,
    onProgress,
  });
  const every = (count: number) => Uint32Array.from({ length: count }, (_, k) => k);
  const proof = certify(tree, 1, {
    cost: storedCost(C, rows, columns),
    a,
    b,
    rows: every(rows),
    columns: every(columns),
  });
  const found = new Int32Array(n).fill(-1);
  proof.rows.forEach((i, e) => {
    if (i < n && proof.columns[e] < m) found[i] = proof.columns[e];
  });
  const converged = optimal && proof.gap <= proof.rounding;
  if (!converged) {
    console.warn(
      `assignment stopped after ${iterations} pivots within ${proof.gap.toExponential(1)} of the optimum: try more ` +
        "maxIterations",
    );
  }
  const paired = Uint32Array.from([...found.keys()].filter((i) => found[i] >= 0));
  return {
    columns: found,
    value: () => {
      using one = tensorLike(costMatrix, new Float64Array(paired.length).fill(1));
      const value = matrixPlanCost(
        costMatrix,
        { rows: paired, columns: Uint32Array.from(paired, (i) => found[i]) },
        one,
      );
      void value.value;
      return value;
    },
    cost: sign * proof.primal + 0,
    dual: sign * proof.dual + 0,
    gap: Math.abs(proof.gap),
    violation: proof.violation,
    iterations,
    converged,
  };
}
