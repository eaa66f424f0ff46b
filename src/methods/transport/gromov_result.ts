import type { LinearOperator } from "../../operators/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** One step of {@linkcode gromovWasserstein}. */
export interface GromovProgress {
  /** Steps so far. */
  iteration: number;
  /** The distortion minus ε H(P) after it. */
  objective: number;
  /** ‖P − P'‖₁ over the total mass, for the plans before and after it. */
  change: number;
  /** Weight of the Kullback–Leibler divergence from the plan before that the step had; 0 unless the objective rose without. */
  proximal: number;
}

/** What {@linkcode gromovWasserstein} found: a plan that is nearly stationary. No bound on the optimum is known of it. */
export class GromovResult {
  /**
   * The distortion Σ L(C1_ik, C2_jl) P_ij P_kl (fused: with the linear cost), without the entropy. It is a difference of numbers as large as squares of
   * the distances, with their rounding.
   */
  readonly cost: number;
  /** `cost` − ε H(P), H(P) = −Σ P (log P − 1): what is minimized. */
  readonly objective: number;
  /**
   * The objective as a tensor of one number, to differentiate by C1 and C2 (or points), features, and by weights (with the total held) and `epsilon` that were given as
   * tensors: at the held plan, which is exact where it is stationary (so take small tolerances), and the derivative of this stationary value,
   * not of the least one. By C1 and C2 all entries count as free: for a symmetric matrix made of fewer numbers the chain rule does the rest.
   */
  readonly value: Tensor;
  /** The plan `[n, m]`. */
  readonly plan: LinearOperator;
  /** The transport problem of the last step, of which the plan is the solution, with its own certificate. */
  readonly transport: SinkhornResult;
  /** ‖P·1 − p‖₁, measured; the column sums are exact up to rounding. */
  readonly marginalError: number;
  /** ‖P − P'‖₁ over the mass for the last step: the plan is stationary where it is 0 and that step had no proximal term. */
  readonly change: number;
  /** ε, in the unit of L. */
  readonly epsilon: number;
  /** Steps from the start that was kept. */
  readonly iterations: number;
  /** Whether `change` went below the tolerance, with the last transport converged. */
  readonly converged: boolean;
  /** Every step from the start that was kept. */
  readonly history: readonly GromovProgress[];
  /** The objective reached from every start. */
  readonly starts: readonly number[];
  #owned: readonly { dispose(): void }[];

  /** Puts a result together; `owned` is freed with it. */
  constructor(
    fields: Pick<
      GromovResult,
      "cost" | "objective" | "value" | "plan" | "transport" | "change" | "epsilon" | "converged" | "history" | "starts"
    >,
    owned: readonly { dispose(): void }[],
  ) {
    this.cost = fields.cost;
    this.objective = fields.objective;
    this.value = fields.value;
    this.plan = fields.plan;
    this.transport = fields.transport;
    this.marginalError = fields.transport.marginalError;
    this.change = fields.change;
    this.epsilon = fields.epsilon;
    this.iterations = fields.history.length;
    this.converged = fields.converged;
    this.history = fields.history;
    this.starts = fields.starts;
    this.#owned = owned;
  }

  /** Frees the plan. */
  dispose(): void {
    this.value.dispose();
    for (const part of this.#owned) part.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    return [
      ["distortion", this.cost.toPrecision(6)],
      ["objective", this.objective.toPrecision(6)],
      ["change (L1)", this.change.toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["ε", this.epsilon.toPrecision(4)],
      ["plan", `${this.plan.shape[0]} × ${this.plan.shape[1]}`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("GromovResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}
