import type { LinearOperator } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import type { Joined } from "./differentiate.ts";
import type { Potential, SolutionGeometry } from "./geometry.ts";
import type { Problem } from "./problem.ts";
import type { SinkhornForm } from "./sinkhorn_form.ts";
import { marginalRounding } from "./sinkhorn_limits.ts";
import type { SinkhornProgress, SinkhornState } from "./sinkhorn_iterations.ts";
import { resultBundle, resultText } from "./result_table.ts";

/** What {@linkcode sinkhorn} found, with its certificate: the marginal error measured at the end, and the duality gap. */
export class SinkhornResult {
  /** Transport cost ⟨P, C⟩, without the entropy. */
  readonly cost: number;
  /** Regularized primal value ⟨P, C⟩ − ε H(P), H(P) = −Σ P (log P − 1). */
  readonly primal: number;
  /** Dual value ⟨a, f⟩ + ⟨b, g⟩ − ε ΣP; equal to the primal value at the solution. */
  readonly dual: number;
  /**
   * The dual value as a tensor of one number, to differentiate: by points, cost matrix, weights (with the total held) and `epsilon`. Its
   * gradient is that at fixed potentials, exact at the solution and as cheap as an iteration; the potentials' own, and that of what is made of
   * them (`potentials`, `transportCost`, products of `plan`), solves a linear system by streaming products.
   *
   * @example
   * ```ts
   * import { grad, open, type Tensor, transport } from "@denovo/denovo";
   * await using gpu = await open({ backend: "cpu" });
   * const y = gpu.random.normal([60, 2], { seed: 2 });
   * const toY = async (x: Tensor) => (await transport.sinkhorn(x, y, { epsilon: 0.5, epsilonScale: "absolute" })).value;
   * const downhill = await grad(toY)(gpu.random.normal([50, 2], { seed: 1 })); // [50, 2]
   * ```
   */
  readonly value: Tensor;
  /** Dual potentials f `[n]` and g `[m]` in the cost's unit; −∞ where a weight is zero. Determined up to a constant. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** The plan P = exp((f + g − C)/ε) as an operator `[n, m]`. */
  readonly plan: LinearOperator;
  /** ε in the cost's unit. */
  readonly epsilon: number;
  /** Iterations done; in each both potentials are renewed once. */
  readonly iterations: number;
  /** Whether the marginal error went below the tolerance. */
  readonly converged: boolean;
  /** ‖P·1 − a‖₁, measured; the column sums are exact up to rounding after each iteration. */
  readonly marginalError: number;
  /** The form of the iterations; of `sinkhornGrid` it is `separable` or `kernel`. */
  readonly form: SinkhornForm | "separable";
  /**
   * How far the measured error may be from that of the same potentials in exact arithmetic: what rounding of costs and exponentials
   * can do in this dtype. It grows as ⟨P, C⟩/ε: where it is above the tolerance, take f64 (on the CPU device) or a larger ε.
   */
  readonly marginalRounding: number;
  /** Every measurement of the marginal error. */
  readonly history: readonly SinkhornProgress[];
  #owned: readonly { dispose(): void }[];
  #rowCosts: () => Tensor;

  private constructor(
    fields: Omit<SinkhornResult, "dispose" | "transportCost" | typeof Symbol.dispose>,
    owned: readonly { dispose(): void }[],
    rowCosts: () => Tensor,
  ) {
    this.#rowCosts = rowCosts;
    this.value = fields.value;
    this.cost = fields.cost;
    this.primal = fields.primal;
    this.dual = fields.dual;
    this.potentials = fields.potentials;
    this.plan = fields.plan;
    this.epsilon = fields.epsilon;
    this.iterations = fields.iterations;
    this.converged = fields.converged;
    this.marginalError = fields.marginalError;
    this.marginalRounding = fields.marginalRounding;
    this.form = fields.form;
    this.history = fields.history;
    this.#owned = owned;
  }

  /** Measures the values at the end of the iterations; `owned` are tensors that the plan reads. */
  static async from(
    geometry: SolutionGeometry,
    state: SinkhornState & {
      form: SinkhornForm | "separable";
      rounding: { magnitude: number; signed: boolean; roundings: number };
    },
    weights: { a: Float64Array; b: Float64Array },
    problem: Problem,
    owned: readonly { dispose(): void }[],
    join: (value: Tensor) => Promise<Joined>,
  ): Promise<SinkhornResult> {
    const epsilon = problem.epsilon instanceof Tensor ? await problem.epsilon.item() : problem.epsilon;
    const { f, g } = stopGradient({ f: state.f, g: state.g });
    const read = (ts: readonly Tensor[]) => Promise.all(ts.map((t) => t.data()));
    const measure = async () => {
      using costs = geometry.rowCost(f, g, epsilon);
      using masses = geometry.marginal("rows", f, g, epsilon);
      const [cost, mass] = await read([costs, masses]);
      return { cost, mass };
    };
    const [{ cost: rowCost, mass: rowMass }, [F, p, G, q]] = await Promise.all([
      state.rows ?? measure(),
      read([f.coarse, f.fine, g.coarse, g.fine]),
    ]);
    // Sums in f64: the device's rows are accurate, a long f32 sum of them would not be.
    const value = (coarse: ArrayLike<number>, fine: ArrayLike<number>, by: ArrayLike<number>) => {
      let s = 0;
      for (let k = 0; k < by.length; k++) if (by[k] > 0) s += by[k] * (coarse[k] + epsilon * fine[k]);
      return s;
    };
    const total = (v: ArrayLike<number>) =>
      Array.prototype.reduce.call(v, (s, x) => (s as number) + (x as number), 0) as number;
    const cost = total(rowCost), mass = total(rowMass);
    // log P = (f + g − C)/ε, so ε ΣP(log P − 1) = ⟨P·1, f⟩ + ⟨Pᵀ·1, g⟩ − ⟨P, C⟩ − ε ΣP; the columns of P sum to b.
    const dual = value(F, p, weights.a) + value(G, q, weights.b) - epsilon * mass;
    const primal = value(F, p, rowMass) + value(G, q, weights.b) - epsilon * mass;
    if (!state.converged) {
      console.warn(
        `sinkhorn stopped after ${state.iterations} iterations with a marginal error of ${
          state.error.toExponential(1)
        }: ` +
          "try more maxIterations, a larger epsilon or tolerance",
      );
    }
    const { device, dtype } = f.coarse;
    using number = Tensor.of(device, dtype === "f64" ? Float64Array.of(dual) : Float32Array.of(dual), [], dtype);
    const joined = await join(number.add(0));
    const whole = ({ coarse, fine }: Potential) => {
      const flat = Tensor.map("F + eps * p", { F: coarse, p: fine, eps: problem.epsilon });
      if (!problem.shape) return flat;
      using own = flat;
      return own.reshape(problem.shape);
    };
    const potentials: [Tensor, Tensor] = [whole(joined.f), whole(joined.g)];
    // −∞, where a weight is zero, times an entry of 0 would be NaN in the derivative by ε.
    const finite = ({ coarse, fine }: Potential) => ({ coarse: Tensor.map("max(F, -1e30)", { F: coarse }), fine });
    const own = problem.geometryOf(problem.cost), at = { f: finite(joined.f), g: finite(joined.g) };
    return new SinkhornResult({
      value: joined.value,
      cost,
      primal,
      dual,
      potentials,
      plan: own.plan(at.f, at.g, problem.epsilon),
      epsilon,
      iterations: state.iterations,
      converged: state.converged,
      marginalError: state.error,
      marginalRounding: marginalRounding({
        cost: state.rounding.signed ? state.rounding.magnitude * mass : cost,
        roundings: state.rounding.roundings,
        epsilon,
        total: mass,
        pairs: geometry.n * geometry.m,
        dtype,
      }),
      form: state.form,
      history: state.history,
    }, [
      ...potentials,
      joined.value,
      at.f.coarse,
      at.g.coarse,
      ...[f, g, joined.f, joined.g, state.f, state.g].flatMap(({ coarse, fine }) => [coarse, fine]),
      ...owned,
    ], () => own.rowCost(at.f, at.g, problem.epsilon));
  }

  /** The transport cost ⟨P, C⟩ as a tensor of one number, to differentiate; see {@linkcode SinkhornResult.value}. */
  transportCost(): Tensor {
    using rows = this.#rowCosts();
    return rows.sum();
  }

  /** Frees the potentials and what the plan reads. */
  dispose(): void {
    this.plan.dispose();
    for (const part of this.#owned) part.dispose();
  }

  /** `using result = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #rows(): [string, string][] {
    return [
      ["transport cost ⟨P, C⟩", this.cost.toPrecision(6)],
      ["primal − dual", (this.primal - this.dual).toExponential(1)],
      ["marginal error (L1)", `${this.marginalError.toExponential(1)} ± ${this.marginalRounding.toExponential(0)}`],
      ["iterations", `${this.iterations}${this.converged ? "" : " (not converged)"}`],
      ["form", this.form],
      ["ε", this.epsilon.toPrecision(4)],
      ["plan", `${this.plan.shape[0]} × ${this.plan.shape[1]}, not stored`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("SinkhornResult", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}
