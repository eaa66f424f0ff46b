import { type LinearOperator, lowRank } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { Descent, LowRankProgress } from "./low_rank_descent.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** What is known of a low-rank plan. */
export type LowRankFields = Pick<
  LowRankResult,
  | "cost"
  | "objective"
  | "value"
  | "plan"
  | "factors"
  | "marginalError"
  | "stationarity"
  | "iterations"
  | "converged"
  | "history"
  | "starts"
>;

/** The plan of a descent with its errors; its factors are taken over. */
export async function measurePlan(
  name: string,
  descent: Descent,
  { a, b }: { a: Tensor; b: Tensor },
): Promise<Pick<LowRankFields, "plan" | "factors" | "marginalError">> {
  const { factors: logs, converged, iterations, stationarity } = descent;
  const factors = { q: logs.q.exp(), r: logs.r.exp(), g: logs.g.exp() };
  for (const t of Object.values(factors)) void t.value;
  for (const t of [logs.q, logs.r, logs.g]) t.dispose();
  const left = factors.q.div(factors.g), plan = lowRank(left, factors.r, { owns: [left] });
  const off = async (side: "apply" | "applyTransposed", other: Tensor, want: Tensor) => {
    using one = Tensor.map("0 * w + 1", { w: other });
    using sums = plan[side](one);
    using error = Tensor.reduce("sum", "abs(s - w)", { s: sums, w: want });
    return await error.item();
  };
  const errors = await Promise.all([off("apply", b, a), off("applyTransposed", a, b)]);
  if (!converged) {
    console.warn(
      `${name} stopped after ${iterations} iterations with a stationarity of ${stationarity.toExponential(1)}: ` +
        "try more maxIterations, another step or a larger tolerance",
    );
  }
  return { plan, factors, marginalError: errors[0] + errors[1] };
}

/** What a low-rank solver found: a feasible plan of low rank, and how near to a stationary point it is. */
export class LowRankResult {
  /** Transport cost ⟨P, C⟩, without the entropies: an upper bound of the optimal one, as far as `marginalError` allows. */
  readonly cost: number;
  /** What was minimized: `cost` − ε (H(Q) + H(R) + H(g)). */
  readonly objective: number;
  /**
   * The objective as a tensor of one number, to differentiate by points or cost (also by what a cost operator is made of), by weights given as tensors
   * (with the total held) and by `epsilon`: at held factors, which is exact where they are stationary, so take a small tolerance; by the
   * cost the derivative is the plan. It is that of this stationary point, not of the least value.
   */
  readonly value: Tensor;
  /** The plan P = Q diag(1/g) Rᵀ as an operator `[n, m]` of rank r. */
  readonly plan: LinearOperator;
  /** The factors Q `[n, r]`, R `[m, r]` and g `[r]`. */
  readonly factors: { q: Tensor; r: Tensor; g: Tensor };
  /** ‖P·1 − a‖₁ + ‖Pᵀ·1 − b‖₁, measured by products with the plan. */
  readonly marginalError: number;
  /**
   * (KL(ζ, ζ') + KL(ζ', ζ)) / (step · mass) for the last two points ζ, ζ' of the factors: 0 at a stationary point. The problem is not
   * convex, so nothing better is certified: there is no dual value and no gap.
   */
  readonly stationarity: number;
  /** Steps done from the start that was kept. */
  readonly iterations: number;
  /** Whether `stationarity` went below the tolerance, with the row sums of the factors within the marginal tolerance. */
  readonly converged: boolean;
  /** Every step from the start that was kept. The objective does not rise but by rounding. */
  readonly history: readonly LowRankProgress[];
  /** The objective reached from every start. */
  readonly starts: readonly number[];

  #name: string;

  /** Puts a result together; it owns the plan and the factors. */
  protected constructor(name: string, fields: LowRankFields) {
    this.#name = name;
    this.cost = fields.cost;
    this.objective = fields.objective;
    this.value = fields.value;
    this.plan = fields.plan;
    this.factors = fields.factors;
    this.marginalError = fields.marginalError;
    this.stationarity = fields.stationarity;
    this.iterations = fields.iterations;
    this.converged = fields.converged;
    this.history = fields.history;
    this.starts = fields.starts;
  }

  /** A result of a transport problem. */
  static of(fields: LowRankFields): LowRankResult {
    return new LowRankResult("LowRankResult", fields);
  }

  /** Frees the factors and the plan. */
  dispose(): void {
    this.plan.dispose();
    this.value.dispose();
    for (const t of Object.values(this.factors)) t.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The lines that it is shown by. */
  protected rows(): [string, string][] {
    const [n, m] = this.plan.shape;
    return [
      ["cost", this.cost.toPrecision(6)],
      ["objective", this.objective.toPrecision(6)],
      ["stationarity", this.stationarity.toExponential(1)],
      ["marginal error (L1)", this.marginalError.toExponential(1)],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["plan", `${n} × ${m} of rank ${this.factors.g.shape[0]}, not stored`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText(this.#name, this.rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.rows());
  }
}
