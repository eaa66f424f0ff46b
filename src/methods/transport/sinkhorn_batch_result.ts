import { dense, type LinearOperator } from "../../operators/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { ENTRY, withPotentials } from "./batch_geometry.ts";
import { batchWeightTensors } from "./batch_input.ts";
import type { Pair } from "./problem.ts";
import type { BatchWeights } from "./sinkhorn_batch.ts";
import type { ScalingState } from "./scaling_state.ts";
import type { SinkhornProgress } from "./sinkhorn_iterations.ts";
import type { Track } from "./scaling_iterations.ts";
import { firstOrder } from "./envelope.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** What {@linkcode sinkhornBatch} found, for each of `B` problems, with the certificates. */
export class SinkhornBatchResult {
  /** Transport costs ⟨P, C⟩, `[B]`. */
  readonly cost: Float64Array;
  /** Regularized primal values ⟨P, C⟩ − ε H(P), `[B]`. */
  readonly primal: Float64Array;
  /** Dual values ⟨a, f⟩ + ⟨b, g⟩ − ε ΣP, `[B]`. */
  readonly dual: Float64Array;
  /** Dual potentials f `[B, n]` and g `[B, m]` in the cost's unit; −∞ where a weight is zero. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** ε in the cost's unit, `[B]`. */
  readonly epsilon: Float64Array;
  /** Iterations done, `[B]`. */
  readonly iterations: Int32Array;
  /** Whether the marginal error went below the tolerance, `[B]`. */
  readonly converged: readonly boolean[];
  /** ‖P·1 − a‖₁, measured on the plan of the final potentials, `[B]`; the column sums are exact up to rounding. */
  readonly marginalError: Float64Array;
  /** Every measurement of each problem's marginal error. */
  readonly history: readonly (readonly SinkhornProgress[])[];
  #at: Pair;
  #C: Tensor;
  #eps: Tensor;
  #weights: { a: Tensor; b: Tensor };

  private constructor(
    fields: Pick<
      SinkhornBatchResult,
      | "cost"
      | "primal"
      | "dual"
      | "potentials"
      | "epsilon"
      | "iterations"
      | "converged"
      | "marginalError"
      | "history"
    >,
    kept: { at: Pair; C: Tensor; eps: Tensor; weights: { a: Tensor; b: Tensor } },
  ) {
    this.cost = fields.cost;
    this.primal = fields.primal;
    this.dual = fields.dual;
    this.potentials = fields.potentials;
    this.epsilon = fields.epsilon;
    this.iterations = fields.iterations;
    this.converged = fields.converged;
    this.marginalError = fields.marginalError;
    this.history = fields.history;
    this.#at = kept.at;
    this.#C = kept.C;
    this.#eps = kept.eps;
    this.#weights = kept.weights;
  }

  /** Measures the values at the end of the iterations. Takes over the costs if they are `owned`. */
  static from(
    C: Tensor,
    owned: boolean,
    state: ScalingState,
    tracks: readonly Track[],
    weights: { a?: BatchWeights; b?: BatchWeights },
  ): SinkhornBatchResult {
    const [B, n, m] = C.shape, { epsilons, rows, columns, measured } = state, at = state.pair();
    const eps = state.tensor(epsilons, [B, 1]);
    const cost = new Float64Array(B), dual = new Float64Array(B), primal = new Float64Array(B);
    for (let k = 0; k < B; k++) {
      // Sums in f64; log P = (f + g − C)/ε gives the primal value, as in `SinkhornResult`.
      const epsilon = epsilons[k];
      let left = 0, right = 0, own = 0, mass = 0;
      for (let i = 0; i < n; i++) {
        const weight = rows.weights[k * n + i], sum = measured[2 * k * n + i];
        cost[k] += measured[(2 * k + 1) * n + i];
        mass += sum;
        if (!(weight > 0)) continue;
        const f = rows.packed[(3 * k + 1) * n + i] + epsilon * rows.packed[(3 * k + 2) * n + i];
        left += weight * f;
        own += sum * f;
      }
      for (let j = 0; j < m; j++) {
        const weight = columns.weights[k * m + j];
        if (!(weight > 0)) continue;
        right += weight * (columns.packed[(3 * k + 1) * m + j] + epsilon * columns.packed[(3 * k + 2) * m + j]);
      }
      dual[k] = left + right - epsilon * mass;
      primal[k] = own + right - epsilon * mass;
    }
    const failed = tracks.filter((t) => !t.converged);
    if (failed.length > 0) {
      console.warn(
        `sinkhornBatch stopped ${failed.length} of ${B} problems after ${
          largest(failed.map((t) => t.iterations))
        } iterations with marginal errors up to ${largest(failed.map((t) => t.error)).toExponential(1)}: ` +
          "try more maxIterations, a larger epsilon or tolerance",
      );
    }
    const whole = ({ coarse, fine }: Pair["f"]) => {
      const f = Tensor.map("F + eps * p", { F: coarse, p: fine, eps });
      void f.value;
      return f;
    };
    return new SinkhornBatchResult({
      cost,
      primal,
      dual,
      potentials: [whole(at.f), whole(at.g)],
      epsilon: epsilons,
      iterations: Int32Array.from(tracks, (t) => t.iterations),
      converged: tracks.map((t) => t.converged),
      marginalError: Float64Array.from(tracks, (t) => t.error),
      history: tracks.map((t) => t.history),
    }, {
      at,
      C: owned ? C : C.slice(null),
      eps,
      weights: batchWeightTensors(weights, {
        a: state.tensor(rows.weights, [B, n]),
        b: state.tensor(columns.weights, [B, m]),
      }),
    });
  }

  /** The plans P = exp((f + g − C)/ε), `[B, n, m]`. */
  plans(): Tensor {
    return withPotentials(this.#at, this.#eps, (inputs) => {
      const P = Tensor.map(ENTRY, { C: this.#C, ...inputs });
      void P.value;
      return P;
    });
  }

  /** The plan of one problem as an operator `[n, m]`. */
  plan(k: number): LinearOperator {
    const B = this.#C.shape[0];
    if (!Number.isInteger(k) || k < 0 || k >= B) {
      throw new RangeError(`Expected a problem from 0 to ${B - 1}, got ${k}`);
    }
    const own = (t: Tensor) => t.slice([k, k + 1]);
    const { f, g } = this.#at;
    const at = { f: { coarse: own(f.coarse), fine: own(f.fine) }, g: { coarse: own(g.coarse), fine: own(g.fine) } };
    using C = own(this.#C);
    using eps = own(this.#eps);
    const P = withPotentials(at, eps, (inputs) => {
      using one = Tensor.map(ENTRY, { C, ...inputs });
      return one.reshape(C.shape.slice(1));
    });
    for (const t of [at.f.coarse, at.f.fine, at.g.coarse, at.g.fine]) t.dispose();
    return dense(P);
  }

  /**
   * The dual values as a tensor `[B]`, to differentiate by points or costs and by weights given as tensors (with the totals held): at fixed potentials, which is
   * exact at the solution (the envelope theorem; Peyré and Cuturi, "Computational Optimal Transport", 2019, section 9.1). In second derivatives the
   * potentials would move: those are refused with a `TypeError`.
   */
  async value(): Promise<Tensor> {
    const { f, g } = this.#at, { a, b } = this.#weights;
    const side = (w: Tensor, { coarse, fine }: Pair["f"]) =>
      Tensor.reduce("sum", "w > 0 ? w * (F + eps * p) : 0", { w, F: coarse, p: fine, eps: this.#eps }, 1);
    using left = side(a, f);
    using right = side(b, g);
    using mass = withPotentials(
      this.#at,
      this.#eps,
      (inputs) => Tensor.reduce("sum", ENTRY, { C: this.#C, ...inputs }, [1, 2]),
    );
    using eps = this.#eps.reshape([this.#eps.shape[0]]);
    const value = Tensor.map("s + t - eps * mass", { s: left, t: right, eps, mass });
    void value.value;
    return await firstOrder("sinkhornBatch", value);
  }

  /** Frees the potentials and what the plans read. */
  dispose(): void {
    const { f, g } = this.#at, { a, b } = this.#weights;
    for (const t of [f.coarse, f.fine, g.coarse, g.fine, this.#C, this.#eps, a, b]) t.dispose();
    for (const t of this.potentials) t.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    const { cost, iterations, converged, marginalError } = this, B = cost.length;
    if (B === 0) return [["problems", "0"]];
    const done = converged.filter((c) => c).length;
    return [
      ["problems", `${B}${done === B ? "" : ` (${B - done} not converged)`}`],
      ["transport cost ⟨P, C⟩", `${smallest(cost).toPrecision(4)} … ${largest(cost).toPrecision(4)}`],
      ["largest marginal error", largest(marginalError).toExponential(1)],
      ["iterations", `${smallest(iterations)} … ${largest(iterations)}`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("SinkhornBatchResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}

/** Of any number of numbers. */
function largest(values: Iterable<number>): number {
  let found = -Infinity;
  for (const v of values) found = Math.max(found, v);
  return found;
}

function smallest(values: Iterable<number>): number {
  let found = Infinity;
  for (const v of values) found = Math.min(found, v);
  return found;
}
