import type { LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { BarycenterProgress, BarycenterState } from "./barycenter_iterations.ts";
import type { JoinBarycenter } from "./barycenter_value.ts";
import type { BarycenterGeometry } from "./grid_geometry.ts";
import { tensorLike } from "./host_problem.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** What {@linkcode barycenter} found, with its certificate: the marginal errors measured at the end, and the duality gap. */
export class BarycenterResult {
  /** The barycenter's masses `[m]`, or `[h, w]` (as the grid is), of the distributions' total. */
  readonly barycenter: Tensor;
  /** The plan from each distribution to the barycenter, `[n, m]`, as an operator. */
  readonly plans: readonly LinearOperator[];
  /** Transport cost ⟨P_k, C⟩ of each plan. */
  readonly costs: readonly number[];
  /** Σ λ_k ⟨P_k, C⟩, without the entropies. */
  readonly cost: number;
  /** Σ λ_k (⟨P_k, C⟩ − ε H(P_k)), H(P) = −Σ P (log P − 1). */
  readonly primal: number;
  /** Σ λ_k (⟨a_k, f_k⟩ − ε ΣP_k), a lower bound of the primal value up to rounding, as Σ λ_k g_k = 0. */
  readonly dual: number;
  /**
   * The dual value as a tensor of one number, to differentiate by the distributions (with the totals held to each other), points, support or cost
   * matrix, and by `weights` and `epsilon` that were given as tensors: at held plans and potentials, exact at the solution.
   */
  readonly value: Tensor;
  /** Dual potentials [f_k `[n]`, g_k `[m]`] in the cost's unit; −∞ where a distribution is zero. */
  readonly potentials: readonly [f: Tensor, g: Tensor][];
  /** ε in the cost's unit. */
  readonly epsilon: number;
  /** Largest ‖P_k·1 − a_k‖₁, measured. */
  readonly marginalError: number;
  /** Iterations done. */
  readonly iterations: number;
  /** Whether the marginal error went below the tolerance. */
  readonly converged: boolean;
  /** Every measurement of the marginal error. */
  readonly history: readonly BarycenterProgress[];
  #owned: readonly { dispose(): void }[];

  private constructor(
    fields: Omit<BarycenterResult, "dispose" | typeof Symbol.dispose>,
    owned: readonly { dispose(): void }[],
  ) {
    this.barycenter = fields.barycenter;
    this.plans = fields.plans;
    this.costs = fields.costs;
    this.cost = fields.cost;
    this.primal = fields.primal;
    this.dual = fields.dual;
    this.value = fields.value;
    this.potentials = fields.potentials;
    this.epsilon = fields.epsilon;
    this.marginalError = fields.marginalError;
    this.iterations = fields.iterations;
    this.converged = fields.converged;
    this.history = fields.history;
    this.#owned = owned;
  }

  /** Measures the values at the end of the iterations; `owned` is what the plans read. */
  static async from(
    geometry: BarycenterGeometry,
    state: BarycenterState,
    inputs: readonly Float64Array[],
    lambda: readonly number[],
    epsilon: number,
    shape: readonly number[],
    owned: readonly { dispose(): void }[],
    join: JoinBarycenter,
  ): Promise<BarycenterResult> {
    const { pairs, logB } = state;
    let primal = 0, dual = 0;
    const costs: number[] = [], values: number[] = [];
    const total = (v: ArrayLike<number>) => Array.from(v).reduce((s, x) => s + x, 0);
    for (const [k, { f, g }] of pairs.entries()) {
      using rowCosts = geometry.rowCost(f, g, epsilon);
      using rows = geometry.marginal("rows", f, g, epsilon);
      using columns = geometry.marginal("columns", f, g, epsilon);
      const [rowCost, row, column, F, p, G, q] = await Promise.all(
        [rowCosts, rows, columns, f.coarse, f.fine, g.coarse, g.fine].map((t) => t.data()),
      );
      // Sums in f64, over what has mass.
      const dot = (by: ArrayLike<number>, coarse: ArrayLike<number>, fine: ArrayLike<number>) => {
        let s = 0;
        for (let i = 0; i < by.length; i++) if (by[i] > 0) s += by[i] * (coarse[i] + epsilon * fine[i]);
        return s;
      };
      costs.push(total(rowCost));
      values.push(dot(row, F, p) + dot(column, G, q) - epsilon * total(row));
      primal += lambda[k] * values[k];
      dual += lambda[k] * (dot(inputs[k], F, p) - epsilon * total(row));
    }
    if (!state.converged) {
      console.warn(
        `barycenter stopped after ${state.iterations} iterations with a marginal error of ${
          state.error.toExponential(1)
        }: try more maxIterations, a larger epsilon or tolerance`,
      );
    }
    using flat = logB.exp();
    const masses = flat.reshape(shape);
    void masses.value;
    logB.dispose();
    const potentials = pairs.map(({ f, g }): [Tensor, Tensor] => {
      const [u, v] = [f, g].map(({ coarse, fine }) => Tensor.map("F + eps * p", { F: coarse, p: fine, eps: epsilon }));
      return [u, v];
    });
    const plans = pairs.map(({ f, g }) => geometry.plan(f, g, epsilon));
    const value = await join(tensorLike(masses, Float64Array.of(dual), []), { pairs, costs, values });
    return new BarycenterResult({
      barycenter: masses,
      plans,
      costs,
      cost: costs.reduce((s, c, k) => s + lambda[k] * c, 0),
      primal,
      dual,
      value,
      potentials,
      epsilon,
      marginalError: state.error,
      iterations: state.iterations,
      converged: state.converged,
      history: state.history,
    }, [
      masses,
      value,
      ...plans,
      ...potentials.flat(),
      ...pairs.flatMap(({ f, g }) => [f.coarse, f.fine, g.coarse, g.fine]),
      ...owned,
    ]);
  }

  /** Frees the barycenter, the potentials and the plans. */
  dispose(): void {
    for (const part of this.#owned) part.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    return [
      ["Σ λ ⟨P, C⟩", this.cost.toPrecision(6)],
      ["primal − dual", (this.primal - this.dual).toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["ε", this.epsilon.toPrecision(4)],
      ["barycenter", `[${this.barycenter.shape.join(", ")}] of ${this.plans.length} distributions`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("BarycenterResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}
