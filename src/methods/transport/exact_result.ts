import type { LinearOperator } from "../../operators/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { ExactCertificate } from "./exact_certificate.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** What {@linkcode exact} found, with its certificate: a plan, and potentials that prove that no other plan costs less. */
export class ExactResult {
  /** Transport cost ⟨P, C⟩. */
  readonly cost: number;
  /** The same as `cost`: the value of the problem's objective. */
  readonly primal: number;
  /** Dual value ⟨a, f⟩ + ⟨b, g⟩ of potentials that are allowed up to `violation`: a lower bound of every plan's cost. */
  readonly dual: number;
  /** `primal − dual`: how far from optimal the plan can be at most; a rounding error where `converged`. */
  readonly gap: number;
  /** Largest f_i + g_j − C_ij, or 0. */
  readonly violation: number;
  /** The cost as a tensor of one number, to differentiate by points, cost matrix and weights: see {@linkcode exact}. */
  readonly value: Tensor;
  /** Dual potentials f `[n]` and g `[m]` in the cost's unit, with ⟨a, f⟩ = ⟨b, g⟩; those of points without weight are allowed ones. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** The plan as a sparse operator `[n, m]` of at most n + m − 1 entries. */
  readonly plan: LinearOperator;
  /** Plan, potentials and measurements in f64 on the host. */
  readonly certificate: ExactCertificate;
  /** Pivots done. */
  readonly iterations: number;
  /** Whether the plan is proved optimal: no arc improves it, and the gap is no more than rounding in f64. */
  readonly converged: boolean;
  /** ‖P·1 − a‖₁ + ‖Pᵀ·1 − b‖₁, measured. */
  readonly marginalError: number;
  #owned: readonly Disposable[];

  /** Puts a result together; `owned` is freed with it. */
  constructor(
    certificate: ExactCertificate,
    fields: Pick<ExactResult, "value" | "potentials" | "plan" | "iterations" | "converged">,
    owned: readonly Disposable[],
  ) {
    this.certificate = certificate;
    this.cost = this.primal = certificate.primal;
    this.dual = certificate.dual;
    this.gap = certificate.gap;
    this.violation = certificate.violation;
    this.marginalError = certificate.marginalError;
    this.value = fields.value;
    this.potentials = fields.potentials;
    this.plan = fields.plan;
    this.iterations = fields.iterations;
    this.converged = fields.converged;
    this.#owned = owned;
  }

  /** Frees plan, potentials and value. */
  dispose(): void {
    for (const part of this.#owned) part[Symbol.dispose]();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    const [n, m] = this.plan.shape;
    return [
      ["transport cost ⟨P, C⟩", this.cost.toPrecision(6)],
      ["primal − dual", this.gap.toExponential(1)],
      ["dual violation", this.violation.toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["pivots", `${this.iterations}${this.converged ? "" : " (not optimal)"}`],
      ["plan", `${n} × ${m}, ${this.certificate.values.length} entries`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("ExactResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}
