import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type MatrixLike, singleAction } from "./action.ts";
import { eigenResiduals } from "./eigen_result.ts";
import { onConstants } from "./implicit.ts";
import { nextCheck } from "./next_check.ts";
import { type IterationOptions, type IterationProgress, requireIteration } from "./options.ts";
import { requireFinite } from "./system.ts";
import { advance, computed, dots, drawn, free, norms, seedOf, toHost } from "./vectors.ts";

/** Options of {@linkcode powerIteration}. */
export interface PowerIterationOptions extends IterationOptions {
  /** Where to start, `[n]`. Default: random numbers. */
  start?: Tensor;
  /** Seed of the start; see `gpu.random`. Default 0. */
  seed?: number;
  /** Products before giving up. Default 1,000. */
  maxIterations?: number;
}

/** A dominant eigenpair. */
export interface PowerIteration {
  /** The eigenvalue as the Rayleigh quotient vᵀAv, `[]`. */
  readonly value: Tensor;
  /** The eigenvector of norm 1, `[n]`. */
  readonly vector: Tensor;
  /** Whether ‖A·v − λ·v‖ ≤ tolerance·|λ|, computed anew and with what it may be wrong by. */
  readonly converged: boolean;
  /** Products with the matrix. */
  readonly iterations: number;
  /** ‖A·v − λ·v‖ / |λ|, computed anew; 0 where A·v = 0. */
  readonly residual: number;
  /** Every measurement. */
  readonly history: readonly IterationProgress[];
}

/**
 * The eigenvalue of largest magnitude of a square matrix `[n, n]` or operator, with its vector, by repeated products. It converges like
 * |λ₂/λ₁|ⁱ, and not at all where these are equal or a complex pair: then `converged` is false. Differentiable steps are not kept: value
 * and vector carry no gradient. Source: Golub & Van Loan, Matrix Computations (2013), section 7.3.1.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { value } = await linalg.powerIteration(gpu.tensor([[2, 1], [1, 2]]));
 * console.log((await value.item()).toFixed(3)); // 3.000
 * ```
 */
export async function powerIteration(a: MatrixLike, options: PowerIterationOptions = {}): Promise<PowerIteration> {
  return await onConstants(a, (a) => found(a, options));
}

async function found(a: MatrixLike, options: PowerIterationOptions): Promise<PowerIteration> {
  const action = singleAction(a, "powerIteration", { square: true }),
    n = action.columns,
    { start, signal, onProgress } = options;
  if (n === 0) throw new RangeError("Expected a matrix with rows for powerIteration, got [0, 0]");
  const { tolerance, maxIterations } = requireIteration(options, action.dtype, 1000);
  if (action.matrix) await requireFinite(action.matrix, "powerIteration: an element of the matrix");
  if (start && (!(start instanceof Tensor) || start.shape.join() !== `${n}` || start.dtype !== action.dtype)) {
    throw new TypeError(`Expected "start" to be [${n}] ${action.dtype}`);
  }
  signal?.throwIfAborted();
  const seed = seedOf(options.seed ?? 0), history: IterationProgress[] = [];
  const unit = (x: Tensor) => Tensor.map("n > 0 ? x / n : 0 * x", { x, n: norms(x) });
  type State = { v: Tensor; y: Tensor };
  const renewed = (y: Tensor, v: Tensor): State => {
    // A product of 0 ends it: v is an eigenvector for 0.
    const next = computed(Tensor.map("n > 0 ? u : v", { u: unit(y), v, n: norms(y) }));
    return { v: next, y: action.apply(next) };
  };
  let state = await advance<State>({} as State, () => {
    const x = start ? start.reshape([n, 1]) : drawn(action.device, "normal", [n, 1], seed, action.dtype);
    const v = computed(unit(x));
    return { v, y: action.apply(v) };
  });
  let iteration = 1, next = Math.min(10, maxIterations);
  try {
    for (;;) {
      for (; iteration < next; iteration++) state = await advance<State>(state, ({ v, y }) => renewed(y, v));
      const [value, rest] = await runScope(async () => {
        const theta = dots(state.v, state.y), r = Tensor.map("y - l * v", { ...state, l: theta });
        return (await Promise.all([theta, norms(r)].map(toHost))).map((t) => t[0]);
      });
      if (!Number.isFinite(rest)) throw new RangeError("powerIteration: a product with the matrix is not finite");
      const residual = rest === 0 ? 0 : rest / Math.abs(value), progress = { iteration, residual };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      if (residual <= tolerance / 2 || iteration >= maxIterations) {
        const found = await runScope(async () => {
          const theta = dots(state.v, state.y).reshape([1]),
            { norms: r, errors } = await eigenResiduals(action, state.v, theta);
          return { value: theta.reshape([]), vector: state.v.reshape([n]), r: r[0], error: errors[0] };
        });
        const size = Math.abs(value),
          converged = found.r + found.error <= tolerance * size || (found.r === 0 && found.error === 0);
        if (converged || iteration >= maxIterations) {
          const last = found.r === 0 ? 0 : found.r / size;
          if (!converged) {
            console.warn(
              `powerIteration stopped after ${iteration} products with a residual of ${last.toExponential(1)}: ` +
                "try more maxIterations or a larger tolerance; eigenvalues of like magnitude need lanczos or lobpcg",
            );
          }
          return {
            value: found.value,
            vector: found.vector,
            converged,
            iterations: iteration,
            residual: last,
            history,
          };
        }
        found.value.dispose();
        found.vector.dispose();
      }
      next = Math.min(maxIterations, Math.max(iteration + 1, nextCheck(history, 0, tolerance / 4)));
    }
  } finally {
    free(state);
  }
}
