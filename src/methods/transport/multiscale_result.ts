import { ExactResult } from "./exact_result.ts";
import type { LevelReport } from "./multiscale_simplex.ts";
import { resultBundle, resultText } from "./result_table.ts";

/**
 * What {@linkcode multiscale} found: as of `exact`, but `gap` is what the solver left, a bound in f64 of what the plan costs too much, and
 * `converged` says that it is within the tolerance.
 */
export class MultiscaleResult extends ExactResult {
  /** The levels as they were left, from the coarsest to the finest. */
  readonly history: readonly LevelReport[];
  /** `gap` as part of the cost; 0 where there is no gap beyond rounding. */
  readonly relativeGap: number;

  /** Puts a result together; `owned` is freed with it. */
  constructor(
    certificate: ExactResult["certificate"],
    fields: Pick<ExactResult, "value" | "potentials" | "plan" | "iterations" | "converged"> & {
      history: readonly LevelReport[];
    },
    owned: readonly Disposable[],
  ) {
    super(certificate, fields, owned);
    this.history = fields.history;
    const { gap, primal, rounding } = certificate;
    this.relativeGap = gap <= rounding ? 0 : gap / Math.abs(primal);
  }

  #lines(): [string, string][] {
    const [n, m] = this.plan.shape, sizes = this.history.map(({ rows, columns }) => `${rows} × ${columns}`);
    return [
      ["transport cost ⟨P, C⟩", this.cost.toPrecision(6)],
      ["primal − dual", `${this.gap.toExponential(1)}, ${this.relativeGap.toExponential(1)} of the cost`],
      ["dual violation", this.violation.toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["levels", sizes.join(", ")],
      ["plan", `${n} × ${m}, ${this.certificate.values.length} entries`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("MultiscaleResult", this.#lines());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#lines());
  }
}
