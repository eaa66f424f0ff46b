import { cholesky, matrixPower, solveTriangular } from "../../linalg/mod.ts";
import { dense, diagonal, identity, type LinearOperator, linearOperator, sparse } from "../../operators/mod.ts";
import { Sparse, Tensor } from "../../tensor/mod.ts";
import { tensorLike } from "./host_problem.ts";
import { type GraphLaplacian, readLaplacian } from "./laplacian.ts";

/** Options of {@linkcode heatKernel}: one of `time` and `epsilon`. */
export interface HeatKernelOptions {
  /** Time t that heat flows for, in the inverse of the Laplacian's unit (a squared length, where the weights are inverse squared lengths). */
  time?: number;
  /** The regularization ε = 4t of the transport problem whose kernel this is, in units of squared distance. */
  epsilon?: number;
  /** Implicit steps in place of the exact exponential, for graphs of up to 2048 nodes. Default: the exponential. */
  steps?: number;
  /**
   * Scales rows and columns so that the diagonal is 1: the cost −ε log K is then 0 between a node and itself. Plans stay as they are. Beyond 2048
   * nodes the diagonal takes a product per node. Default false.
   */
  unitDiagonal?: boolean;
}

/** Nodes up to which the kernel is stored: 16 MB in f32. */
const STORED = 2048;
/** Terms of the exponential's series at most. */
const MOST_TERMS = 20_000;
/** Λt of a stored kernel's series; beyond it is squared. */
const CHUNK = 8;
/** log of what may be left out, relative to the sum: rounding, of the smallest entries that are kept. */
const LEFT_OUT = { f32: -17 - 64, f64: -37 - 640 };

/**
 * The heat kernel K = exp(−tL) of a graph with the Laplacian L = D − W, or (I + (t/m) L)⁻ᵐ by m implicit steps, as an operator for `sinkhornKernel`:
 * by Varadhan's formula −4t log K tends to the squared geodesic distance, so that K stands for exp(−d²/ε) with ε = 4t without any distance
 * being computed.
 *
 * What d is: for a graph that samples a line, a plane or a surface, with weights 1/h² between neighbors at distance h, d is the distance there
 * (straight in the plane, along the surface), as long as √t is some h and d is below 2t/h or so: heat on a graph has no front, and what lies farther
 * seems nearer (with few implicit steps much nearer: their tails fall off like exp(−d √(m/t))). −ε log K is above d² by the constant
 * (ε/2) log(4πt/h²) per dimension, which `unitDiagonal` takes out.
 *
 * Every number that is added is positive: I − L/Λ, with Λ the largest degree, has no negative entries, and exp(−tL) is a series in it with positive
 * weights (of about Λt + 13 √(Λt) terms in f32, one sparse product each); the elimination of I + (t/m) L subtracts off the diagonal from what
 * is negative already. So all entries, the smallest too, keep their digits: conjugate gradients would leave in each the error of the largest, and
 * a transport plan is made of the small ones. Up to 2048 nodes the kernel is stored, as it is applied hundreds of times.
 *
 * Sources: Varadhan (1967); Crane, Weischedel and Wardetzky, "Geodesics in Heat" (2013); Solomon et al., "Convolutional Wasserstein
 * Distances" (2015), section 3; the series is Jensen's uniformization (1953).
 *
 * @param laplacian Symmetric, `[n, n]`, sparse or dense: off the diagonal zero or less, with rows that sum to zero or more.
 * @returns A symmetric operator with positive entries (those that do not underflow), to be disposed of. It is a constant where derivatives are taken.
 * @throws {TypeError} on operators that are not square, symmetric matrices known by their entries, and options that contradict.
 * @throws {RangeError} on entries that no Laplacian has, times that are not positive, and times so long that the series has over 20,000 terms.
 *
 * @example
 * ```ts
 * import { open, operators, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * // A path of four nodes, of edges of length 1.
 * const laplacian = operators.tridiagonal(gpu.full([3], -1), gpu.tensor([1, 2, 2, 1]), gpu.full([3], -1));
 * using kernel = await transport.heatKernel(laplacian, { epsilon: 2 });
 * const warmed = await kernel.apply(gpu.tensor([1, 0, 0, 0])).array(); // sums to 1, all positive
 * ```
 */
export async function heatKernel(
  laplacian: LinearOperator,
  options: HeatKernelOptions = {},
): Promise<LinearOperator> {
  const { time, steps } = requireTime(options), read = await readLaplacian(laplacian, STORED);
  if (steps !== undefined && read.n > STORED) {
    throw new RangeError(
      `Cannot take implicit steps on ${read.n} nodes, expected at most ${STORED}: leave out "steps" for the exponential by products`,
    );
  }
  if (read.n > STORED) {
    const kernel = seriesKernel(read, time);
    if (!options.unitDiagonal) return kernel;
    using plain = kernel;
    return scaledBothSides(plain);
  }
  using K = steps === undefined ? await exponential(read, time) : await implicitSteps(read, time, steps);
  return dense(options.unitDiagonal ? withUnitDiagonal(K) : K.slice(null), {
    owns: true,
    flags: { symmetric: true, positiveDefinite: true },
  });
}

function requireTime({ time, epsilon, steps }: HeatKernelOptions): { time: number; steps?: number } {
  if ((time === undefined) === (epsilon === undefined)) {
    throw new TypeError(`Expected either "time" or "epsilon", got ${time === undefined ? "neither" : "both"}`);
  }
  const [name, value] = time === undefined ? ["epsilon", epsilon] : ["time", time];
  if (!(typeof value === "number" && value > 0 && value < Infinity)) {
    throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
  }
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(`Expected "steps" to be a whole number from 1, got ${steps}`);
  }
  return { time: time ?? value / 4, steps };
}

/** Weights e^−x x^k/k! of the series Σ_k w_k (I − L/Λ)^k for x = Λt, until what is left out is below rounding. */
export function poissonWeights(x: number, dtype: string): Float64Array {
  const least = dtype === "f64" ? LEFT_OUT.f64 : LEFT_OUT.f32, weights: number[] = [];
  for (let k = 0, log = -x;; k++, log += Math.log(x / k)) {
    weights.push(Math.exp(log));
    // Beyond k = x the terms that follow are at most a geometric series of ratio x/(k + 1).
    if (k >= x && log - Math.log1p(-x / (k + 1)) < least) return Float64Array.from(weights);
    if (k > MOST_TERMS) {
      throw new RangeError(
        `Cannot let heat flow for so long: the largest degree times the time is ${
          x.toPrecision(3)
        }, and the series would have over ${MOST_TERMS} terms; take a smaller "time" or "epsilon"`,
      );
    }
  }
}

/** Σ_k w_k Pᵏ x. */
function series(P: Sparse, weights: Float64Array, x: Tensor): Tensor {
  const smallest = x.dtype === "f64" ? 1e-300 : 1e-37;
  let power = x.slice(null), sum: Tensor | undefined;
  weights.forEach((w, k) => {
    if (k > 0) {
      using before = power;
      power = P.matmul(before);
    }
    // No entry of a power is above 1: such a term would underflow.
    if (w < smallest) return;
    using before = sum;
    const next = Tensor.map(before ? "s + w * z" : "w * z", { ...(before ? { s: before } : {}), w, z: power });
    void next.value;
    sum = next;
  });
  power.dispose();
  return sum!;
}

/** I − L/Λ. */
function transition({ device, dtype, n, rows, columns, values, degree }: GraphLaplacian): Sparse {
  const own = values.map((v, k) => (rows[k] === columns[k] ? 1 : 0) - v / degree);
  return Sparse.fromTriplets(device, { rows, columns, values: own, shape: [n, n], dtype });
}

async function exponential(read: GraphLaplacian, time: number): Promise<Tensor> {
  const squarings = Math.max(0, Math.ceil(Math.log2(read.degree * time / CHUNK)));
  using P = transition(read);
  using one = identity(read, read.n, read.dtype).toDense();
  using chunk = series(P, poissonWeights(read.degree * time / 2 ** squarings, read.dtype), one);
  return await matrixPower(chunk, 2 ** squarings);
}

async function implicitSteps(read: GraphLaplacian, time: number, steps: number): Promise<Tensor> {
  const { n, rows, columns, values } = read;
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  values.forEach((v, k) => data[rows[k] * n + columns[k]] += v * time / steps);
  using matrix = tensorLike(read, data, [n, n]);
  using l = await cholesky(matrix);
  using one = identity(read, n, read.dtype).toDense();
  using half = await solveTriangular(l, one, { lower: true });
  using turned = half.T;
  using inverse = turned.matmul(half);
  return await matrixPower(inverse, steps);
}

function seriesKernel(read: GraphLaplacian, time: number): LinearOperator {
  const weights = poissonWeights(read.degree * time, read.dtype), P = sparse(transition(read), { owns: true });
  const matrix = P.structure.kind === "sparse" ? P.structure.matrix : undefined;
  return linearOperator({
    shape: [read.n, read.n],
    device: read.device,
    dtype: read.dtype,
    apply: (x) => series(matrix!, weights, x),
    flops: weights.length * 2 * (read.values.length + read.n),
    flags: { symmetric: true, positiveDefinite: true },
    owns: [P],
  });
}

function withUnitDiagonal(K: Tensor): Tensor {
  const n = K.shape[0];
  using flat = K.reshape([n * n]);
  using d = flat.take(Array.from({ length: n }, (_, k) => k * (n + 1)));
  using column = d.reshape([n, 1]);
  const scaled = Tensor.map("K / (sqrt(c) * sqrt(r))", { K, c: column, r: d });
  void scaled.value;
  return scaled;
}

function scaledBothSides(kernel: LinearOperator): LinearOperator {
  using d = kernel.diagonal();
  using scale = diagonal(Tensor.map("1 / sqrt(d)", { d }), { owns: true });
  using right = kernel.compose(scale);
  using product = scale.compose(right);
  return linearOperator({
    shape: product.shape,
    device: product.device,
    dtype: product.dtype,
    apply: (x) => product.apply(x),
    flops: product.flops,
    flags: { symmetric: true, positiveDefinite: true },
    reads: [product],
  });
}
