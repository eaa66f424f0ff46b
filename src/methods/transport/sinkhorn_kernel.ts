import { isCarrying } from "../../linalg/iterative/implicit.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { identityColumns } from "../../operators/probe.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { joinSolution } from "./differentiate.ts";
import { asResult, type Freeable, tensorLike } from "./host_problem.ts";
import { type KernelGeometry, kernelGeometry, smallestProduct } from "./kernel_geometry.ts";
import type { Potential } from "./geometry.ts";
import type { Pair, Problem } from "./problem.ts";
import { quantumOf } from "./renew_potential.ts";
import { requireNumbers } from "./sinkhorn_input.ts";
import { iterate, type SinkhornProgress } from "./sinkhorn_iterations.ts";
import { readStart, splitPotential, type StartPotential } from "./sinkhorn_start.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/** Options of {@linkcode sinkhornKernel}. */
export interface SinkhornKernelOptions {
  /** ε: what the potentials, and the cost −ε log K, are in units of; of `heatKernel` the same as there. Default 1. */
  epsilon?: number;
  /** Potentials `[f, g]` to start from; f follows from g in the first half-step. Default 0. */
  potentials?: readonly [f: StartPotential, g: StartPotential];
  /** Iterations before giving up. Default 10,000. */
  maxIterations?: number;
  /** Stops once the marginal error is below this. Default 1e-5 of the total mass. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each measurement of the marginal error. */
  onProgress?: (progress: SinkhornProgress) => void;
}

/** What {@linkcode sinkhornKernel} found. */
export interface SinkhornKernelResult extends Freeable {
  /** ⟨P, C⟩ − ε H(P) for C = −ε log K, H(P) = −Σ P (log P − 1): from marginals and potentials, without C. */
  readonly primal: number;
  /** Dual value ⟨a, f⟩ + ⟨b, g⟩ − ε ΣP. */
  readonly dual: number;
  /** `primal − dual`: near 0 at the solution. */
  readonly gap: number;
  /** The dual value as a tensor of one number, to differentiate by the weights. */
  readonly value: Tensor;
  /** f = ε log u `[n]` and g = ε log v `[m]` of the scalings u and v; −∞ where a weight is zero. Determined up to a constant. */
  readonly potentials: [f: Tensor, g: Tensor];
  /** The plan P = diag(u) K diag(v) as an operator `[n, m]`. */
  readonly plan: LinearOperator;
  /** ε as it was given. */
  readonly epsilon: number;
  /** Iterations done; in each both potentials are renewed once. */
  readonly iterations: number;
  /** Whether the marginal error went below the tolerance. */
  readonly converged: boolean;
  /** ‖P·1 − a‖₁, measured by a product; the column sums are exact up to rounding after each iteration. */
  readonly marginalError: number;
  /** Every measurement of the marginal error. */
  readonly history: readonly SinkhornProgress[];
  /**
   * Σ P_ij C_ij with C = −ε log K, of a heat kernel Varadhan's approximation of the squared distance; see {@linkcode heatKernel} for what it is
   * above it. Reads all of the kernel, by m products in blocks: nothing of size n × m is stored, but it takes as long as m/2 iterations.
   */
  transportCost(): Promise<number>;
}

/** Columns of the kernel that `transportCost` reads at once. */
const BLOCK = 64;

/**
 * Entropic optimal transport for a kernel that is known by its products only, such as a {@linkcode heatKernel} on a graph:
 *
 *   min ε KL(P | K)  over P ≥ 0 with P·1 = a, Pᵀ·1 = b,  KL(P | K) = Σ P (log(P/K) − 1),
 *
 * which is the problem of {@linkcode sinkhorn} with the cost C = −ε log K, and is solved by P = diag(u) K diag(v). Sinkhorn's scalings u ← a/(Kv),
 * v ← b/(Kᵀu), over-relaxed where that pays, one product each. The scalings are kept as logarithms and divided by the largest before a product,
 * so that they may be of any size; what a product then loses to underflow counts nowhere if no element of it is below 1e-28 (in f64
 * 1e-280), which is measured in the end. Source: Solomon et al., "Convolutional Wasserstein Distances" (2015), algorithm 1.
 *
 * @param kernel `[n, m]`, with entries of zero or more (none of them negative) and products with its transpose.
 * @param a Weights of the rows, `[n]`, zero or more; default equal.
 * @param b Weights of the columns, `[m]`, with the same sum.
 * @returns Potentials, plan and certificate. `value`, potentials and products of the plan can be differentiated by weights that are tensors; the
 * kernel is a constant.
 * @throws {TypeError} on shapes that do not fit, and on a kernel that is being differentiated by.
 * @throws {RangeError} on weights as `sinkhorn` does, on kernels with negative or infinite products or without mass in a row or column, and where
 * the scalings span more than the dtype can carry.
 *
 * @example
 * ```ts
 * import { open, operators, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([0, 1, 2]), kernel = operators.pairwise("exp(-square(x[i] - x[j]))", { x });
 * using result = await transport.sinkhornKernel(kernel, [1, 0, 0], [0, 0.5, 0.5]);
 * console.log((await result.transportCost()).toFixed(3)); // 2.500
 * ```
 */
export async function sinkhornKernel(
  kernel: LinearOperator,
  a?: Weights,
  b?: Weights,
  options: SinkhornKernelOptions = {},
): Promise<SinkhornKernelResult> {
  const { signal, onProgress } = options, { epsilon = 1 } = options;
  const settings = requireNumbers({ ...options, epsilon, epsilonScale: "absolute" });
  requireKernel(kernel);
  signal?.throwIfAborted();
  const K = kernel, { shape: [n, m], dtype } = K, geometry = kernelGeometry(K, epsilon);
  const owned: Tensor[] = [];
  const keep = (t: Tensor): Tensor => {
    owned.push(t);
    return t;
  };
  try {
    const weights = await prepareWeights(a, b, n, m), like = keep(tensorLike(K, new Float64Array(1)));
    const problem: Problem = {
      cost: {},
      geometryOf: () => ({ ...geometry, rowCost: () => unavailable() }),
      ...weightTensors(a, b, weights, like, keep),
      epsilon,
    };
    // Costs of e⁻⁶⁴ and more are what products carry.
    const largest = epsilon * -Math.log(smallestProduct(dtype)), quantum = quantumOf(largest, epsilon);
    const zeros = (count: number) => splitPotential(new Float64Array(count), epsilon, quantum, like);
    const values = options.potentials && await readStart(options.potentials, n, m, weights.b);
    const ones = { f: zeros(n), g: zeros(m) };
    for (const { coarse, fine } of [ones.f, ones.g]) [coarse, fine].forEach(keep);
    await requireCarried(geometry, ones, weights, dtype);
    const start = values && splitPotential(values, epsilon, quantum, like);
    // One bad measurement may be one of scalings on their way.
    let before = false;
    const inspect = async (f: Potential, g: Potential) => {
      const refusal = await refusalOf(geometry, { f, g }, weights, dtype);
      if (refusal && before) throw refusal;
      before = refusal !== undefined;
    };
    const all = { ...settings, epsilon, largest, signal, onProgress, inspect };
    const state = await iterate(geometry, weights, like, all, start);
    for (const { coarse, fine } of [state.f, state.g]) [coarse, fine].forEach(keep);
    await requireCarried(geometry, state, weights, dtype);
    const { primal, dual } = await valuesOf(geometry, state, weights, epsilon);
    if (!state.converged) {
      console.warn(
        `sinkhornKernel stopped after ${state.iterations} iterations with a marginal error of ${
          state.error.toExponential(1)
        }: try more maxIterations or a larger tolerance`,
      );
    }
    using number = tensorLike(K, Float64Array.of(dual), []);
    const joined = await joinSolution(problem, state, number.add(0));
    const whole = ({ coarse, fine }: Potential) =>
      keep(Tensor.map("F + eps * p", { F: coarse, p: fine, eps: epsilon }));
    const plan = geometry.plan(joined.f, joined.g, epsilon);
    for (const part of [joined.f.coarse, joined.f.fine, joined.g.coarse, joined.g.fine, joined.value]) keep(part);
    const fields = {
      primal,
      dual,
      gap: primal - dual,
      value: joined.value,
      potentials: [whole(joined.f), whole(joined.g)] as [Tensor, Tensor],
      plan,
      epsilon,
      iterations: state.iterations,
      converged: state.converged,
      marginalError: state.error,
      history: state.history,
      transportCost: () => transportCost(K, state, epsilon),
    };
    return asResult("SinkhornKernelResult", fields, [
      ["regularized value", dual.toPrecision(6)],
      ["primal − dual", (primal - dual).toExponential(1)],
      ["marginal error (L1)", state.error.toExponential(1)],
      ["iterations", `${state.iterations}${state.converged ? "" : " (not converged)"}`],
      ["ε", epsilon.toPrecision(4)],
      ["plan", `${n} × ${m}, not stored`],
    ], [plan, ...owned]);
  } catch (error) {
    for (const t of owned) t.dispose();
    throw error;
  }
}

function unavailable(): never {
  throw new TypeError("The cost of a kernel's plan is not a tensor: see transportCost");
}

function requireKernel(kernel: LinearOperator): void {
  if (typeof kernel?.applyTransposed !== "function") {
    throw new TypeError(
      `Expected the kernel as an operator, got ${
        kernel as unknown instanceof Tensor ? "a tensor: see operators.dense" : kernel === null ? "null" : typeof kernel
      }`,
    );
  }
  if (kernel.dtype !== "f32" && kernel.dtype !== "f64") {
    throw new TypeError(`Expected a kernel in f32 or f64, got ${kernel.dtype}`);
  }
  if (isCarrying(kernel)) {
    throw new TypeError(
      "Cannot differentiate sinkhornKernel by its kernel: make it of constants (stopGradient), or give the cost to sinkhorn",
    );
  }
}

async function requireCarried(...given: Parameters<typeof refusalOf>): Promise<void> {
  const refusal = await refusalOf(...given);
  if (refusal) throw refusal;
}

/** What speaks against scalings: products that are not positive, or so small that what underflows may count in them. */
async function refusalOf(
  geometry: KernelGeometry,
  { f, g }: Pair,
  { a, b }: { a: Float64Array; b: Float64Array },
  dtype: string,
): Promise<RangeError | undefined> {
  using rows = geometry.products("rows", g);
  using columns = geometry.products("columns", f);
  const sides = await Promise.all([rows.data(), columns.data()]), least = smallestProduct(dtype);
  for (const [side, weights] of [a, b].entries()) {
    for (let k = 0; k < weights.length; k++) {
      const s = sides[side][k], where = `${side === 0 ? "row" : "column"} ${k}`;
      if (!Number.isFinite(s) || s < 0) {
        return new RangeError(`Expected a kernel of entries from 0, got a product of ${s} in ${where}`);
      }
      if (weights[k] > 0 && s < least) {
        return new RangeError(
          `The kernel's ${where} has a product of ${
            s.toExponential(1)
          }, less than ${dtype} carries (${least}): take a larger ε${dtype === "f64" ? "" : " or f64"}`,
        );
      }
    }
  }
}

/** The primal value from the rows' marginal, and the dual one. */
async function valuesOf(
  geometry: KernelGeometry,
  { f, g }: Pair,
  weights: { a: Float64Array; b: Float64Array },
  epsilon: number,
): Promise<{ primal: number; dual: number }> {
  using rows = geometry.marginal("rows", f, g, epsilon);
  const [row, F, p, G, q] = await Promise.all([rows, f.coarse, f.fine, g.coarse, g.fine].map((t) => t.data()));
  const value = (coarse: ArrayLike<number>, fine: ArrayLike<number>, by: ArrayLike<number>) => {
    let s = 0;
    for (let k = 0; k < by.length; k++) if (by[k] > 0) s += by[k] * (coarse[k] + epsilon * fine[k]);
    return s;
  };
  let mass = 0;
  for (let k = 0; k < row.length; k++) mass += row[k];
  // The columns of P sum to b.
  const other = value(G, q, weights.b) - epsilon * mass;
  return { primal: value(F, p, row) + other, dual: value(F, p, weights.a) + other };
}

/** Σ P (−ε log K) over blocks of columns, where K > 0. */
async function transportCost(K: LinearOperator, { f, g }: Pair, epsilon: number): Promise<number> {
  const { shape: [n, m] } = K, rate = 1 / epsilon, constants = stopGradient({ F: f.coarse, p: f.fine });
  using F = constants.F.reshape([n, 1]);
  using p = constants.p.reshape([n, 1]);
  let total = 0;
  for (let first = 0; first < m; first += BLOCK) {
    const last = Math.min(m, first + BLOCK);
    using one = identityColumns(K, m, first, last);
    using block = K.apply(one);
    using G = g.coarse.slice([first, last]);
    using q = g.fine.slice([first, last]);
    const formula = "K > 0 ? -exp((F + G) * rate + (p + q) + log(K)) * log(K) : 0 * K";
    using sums = Tensor.reduce("sum", formula, { K: block, F, p, G, q, rate }, 1);
    for (const s of await sums.data()) total += s;
  }
  constants.F.dispose();
  constants.p.dispose();
  return epsilon * total;
}
