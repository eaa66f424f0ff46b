import type { Tensor } from "../../tensor/mod.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** One step of {@linkcode freeSupportBarycenter}. */
export interface FreeBarycenterProgress {
  /** Steps so far. */
  iteration: number;
  /** Σ λ_k (⟨P_k, C_k⟩ − ε H(P_k)) of the support before the step. */
  objective: number;
  /** How far the step moves the support: root of the mean squared distance, over the root of the largest cost at the start. */
  movement: number;
}

/** What {@linkcode freeSupportBarycenter} found: a support, its plans, and how far it is from a fixed point. */
export class FreeBarycenterResult {
  /** The support `[m, d]`. It can be differentiated by the measures' points and masses too: through all steps, each of them implicitly. */
  readonly support: Tensor;
  /** The entropic transport from the support to each measure, with its own certificate. */
  readonly transports: readonly SinkhornResult[];
  /** Σ λ_k ⟨P_k, C_k⟩. */
  readonly cost: number;
  /** Σ λ_k (⟨P_k, C_k⟩ − ε H(P_k)), which is minimized. Not convex in the support: a stationary point, which depends on the start. */
  readonly objective: number;
  /**
   * The objective as a tensor of one number, to differentiate by the measures' points and by masses, `weights` and `epsilon` (the largest cost counting
   * as a constant) that were given as tensors: at the support found, which is exact where it is stationary, so take small tolerances.
   */
  readonly value: Tensor;
  /** ε in the cost's unit. */
  readonly epsilon: number;
  /** How far the next step would move the support, as in the history: 0 at a stationary point. */
  readonly movement: number;
  /** Largest marginal error of the plans. */
  readonly marginalError: number;
  /** Steps measured. */
  readonly iterations: number;
  /** Whether the movement went below the tolerance, with every transport converged. */
  readonly converged: boolean;
  /** Every step. */
  readonly history: readonly FreeBarycenterProgress[];

  /** Puts a result together; it takes the support and the transports over. */
  constructor(
    fields: Pick<
      FreeBarycenterResult,
      "support" | "value" | "transports" | "cost" | "objective" | "epsilon" | "movement" | "converged" | "history"
    >,
  ) {
    this.support = fields.support;
    this.value = fields.value;
    this.transports = fields.transports;
    this.cost = fields.cost;
    this.objective = fields.objective;
    this.epsilon = fields.epsilon;
    this.movement = fields.movement;
    this.converged = fields.converged;
    this.history = fields.history;
    this.iterations = fields.history.length;
    this.marginalError = Math.max(...fields.transports.map((t) => t.marginalError));
  }

  /** Frees the support and the transports. */
  dispose(): void {
    this.support.dispose();
    this.value.dispose();
    for (const t of this.transports) t.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    return [
      ["Σ λ ⟨P, C⟩", this.cost.toPrecision(6)],
      ["objective", this.objective.toPrecision(6)],
      ["movement", this.movement.toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["ε", this.epsilon.toPrecision(4)],
      ["support", `[${this.support.shape.join(", ")}] of ${this.transports.length} measures`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("FreeBarycenterResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}
