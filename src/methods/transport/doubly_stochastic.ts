import { qr, SingularMatrixError } from "../../linalg/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { circuitMatrix, type CircuitOptions } from "./quantum_circuit.ts";
import { requireCount } from "./schrodinger_bridge.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** Options of {@linkcode doublyStochastic}. */
export interface DoublyStochasticOptions extends CircuitOptions {
  /**
   * How weights are made of logits: `softmax` (rows only), `sinkhorn`, `qr` or `circuit`; see {@linkcode doublyStochastic}. Default `sinkhorn`.
   */
  method?: "softmax" | "sinkhorn" | "qr" | "circuit";
  /** Iterations of `sinkhorn`: columns, then rows. Default 20. */
  iterations?: number;
}

const METHODS = ["softmax", "sinkhorn", "qr", "circuit"];

/**
 * Attention weights `[..., n, n]` from logits `[..., n, n]`, all of whose methods can be differentiated:
 *
 * - `softmax`: rows sum to 1, columns to anything;
 * - `sinkhorn`: exp(logits), columns and rows normalized in turn in the log domain, the rows last, so that these sum to 1 up to rounding and
 *   the columns as far as the iterations went (Sander et al., "Sinkformers", 2022, section 3);
 * - `qr`: Q∘Q for logits = Q·R. Rows and columns of an orthogonal matrix have norm 1, so all sums are 1 up to rounding. It needs
 *   logits of full rank, for which keys need at least n numbers;
 * - `circuit`: |U|² of a unitary that a simulated quantum circuit makes, its angles products of the logits with `theta`; all sums are 1 up to
 *   rounding. n must be a power of 2. Source: Born et al., "Quantum Doubly Stochastic Transformers" (2025), whose gate layout is not known
 *   to us: see {@linkcode CircuitOptions} for this one.
 *
 * {@linkcode stochasticity} measures the sums.
 *
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite logits, n that is not a power of 2 with `circuit`, no iterations.
 * @throws {SingularMatrixError} with `qr` on logits that are not of full rank: its columns would be arbitrary.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const logits = gpu.random.normal([8, 8], { seed: 1 });
 * const weights = await transport.doublyStochastic(logits, { method: "qr" });
 * const { rowError, columnError } = await transport.stochasticity(weights);
 * console.log(rowError < 1e-5, columnError < 1e-5); // true true
 * ```
 */
export async function doublyStochastic(logits: Tensor, options: DoublyStochasticOptions = {}): Promise<Tensor> {
  const { method = "sinkhorn", iterations = 20 } = options;
  if (!METHODS.includes(method)) {
    throw new TypeError(`Expected "method" to be one of ${METHODS.join(", ")}, got ${JSON.stringify(method)}`);
  }
  if (!(logits instanceof Tensor)) throw new TypeError(`Expected logits as a tensor, got ${typeof logits}`);
  const [n, m] = logits.shape.slice(-2);
  if (logits.rank < 2 || n !== m || n === 0) {
    throw new TypeError(`Expected logits [..., n, n] with n from 1, got [${logits.shape.join(", ")}]`);
  }
  if (logits.dtype !== "f32" && logits.dtype !== "f64") {
    throw new TypeError(`Expected logits in f32 or f64, got ${logits.dtype}`);
  }
  requireCount("iterations", iterations);
  await requireFinite("logits", logits);
  if (method === "softmax") return logits.softmax(-1);
  if (method === "sinkhorn") return await runScope(() => scaled(logits, iterations));
  if (method === "circuit") return await circuitMatrix(logits, options);
  return await squaredQ(logits);
}

function scaled(logits: Tensor, iterations: number): Tensor {
  let log = logits;
  for (let k = 0; k < iterations; k++) {
    log = log.sub(log.logsumexp(-2, { keepDims: true }));
    if (k + 1 < iterations) log = log.sub(log.logsumexp(-1, { keepDims: true }));
  }
  return log.softmax(-1);
}

async function squaredQ(logits: Tensor): Promise<Tensor> {
  const { q, r } = await qr(logits), n = logits.shape.at(-1)!, unit = logits.dtype === "f64" ? 2 ** -53 : 2 ** -24;
  try {
    const data = await r.data();
    for (let at = 0; at < data.length; at += n * n) {
      let least = Infinity, most = 0;
      for (let i = 0; i < n; i++) {
        const size = Math.abs(data[at + i * n + i]);
        least = Math.min(least, size);
        for (let j = i; j < n; j++) most = Math.max(most, Math.abs(data[at + i * n + j]));
      }
      if (!(least > n * unit * most)) {
        throw new SingularMatrixError(
          `Cannot orthogonalize logits ${at / (n * n)} of rank below ${n}: the diagonal of R goes down to ${
            least.toExponential(1)
          }; queries and keys need at least ${n} numbers each`,
        );
      }
    }
    return q.square();
  } finally {
    q.dispose();
    r.dispose();
  }
}

/** How far weights are from doubly stochastic, and how spread out; see {@linkcode stochasticity}. */
export interface Stochasticity {
  /** The largest |sum of a row − 1|. */
  rowError: number;
  /** The largest |sum of a column − 1|. */
  columnError: number;
  /** Mean entropy −Σ p log p of the rows, in nats; at most log n. */
  entropy: number;
}

/** Measures the sums and the entropy of weights `[..., n, n]`. */
export async function stochasticity(weights: Tensor): Promise<Stochasticity> {
  if (weights.rank < 2) throw new TypeError(`Expected weights [..., n, n], got [${weights.shape.join(", ")}]`);
  const far = async (axis: number) => {
    using sums = weights.sum(axis);
    using most = Tensor.reduce("max", "abs(s - 1)", { s: sums });
    return await most.item();
  };
  using entropies = Tensor.reduce("sum", "p > 0 ? -p * log(p) : 0", { p: weights }, -1);
  using entropy = entropies.mean();
  const [rowError, columnError] = [await far(-1), await far(-2)];
  return { rowError, columnError, entropy: await entropy.item() };
}

/**
 * Attention with weights of {@linkcode doublyStochastic}: weights(Q·Kᵀ/√d)·V for queries and keys `[..., n, d]` and values `[..., n, e]`.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const [q, k, v] = [1, 2, 3].map((seed) => gpu.random.normal([2, 16, 4], { seed }));
 * const { out, weights } = await transport.doublyStochasticAttention(q, k, v, { method: "sinkhorn", iterations: 10 });
 * console.log(out.shape, weights.shape); // [2, 16, 4] [2, 16, 16]
 * ```
 */
export async function doublyStochasticAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  options: DoublyStochasticOptions = {},
): Promise<{ out: Tensor; weights: Tensor }> {
  const [n, d] = queries.shape.slice(-2);
  const fits = (t: Tensor) => t.rank === queries.rank && t.shape.slice(0, -1).every((s, k) => s === queries.shape[k]);
  if (queries.rank < 2 || n === 0 || d === 0 || !fits(keys) || keys.shape.at(-1) !== d || !fits(values)) {
    throw new TypeError(
      `Expected queries and keys [..., n, d] and values [..., n, e], got ${
        [queries, keys, values].map((t) => `[${t.shape.join(", ")}]`).join(", ")
      }`,
    );
  }
  using turned = keys.T;
  using products = queries.matmul(turned);
  using logits = products.div(Math.sqrt(d));
  const weights = await doublyStochastic(logits, options);
  return { out: weights.matmul(values), weights };
}
