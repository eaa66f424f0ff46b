import { dense, type LinearOperator } from "../../operators/mod.ts";
import { Sparse, Tensor } from "../../tensor/mod.ts";
import { joinValue } from "./envelope.ts";
import { asResult, type Freeable, numberOf, requireCount, requirePositiveNumber, tensorLike } from "./host_problem.ts";
import { readCost } from "./matrix_cost.ts";
import { type ProgressiveMeasurement, type ProgressiveProblem, progressiveScaling } from "./progressive_scaling.ts";

/** Options of {@linkcode progressivePartial}. */
export interface ProgressiveOptions {
  /**
   * Fraction ρ of the samples' mass that gets a label, above 0 and up to 1; see {@linkcode progressiveMass}. Default 0.5. This, ε, γ and λ may be
   * tensors of one number, to differentiate by them.
   */
  mass?: number | Tensor;
  /** Entropy's ε, in the cost's unit. Default 0.1. */
  epsilon?: number | Tensor;
  /** Strength γ of the penalty on class sizes, in the cost's unit. Default 1. */
  gamma?: number | Tensor;
  /** Similarity S of samples, `[n, n]` and sparse: labels then agree where S is large (SP²OT). It need not be symmetric. */
  similarity?: Sparse;
  /** Strength λ of the similarity term. Default 20. */
  similarityWeight?: number | Tensor;
  /** Majorizations of the similarity term at most. Default 10. */
  maxMajorizations?: number;
  /** Stops majorizing once the objective falls by less than this. Default 1e-6. */
  objectiveTolerance?: number;
  /** Scaling iterations per majorization before giving up. Default 10,000. */
  maxIterations?: number;
  /** Each scaling stops once {@linkcode ProgressiveResult.marginalError} is below this. Default 1e-9. */
  tolerance?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each majorization. */
  onProgress?: (progress: ProgressiveProgress) => void;
}

/** One majorization of {@linkcode progressivePartial}. */
export interface ProgressiveProgress {
  /** Its number, from 1. */
  iteration: number;
  /** The objective after it. */
  objective: number;
  /** Scaling iterations that it took. */
  scalings: number;
  /** Marginal error after it. */
  error: number;
}

/** What {@linkcode progressivePartial} found. */
export interface ProgressiveResult extends Freeable {
  /** Labels' plan Q as an operator `[n, K]`, of total `mass`, its rows up to 1/n. */
  readonly plan: LinearOperator;
  /** Sizes of the classes, `[K]`. */
  readonly sizes: Tensor;
  /** ⟨Q, C⟩ with the given cost. */
  readonly cost: number;
  /** The objective, with entropy, penalty and similarity. */
  readonly objective: number;
  /**
   * The objective as a tensor of one number, to differentiate by the costs (the derivative is Q), `epsilon`, `gamma`, `similarityWeight` and a `mass`
   * below 1: at fixed Q, exact at the solution, and with similarity at a stationary point, as far as the objective rests.
   */
  readonly value: Tensor;
  /** primal − dual of the (last) convex problem that was solved: without similarity, how far Q is from the optimum. */
  readonly gap: number;
  /** Total of Q, measured. */
  readonly mass: number;
  /** L1 distance of the sums from those that the potentials ask for, measured. */
  readonly marginalError: number;
  /** Whether the objective never rose; with a similarity that is not positive semidefinite it may, and the best plan is given. */
  readonly monotone: boolean;
  /** Scaling iterations in all. */
  readonly iterations: number;
  /** Whether the last scaling reached its tolerance, and the objective came to rest. */
  readonly converged: boolean;
  /** Every majorization. */
  readonly history: readonly ProgressiveProgress[];
}

/** The mass at step t of T of a training: start + (1 − start) exp(−5 (1 − t/T)²), from near `start` (default 0.1) to 1. */
export function progressiveMass(step: number, steps: number, start = 0.1): number {
  requirePositiveNumber("steps", steps);
  if (!(step >= 0 && step <= steps)) throw new RangeError(`Expected "step" from 0 to ${steps}, got ${step}`);
  if (!(start > 0 && start <= 1)) throw new RangeError(`Expected "start" from 0 (excluded) to 1, got ${start}`);
  return start + (1 - start) * Math.exp(-5 * (1 - step / steps) ** 2);
}

/**
 * Pseudo-labels by progressive partial transport: of n samples with costs `[n, K]` (as −log of the predicted probabilities) the part `mass` that is
 * cheapest gets labels, in classes whose sizes may differ at a price,
 *
 *   min ⟨Q, C⟩ − λ ⟨S, QQᵀ⟩ + γ KL(Qᵀ1 | mass/K) − ε H  over Q ≥ 0 with Q·1 ≤ 1/n, ΣQ = mass,
 *
 * where the entropy H is that of Q and of what each sample keeps back. Without similarity S (P²OT) it is an unbalanced problem with a virtual
 * class, solved by scaling. With S (SP²OT) the similarity term, concave for positive semidefinite S, is replaced by its tangent at the last plan,
 * C − λ (S + Sᵀ) Q, and solved again, until the objective rests: a stationary point, not always the least. In f64 on the host. Sources: Zhang, Ren
 * and He, "P²OT: Progressive Partial Optimal Transport for Deep Imbalanced Clustering" (2024); the same with Wang, "SP²OT" (2024), section 4.
 *
 * @param costMatrix Costs `[n, K]`.
 * @throws {TypeError} on shapes that do not fit.
 * @throws {RangeError} on NaN or infinite costs or similarities, ε or γ ≤ 0, a mass outside 0…1.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const logits = gpu.random.normal([40, 3], { seed: 1 });
 * const cost = logits.softmax(1).log().neg();
 * using labels = await transport.progressivePartial(cost, { mass: transport.progressiveMass(10, 30) });
 * console.log(labels.converged, labels.mass.toFixed(3)); // true 0.198
 * ```
 */
export async function progressivePartial(
  costMatrix: Tensor,
  options: ProgressiveOptions = {},
): Promise<ProgressiveResult> {
  const { signal, onProgress, similarity } = options;
  signal?.throwIfAborted();
  const { n, m: K, C } = await readCost(costMatrix, undefined, undefined);
  const { mass: rho = 0.5, epsilon: eps = 0.1, gamma: strength = 1, similarityWeight: lambda = 20 } = options;
  const mass = await numberOf("mass", rho);
  if (!(mass > 0 && mass <= 1)) throw new RangeError(`Expected "mass" from 0 (excluded) to 1, got ${mass}`);
  const epsilon = requirePositiveNumber("epsilon", await numberOf("epsilon", eps));
  const gamma = requirePositiveNumber("gamma", await numberOf("gamma", strength));
  const weight = requirePositiveNumber("similarityWeight", await numberOf("similarityWeight", lambda));
  const target = requirePositiveNumber("tolerance", options.tolerance ?? 1e-9);
  const rest = requirePositiveNumber("objectiveTolerance", options.objectiveTolerance ?? 1e-6);
  const maxIterations = requireCount("maxIterations", options.maxIterations ?? 10_000);
  const rounds = similarity ? requireCount("maxMajorizations", options.maxMajorizations ?? 10) : 1;
  const S = similarity && await readSimilarity(similarity, n);
  const potentials = { f: new Float64Array(n), g: new Float64Array(K + 1) };
  const history: ProgressiveProgress[] = [];
  let Q: Float64Array = new Float64Array(n * K).fill(mass / (n * K)), iterations = 0, resting = !S, monotone = true;
  let best: { found: ProgressiveMeasurement; objective: number; cost: number; agreement: number } | undefined;
  for (let round = 1; round <= rounds; round++) {
    const pull = S?.(Q), tangent = pull ? C.map((c, k) => c - weight * pull[k]) : C;
    const problem: ProgressiveProblem = { n, K, C: tangent, mass, epsilon, gamma };
    const found = await progressiveScaling(problem, potentials, { maxIterations, target, signal });
    Q = found.Q;
    iterations += found.iterations;
    // ⟨S, QQᵀ⟩ is half of ⟨Q, (S + Sᵀ) Q⟩.
    const agreement = S ? dot(Q, S(Q)) / 2 : 0, cost = dot(Q, C);
    const objective = cost - weight * agreement + epsilon * found.entropy + gamma * found.divergence;
    const progress = { iteration: round, objective, scalings: found.iterations, error: found.error };
    history.push(progress);
    onProgress?.(progress);
    signal?.throwIfAborted();
    const fall = best ? best.objective - objective : Infinity;
    // The scalings end at an error of `target`, which moves the objective by that times the potentials.
    if (fall < -1e3 * target) monotone = false;
    if (fall > 0 || !best) best = { found, objective, cost, agreement };
    if (S && Math.abs(fall) < rest) {
      resting = true;
      break;
    }
  }
  const { found, objective, cost, agreement } = best!, converged = resting && found.error <= target;
  if (!converged) {
    console.warn(
      `progressivePartial stopped after ${iterations} iterations with a marginal error of ${
        found.error.toExponential(1)
      }` +
        `${resting ? "" : " and an objective not at rest"}: try more maxIterations${
          S ? " and maxMajorizations, a smaller similarityWeight" : ""
        } or a larger epsilon`,
    );
  }
  const sizes = tensorLike(costMatrix, found.sizes), total = found.sizes.reduce((s, v) => s + v, 0);
  const matrix = tensorLike(costMatrix, found.Q, [n, K]), plan = dense(matrix, { owns: true });
  const value = tensorLike(costMatrix, Float64Array.of(objective), []);
  const numbers = { mass: rho, epsilon: eps, gamma: strength, similarityWeight: lambda };
  const inputs = Object.fromEntries(
    Object.entries(numbers).filter((e): e is [string, Tensor] => e[1] instanceof Tensor),
  );
  using slopes = tensorLike(
    costMatrix,
    Float64Array.of(found.level, found.entropy, found.divergence, -agreement),
  );
  await joinValue(
    "progressivePartial",
    value,
    { ...inputs, C: costMatrix },
    { Q: matrix, slopes },
    (given, held, wanted) => {
      if (wanted.has("mass") && mass === 1) {
        throw new RangeError('"progressivePartial" has no derivative by a mass of 1: it is all that there is');
      }
      return Object.keys(numbers).reduce(
        (s, name, k) => given[name] ? s.add(given[name].reshape([]).mul(held.slopes.slice(k))) : s,
        given.C.mul(held.Q).sum(),
      );
    },
  );
  const fields = {
    ...{ plan, sizes, cost, objective, value, gap: found.gap, mass: total, marginalError: found.error },
    ...{ monotone, iterations, converged, history },
  };
  return asResult("ProgressiveResult", fields, [
    ["transport cost ⟨Q, C⟩", cost.toPrecision(6)],
    ["objective", objective.toPrecision(6)],
    ["mass", total.toPrecision(6)],
    ["primal − dual", found.gap.toExponential(1)],
    ["marginal error (L1)", found.error.toExponential(1)],
    ["iterations", `${iterations}${converged ? "" : " (not converged)"}`],
  ], [plan, sizes, value]);
}

/** The product Q ↦ (S + Sᵀ) Q for plans `[n, K]`. */
async function readSimilarity(S: Sparse, n: number): Promise<(Q: Float64Array) => Float64Array> {
  if (!(S instanceof Sparse) || S.shape[0] !== n || S.shape[1] !== n) {
    const got = S instanceof Sparse ? `[${S.shape.join(", ")}]` : typeof S;
    throw new TypeError(`Expected "similarity" as a sparse matrix [${n}, ${n}], got ${got}`);
  }
  const { starts, columns, values } = await S.data();
  values.forEach((v, k) => {
    if (!Number.isFinite(v)) throw new RangeError(`Expected finite numbers in "similarity", got ${v} at entry ${k}`);
  });
  return (Q) => {
    const K = Q.length / n, out = new Float64Array(Q.length);
    for (let i = 0; i < n; i++) {
      for (let at = starts[i]; at < starts[i + 1]; at++) {
        const j = columns[at], s = values[at];
        for (let c = 0; c < K; c++) {
          out[i * K + c] += s * Q[j * K + c];
          out[j * K + c] += s * Q[i * K + c];
        }
      }
    }
    return out;
  };
}

function dot(x: Float64Array, y: Float64Array): number {
  let s = 0;
  for (let k = 0; k < x.length; k++) s += x[k] * y[k];
  return s;
}
