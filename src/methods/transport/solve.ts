import type { LinearOperator } from "../../operators/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { exact } from "./exact.ts";
import { ExactResult } from "./exact_result.ts";
import { readArguments } from "./host_problem.ts";
import { multiscale } from "./multiscale.ts";
import { sinkhorn, type SinkhornOptions } from "./sinkhorn.ts";
import { type SinkhornNewtonResult, sinkhornNewtonSparse } from "./sinkhorn_newton_sparse.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";

/** Solvers behind {@linkcode solve}: `exact`, `multiscale`, `sinkhorn`, and `newton` for `sinkhornNewtonSparse`. */
export type TransportMethod = "exact" | "multiscale" | "sinkhorn" | "newton";

/** Options of {@linkcode solve}: those of `sinkhorn`, of which other methods refuse some; see {@linkcode REFUSED}. */
export interface TransportOptions extends Omit<SinkhornOptions, "onProgress"> {
  /** The solver; default `auto`. */
  method?: TransportMethod | "auto";
  /** Called now and then; `error` is the marginal error, if the method measures one on its way. */
  onProgress?: (progress: { iteration: number; error?: number }) => void;
}

/** What {@linkcode solve} found, whatever the method. */
export interface TransportResult extends Disposable {
  /** The method that was used. */
  readonly method: TransportMethod;
  /** Transport cost ⟨P, C⟩. */
  readonly cost: number;
  /** Value of the objective: `cost`, less ε H(P) where there is an ε. */
  readonly primal: number;
  /** Dual value. */
  readonly dual: number;
  /** `primal − dual`: near 0 at the solution. Of `exact` and `multiscale` a bound of what the plan costs too much. */
  readonly gap: number;
  /** The dual value (of `exact` and `multiscale` the cost) as a tensor of one number, to differentiate. */
  readonly value: Tensor;
  /** The plan `[n, m]`. */
  readonly plan: LinearOperator;
  /** Dual potentials f `[n]` and g `[m]`. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** ε in the cost's unit; 0 of `exact` and `multiscale`. */
  readonly epsilon: number;
  /** L1 error of the marginals, measured: of the rows, or of both sides (not `sinkhorn`). */
  readonly marginalError: number;
  /** Iterations or pivots. */
  readonly iterations: number;
  /** Whether the method reached its goal. */
  readonly converged: boolean;
  /** Every measurement of the marginal error; none of `exact` and `multiscale`. */
  readonly history: readonly { iteration: number; error: number }[];
  /** The method's own result, with all that it knows; it draws itself in a notebook. */
  readonly result: SinkhornResult | SinkhornNewtonResult | ExactResult;
  /** Frees it all. */
  dispose(): void;
}

/** An option that a method does not take. */
export interface RefusedOption {
  /** The method. */
  readonly method: TransportMethod;
  /** Its option. */
  readonly option: keyof TransportOptions;
  /** Why not, in words that end a sentence. */
  readonly why: string;
}

const UNREGULARIZED = "its problem has no regularization", ONE_WAY = "it has one way of its own";

/** Every option of {@linkcode solve} that a method refuses; all others work with all. */
export const REFUSED: readonly RefusedOption[] = [
  { method: "exact", option: "epsilon", why: UNREGULARIZED },
  { method: "exact", option: "epsilonScale", why: UNREGULARIZED },
  { method: "exact", option: "epsilonScaling", why: UNREGULARIZED },
  { method: "exact", option: "tolerance", why: "its plan has the weights as marginals" },
  { method: "exact", option: "form", why: ONE_WAY },
  { method: "exact", option: "potentials", why: "it starts from a plan" },
  { method: "exact", option: "differentiate", why: "its derivative is the plan" },
  { method: "multiscale", option: "epsilon", why: UNREGULARIZED },
  { method: "multiscale", option: "epsilonScale", why: UNREGULARIZED },
  { method: "multiscale", option: "epsilonScaling", why: UNREGULARIZED },
  { method: "multiscale", option: "form", why: ONE_WAY },
  { method: "multiscale", option: "potentials", why: "it starts from coarser levels" },
  { method: "multiscale", option: "differentiate", why: "its derivative is the plan" },
  { method: "newton", option: "epsilonScaling", why: "its warm-up does so already" },
  { method: "newton", option: "form", why: ONE_WAY },
  { method: "newton", option: "potentials", why: "it starts from Sinkhorn's iterations" },
  { method: "newton", option: "differentiate", why: "it is differentiated implicitly" },
];

/** Pairs up to which `auto` solves without regularization, with all costs and from coarse to fine, and by Newton's method. */
const EXACT_AT_MOST = 2 ** 24, MULTISCALE_AT_MOST = 2 ** 28, NEWTON_AT_MOST = 2 ** 20;
/** Tolerance below which Sinkhorn's iterations in f32 do not reach. */
const FINE = 1e-6;

/**
 * Optimal transport between two weighted point clouds, or for a cost matrix, by the solver that fits:
 *
 * - `exact`: the problem itself, no ε. A proof of optimality, a plan of at most n + m − 1 entries; on the host, for up to some thousand points.
 * - `multiscale`: the same between more points, to a gap that `tolerance` bounds as part of the cost; ten thousand points of the plane take some
 * seconds.
 * - `sinkhorn`: with an entropy, for any size: the more ε the faster, and the smoother plan and gradients. Marginals to about 1e-6 in f32.
 * - `newton`: the same problem as `sinkhorn`, to 1e-10 and at small ε in few iterations; on the host, for up to a thousand points or so.
 *
 * `auto` takes `exact` if no option speaks of the entropy or of a tolerance, up to 16 million pairs; beyond that `multiscale` between points, up
 * to 268 million pairs, and `sinkhorn` with its default ε for still more and for cost matrices. With such options it takes `newton` for
 * tolerances below 1e-6 up to a million pairs, and else `sinkhorn`.
 *
 * Not behind this function: many small problems (`sinkhornBatch`), distances between samples that are to be 0 for equal ones
 * (`sinkhornDivergence`), points on a line or a circle (`wasserstein1d`, `wassersteinCircle`: a sort), clouds of high dimension where a bound
 * is enough (`slicedWasserstein`), histograms on a regular grid (`sinkhornGrid`: sums go axis by axis),
 * nodes of a graph (`sinkhornKernel` with a `heatKernel`), costs that are operators (`sinkhorn`, `lowRankSinkhorn`).
 *
 * @param x Points `[n, d]` (or `[n]` on a line), or a cost matrix `[n, m]` if `y` is left out.
 * @param y Points `[m, d]` (or `[m]`).
 * @throws {TypeError} on unknown names, shapes that do not fit, and options that the method refuses.
 * @throws {RangeError} as the methods do.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0, 0], [1, 0]]), y = gpu.tensor([[0, 1], [1, 1]]);
 * using best = await transport.solve(x, y);
 * using smooth = await transport.solve(x, y, { epsilon: 0.1 });
 * console.log(best.method, best.cost, best.gap, smooth.method); // exact 1 0 sinkhorn
 * ```
 */
export function solve(x: Tensor, y: Tensor, options?: TransportOptions): Promise<TransportResult>;
/** The same for a cost matrix `[n, m]`. */
export function solve(costMatrix: Tensor, options?: Omit<TransportOptions, "cost">): Promise<TransportResult>;
export async function solve(
  x: Tensor,
  second?: Tensor | TransportOptions,
  third?: TransportOptions,
): Promise<TransportResult> {
  const { y, options: all } = readArguments<TransportOptions>(second, third),
    { method: asked = "auto", ...options } = all;
  if (!["auto", "exact", "multiscale", "sinkhorn", "newton"].includes(asked)) {
    throw new TypeError(
      `Expected "method" to be "auto", "exact", "multiscale", "sinkhorn" or "newton", got ${JSON.stringify(asked)}`,
    );
  }
  const method = asked === "auto" ? chooseMethod(x, y, options) : asked;
  for (const { option, why } of REFUSED.filter((r) => r.method === method)) {
    if (options[option as keyof typeof options] !== undefined) {
      throw new TypeError(`The method "${method}" takes no "${option}": ${why}`);
    }
  }
  const call = <O, R>(solver: { (x: Tensor, y: Tensor, o: O): Promise<R>; (x: Tensor, o: O): Promise<R> }, o: O) =>
    y ? solver(x, y, o) : solver(x, o);
  if (method === "exact") {
    const { cost, a, b, maxIterations, signal, onProgress } = options;
    return unite(method, await call(exact, { cost, a, b, maxIterations, signal, onProgress }));
  }
  if (method === "multiscale") {
    if (!y) throw new TypeError('The method "multiscale" takes points: a cost matrix has no cells');
    const { cost, a, b, maxIterations, tolerance, signal, onProgress } = options;
    return unite(method, await multiscale(x, y, { cost, a, b, maxIterations, tolerance, signal, onProgress }));
  }
  if (method === "newton") {
    const { cost, a, b, epsilonScale, maxIterations, tolerance, signal, onProgress } = options;
    const taken = { cost, a, b, epsilon: options.epsilon, epsilonScale, maxIterations, tolerance, signal, onProgress };
    return unite(method, await call(sinkhornNewtonSparse, taken));
  }
  return unite(method, await call(sinkhorn, options));
}

/** What `auto` takes. */
export function chooseMethod(x: Tensor, y: Tensor | undefined, options: TransportOptions): TransportMethod {
  const pairs = (x.shape?.[0] ?? 0) * ((y ? y.shape[0] : x.shape?.[1]) ?? 0);
  const given = (method: TransportMethod) =>
    REFUSED.some((r) => r.method === method && options[r.option] !== undefined);
  if (!given("exact")) {
    if (pairs <= EXACT_AT_MOST) return "exact";
    return y && pairs <= MULTISCALE_AT_MOST ? "multiscale" : "sinkhorn";
  }
  const fine = options.tolerance !== undefined && options.tolerance < FINE && pairs <= NEWTON_AT_MOST;
  return fine && !given("newton") ? "newton" : "sinkhorn";
}

function unite(
  method: TransportMethod,
  result: SinkhornResult | SinkhornNewtonResult | ExactResult,
): TransportResult {
  const dispose = () => result.dispose();
  const { cost, primal, dual, value, plan, potentials, marginalError, iterations, converged } = result;
  return {
    ...{
      method,
      cost,
      primal,
      dual,
      gap: primal - dual,
      value,
      plan,
      potentials,
      marginalError,
      iterations,
      converged,
    },
    epsilon: "epsilon" in result ? result.epsilon : 0,
    history: result instanceof ExactResult ? [] : result.history,
    result,
    dispose,
    [Symbol.dispose]: dispose,
  };
}
