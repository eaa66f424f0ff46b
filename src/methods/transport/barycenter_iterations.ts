import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Pair } from "./problem.ts";
import type { Side } from "./geometry.ts";
import type { IteratedGeometry } from "./grid_products.ts";

/** One measurement of the marginal errors. */
export interface BarycenterProgress {
  /** Iterations so far. */
  iteration: number;
  /** Largest L1 error of a plan's row sums against its distribution; their column sums agree after each iteration. */
  error: number;
}

/** Where the iterations ended. */
export interface BarycenterState {
  /** Potentials of each plan; those of the columns sum to 0 under λ. */
  readonly pairs: readonly Pair[];
  /** log b `[m]`. */
  readonly logB: Tensor;
  readonly iterations: number;
  readonly converged: boolean;
  readonly error: number;
  readonly history: BarycenterProgress[];
}

/** How to iterate. */
export interface BarycenterSettings {
  readonly epsilon: number;
  /** Largest cost: sets the quantum of the potentials' coarse parts. */
  readonly largest: number;
  readonly maxIterations: number;
  /** Marginal error to stop at. */
  readonly target: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BarycenterProgress) => void;
}

/** Iterations from logarithms of sums; afterwards the marginals themselves are corrected, which keeps more digits. */
const WARM_UP = 2;
const FIRST_CHECK = 10;

/**
 * Iterative Bregman projections for the barycenter: in turn the plans take their distributions as row sums, and the geometric mean, weighted by
 * λ, of their column sums as column sums. In the log domain, with potentials in two parts as `sinkhorn` has them. Source: Benamou, Carlier, Cuturi,
 * Nenna and Peyré, "Iterative Bregman Projections for Regularized Transportation Problems" (2015), proposition 2.
 *
 * @param inputs Distributions `[n]`, one total.
 * @param lambda Weights of the distributions, of sum 1.
 */
export async function iterateBarycenter(
  geometry: IteratedGeometry,
  inputs: readonly Tensor[],
  lambda: readonly number[],
  settings: BarycenterSettings,
): Promise<BarycenterState> {
  const { epsilon, maxIterations, target, signal, onProgress } = settings, like = inputs[0];
  const quantum = 2 ** (Math.ceil(Math.log2(Math.max(settings.largest, epsilon, Number.MIN_VALUE))) - 12);
  const now = (formula: string, values: Record<string, Tensor | number>) => {
    const t = Tensor.map(formula, values);
    void t.value;
    return t;
  };
  const zeros = (count: number) =>
    Tensor.of(
      like.device,
      like.dtype === "f64" ? new Float64Array(count) : new Float32Array(count),
      [count],
      like.dtype,
    );
  const zero = (count: number) => ({ coarse: zeros(count), fine: zeros(count) });
  /** A potential from its total in units of ε over what its old coarse part is. */
  const split = (total: Tensor, coarse: Tensor | 0, weight: Tensor | 1) => ({
    coarse: now("a > 0 ? F + round(t * eps / quantum) * quantum : -inf", {
      a: weight,
      t: total,
      F: coarse,
      eps: epsilon,
      quantum,
    }),
    fine: now("a > 0 ? t - round(t * eps / quantum) * quantum / eps : 0", {
      a: weight,
      t: total,
      eps: epsilon,
      quantum,
    }),
  });
  const logMarginal = (side: Side, { f, g }: Pair, warm: boolean): Tensor =>
    warm
      ? geometry.logSum(side, side === "rows" ? g : f, epsilon)
      : now("log(clamp(s, 1e-35, 1e35))", { s: geometry.marginal(side, f, g, epsilon) });
  const step = (pairs: readonly Pair[], warm: boolean): { pairs: Pair[]; logB: Tensor } => {
    const rowsDone = pairs.map((pair, k) => {
      const s = logMarginal("rows", pair, warm), a = inputs[k];
      const total = now(warm ? "a > 0 ? log(a) - s : 0" : "a > 0 ? p + log(a) - s : 0", { a, s, p: pair.f.fine });
      return { f: split(total, warm ? 0 : pair.f.coarse, a), g: pair.g };
    });
    const sums = rowsDone.map((pair) => logMarginal("columns", pair, warm));
    const logB = sums.map((s, k) => s.mul(lambda[k])).reduce((x, y) => now("x + y", { x, y }));
    return {
      logB,
      pairs: rowsDone.map(({ f, g }, k) => {
        const total = now(warm ? "b - s" : "q + b - s", { b: logB, s: sums[k], q: g.fine });
        return { f, g: split(total, warm ? 0 : g.coarse, 1) };
      }),
    };
  };
  let state: { pairs: Pair[]; logB: Tensor } = {
    pairs: inputs.map(() => ({ f: zero(geometry.n), g: zero(geometry.m) })),
    logB: zeros(geometry.m),
  };
  const free = ({ pairs, logB }: typeof state) => {
    logB.dispose();
    for (const { f, g } of pairs) for (const t of [f.coarse, f.fine, g.coarse, g.fine]) t.dispose();
  };
  const history: BarycenterProgress[] = [];
  let iteration = 0;
  try {
    for (let next = Math.min(FIRST_CHECK, maxIterations);;) {
      for (; iteration < next; iteration++) {
        const from = state;
        // What a step returns is its own: f and g of before are not among it.
        state = await runScope(() => step(from.pairs, iteration < WARM_UP));
        free(from);
      }
      const { pairs } = state;
      const errors = await runScope(() =>
        Promise.all(pairs.map(({ f, g }, k) => {
          const s = geometry.marginal("rows", f, g, epsilon);
          return Tensor.reduce("sum", "abs(s - a)", { s, a: inputs[k] }).item();
        }))
      );
      const error = errors.reduce((x, y) => x >= y || Number.isNaN(x) ? x : y), progress = { iteration, error };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      const converged = error <= target;
      if (converged || iteration >= maxIterations) {
        return { ...state, iterations: iteration, converged, error, history };
      }
      next = Math.min(maxIterations, Math.max(iteration + FIRST_CHECK, Math.round(iteration * 1.25)));
    }
  } catch (error) {
    free(state);
    throw error;
  }
}
