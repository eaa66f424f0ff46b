import { type LowRankFields, LowRankResult } from "./low_rank_result.ts";

/** What {@linkcode lowRankGromovWasserstein} found: a feasible plan of low rank, and how near to a stationary point it is. */
export class LowRankGromovResult extends LowRankResult {
  /**
   * The distortion Σ (C1_ik − C2_jl)² P_ij P_kl (fused: with the linear cost) of the plan, without the entropies, by the costs as they were given:
   * an upper bound of the least one, as far as `marginalError` allows. It is a difference of larger numbers, `scale`, with their rounding.
   */
  declare readonly cost: number;
  /** The size of the terms that `cost` is the sum of: Σ C1² + Σ C2² under the weights. */
  readonly scale: number;
  /** Bounds of ‖C − Ĉ‖₂ / ‖C‖₂ for the costs C1 and C2 and what the steps took for them: 0 unless `costRank` was given. */
  readonly costErrors: readonly [number, number];

  /** Puts a result together; it owns the value, the plan and the factors. */
  constructor(fields: LowRankFields & Pick<LowRankGromovResult, "scale" | "costErrors">) {
    super("LowRankGromovResult", fields);
    this.scale = fields.scale;
    this.costErrors = fields.costErrors;
  }

  /** The lines that it is shown by. */
  protected override rows(): [string, string][] {
    const [, ...rest] = super.rows(), off = Math.max(...this.costErrors);
    return [
      ["distortion", `${this.cost.toPrecision(6)} of ${this.scale.toPrecision(4)}`],
      ...rest,
      ...(off > 0 ? [["costs factored, error", off.toExponential(1)] as [string, string]] : []),
    ];
  }
}
