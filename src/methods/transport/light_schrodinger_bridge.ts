import { Tensor, valueAndGrad } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { resultBundle, resultText } from "./result_table.ts";
import {
  type BridgePotential,
  draw,
  logNormalizer,
  logPotential,
  requireCount,
  requireEpsilon,
  requirePoints,
  SchrodingerBridge,
} from "./schrodinger_bridge.ts";
import { requireFinite } from "./sinkhorn_input.ts";

/** What {@linkcode lightSchrodingerBridge} measured on a batch. */
export interface BridgeProgress {
  /** Steps done. */
  step: number;
  /** The loss E log c(x₀) − E log v(x₁) of the step's batches, in nats. */
  loss: number;
}

/** Options of {@linkcode lightSchrodingerBridge}. */
export interface LightBridgeOptions {
  /** Variance ε of the Brownian motion at t = 1, in the squared unit of the points. Default 0.1. */
  epsilon?: number;
  /** Components of the mixture. Default 20. */
  components?: number;
  /** Steps of Adam. Default 1000. */
  steps?: number;
  /**
   * Step length at the start, in logs of weights and scales, and for centers in standard deviations of the targets; it goes down to 0 along a
   * half cosine. Default 0.05.
   */
  learningRate?: number;
  /** Points of each side in a step, drawn without replacement by epochs. Default 256. */
  batch?: number;
  /** The scaled gradient on all points below which the fit counts as stationary. Default 0.05. See {@linkcode LightBridge.gradientNorm}. */
  tolerance?: number;
  /** Seed of the first centers and of the batches. Default 0. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called about a hundred times. */
  onProgress?: (progress: BridgeProgress) => void;
}

/** A bridge fitted to samples, with what was reached; see {@linkcode lightSchrodingerBridge}. */
export class LightBridge extends SchrodingerBridge {
  /** The loss on all points, in nats: the divergence KL(π* ‖ π) from the bridge that was looked for, up to a constant of the samples. */
  readonly loss: number;
  /**
   * The gradient of the loss on all points, measured at the end: the largest, over the parts, of Σ_k |∂/∂ log α_k|, which is the L1 difference
   * of the masses that the components take from the one sample and give to the other; Σ |∂/∂ r_k| in standard deviations √(ε S_k), and Σ |∂/∂ log S_k|,
   * both over the dimension.
   */
  readonly gradientNorm: number;
  /** Whether the gradient went below the tolerance: a stationary point, maybe a local one. */
  readonly converged: boolean;
  /** Steps done. */
  readonly steps: number;
  /** The loss of batches over the steps. */
  readonly history: readonly BridgeProgress[];

  /** From a potential and what was measured of it. */
  constructor(
    potential: BridgePotential,
    epsilon: number,
    reached: Pick<LightBridge, "loss" | "gradientNorm" | "converged" | "steps" | "history">,
  ) {
    super(potential, epsilon);
    this.loss = reached.loss;
    this.gradientNorm = reached.gradientNorm;
    this.converged = reached.converged;
    this.steps = reached.steps;
    this.history = reached.history;
  }

  #rows(): [string, string][] {
    return [
      ["loss (nats)", this.loss.toPrecision(6)],
      ["gradient, scaled", this.gradientNorm.toExponential(1)],
      ["steps", `${this.steps}${this.converged ? "" : " (not converged)"}`],
      ["ε", this.epsilon.toPrecision(4)],
      ["components", `${this.components} in ${this.dimension} dimensions`],
    ];
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return resultText("LightBridge", this.#rows());
  }

  /** What a notebook shows. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return resultBundle(this.#rows());
  }
}

/**
 * Fits a Schrödinger bridge, which is an entropic transport plan with a process that carries it out, to unpaired samples of its two ends. The
 * potential is a Gaussian mixture, so normalizer, plan and drift are closed forms (see {@linkcode SchrodingerBridge}), and so is the loss
 *
 *   L = E log c(x₀) − E log v(x₁) = KL(π* ‖ π) + const,
 *
 * an expectation over each sample by itself: no simulation, no inner problem. It is minimized by Adam over log α, r and log S, from targets drawn
 * at random as centers. The loss is not convex in the centers: `converged` says that the fit is stationary. Source: Korotin, Gushchin and
 * Burnaev, "Light Schrödinger Bridge" (2024), proposition 3.2 and algorithm 1.
 *
 * @param x0 Points where the process starts, `[n, d]`, f32 or f64.
 * @param x1 Points where it ends, `[m, d]`.
 * @throws {TypeError} on shapes and types that do not fit.
 * @throws {RangeError} on NaN or infinite points, no points, ε ≤ 0, other options out of range.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x0 = gpu.random.normal([500, 2], { seed: 1 }), x1 = gpu.random.normal([500, 2], { seed: 2 }).mul(0.5).add(2);
 * using bridge = await transport.lightSchrodingerBridge(x0, x1, { epsilon: 0.5, components: 3, steps: 200, tolerance: 0.2 });
 * const ends = await bridge.sample(x0, { seed: 3 }), paths = await bridge.simulate(x0, { steps: 50 }); // [500, 2], [51, 500, 2]
 * ```
 */
export async function lightSchrodingerBridge(
  x0: Tensor,
  x1: Tensor,
  options: LightBridgeOptions = {},
): Promise<LightBridge> {
  const { epsilon = 0.1, components = 20, steps = 1000, learningRate = 0.05, batch = 256, tolerance = 0.05 } = options;
  const { seed = 0, signal, onProgress } = options;
  requirePoints("x0", x0);
  requirePoints("x1", x1, x0.shape[1]);
  if (x0.device !== x1.device) throw new TypeError("Cannot bridge between points on two devices");
  if (x0.dtype !== x1.dtype || (x0.dtype !== "f32" && x0.dtype !== "f64")) {
    throw new TypeError(`Expected points of one type, f32 or f64, got ${x0.dtype} and ${x1.dtype}`);
  }
  for (const [name, x] of Object.entries({ x0, x1 })) {
    if (x.shape[0] === 0) throw new RangeError(`Expected at least one point in "${name}", got none`);
  }
  for (const [name, value] of Object.entries({ epsilon, learningRate, tolerance })) requireEpsilon(value, name);
  for (const [name, value] of Object.entries({ components, steps, batch })) requireCount(name, value);
  signal?.throwIfAborted();
  await Promise.all([requireFinite("x0", x0), requireFinite("x1", x1)]);

  using m0 = x0.mean(0);
  using m1 = x1.mean(0);
  // Around the means a center r_k is where the middle of x0 is sent, and does not depend on S_k: Adam then goes straight.
  using left = x0.sub(m0);
  using right = x1.sub(m1);
  const d = x0.shape[1], { theta: start, rates } = await firstParameters(right, components, seed);
  const lossOf = (theta: Tensor, from: Tensor, to: Tensor): Tensor => {
    const potential = potentialOf(theta, d);
    return logNormalizer(potential, from, epsilon).mean().sub(logPotential(potential, to, epsilon).mean());
  };
  // The loss in the points as they are, see `moved`.
  using between = Tensor.reduce("sum", "x * y / eps", { x: m0, y: m1, eps: epsilon });
  const shift = await between.item();
  const both = valueAndGrad(lossOf), history: BridgeProgress[] = [], every = Math.max(1, Math.floor(steps / 100));
  let theta = start, first = start.mul(0), second = start.mul(0);
  const from = new Epochs(left, batch, 2 * seed), to = new Epochs(right, batch, 2 * seed + 1);
  try {
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      using a = from.next();
      using b = to.next();
      const { value, grad: g } = both(theta, a, b);
      // Adam (Kingma and Ba 2015) with a step length that goes down along a half cosine.
      const rate = learningRate * (1 + Math.cos(Math.PI * (step - 1) / steps)) / 2;
      const m = Tensor.map("0.9 * m + 0.1 * g", { m: first, g });
      const v = Tensor.map("0.99 * v + 0.01 * g^2", { v: second, g });
      const inputs = { x: theta, m, v, l: rates, rate, c1: 1 - 0.9 ** step, c2: 1 - 0.99 ** step };
      const next = Tensor.map("x - rate * l * (m / c1) / (sqrt(v / c2) + 1e-8)", inputs);
      for (const part of [m, v, next]) void part.value;
      for (const old of [theta, first, second, g]) old.dispose();
      [theta, first, second] = [next, m, v];
      if (step % every === 0 || step === steps) {
        const progress = { step, loss: await value.item() + shift };
        if (!Number.isFinite(progress.loss)) {
          value.dispose();
          throw new RangeError(
            `The loss of the bridge is ${progress.loss} at step ${step}: try a smaller learningRate or a larger epsilon`,
          );
        }
        history.push(progress);
        onProgress?.(progress);
      }
      value.dispose();
    }
    const { value, grad: g } = both(theta, left, right);
    using loss = value;
    using gradient = g;
    using centered = disposable(potentialOf(theta, d));
    using potential = disposable(await moved(centered, m0, m1, epsilon));
    const gradientNorm = await sizeOf(gradient, potential.scales, epsilon), converged = gradientNorm <= tolerance;
    if (!converged) {
      console.warn(
        `lightSchrodingerBridge stopped after ${steps} steps with a scaled gradient of ${
          gradientNorm.toExponential(1)
        }: ` +
          "try more steps, a larger batch or fewer components",
      );
    }
    const total = await loss.item() + shift;
    return new LightBridge(potential, epsilon, { loss: total, gradientNorm, converged, steps, history });
  } finally {
    for (const part of [theta, first, second, rates]) part.dispose();
    from.dispose();
    to.dispose();
  }
}

/** Parameters in one tensor `[K, 1 + 2d]`, log α, r and log S side by side, so that a step is a few launches. */
function potentialOf(theta: Tensor, d: number): BridgePotential {
  using log = theta.slice(null, [1 + d, 1 + 2 * d]);
  return { logWeights: theta.slice(null, 0), centers: theta.slice(null, [1, 1 + d]), scales: log.exp() };
}

/**
 * The potential for points x₀ and x₁ of that for x₀ − m₀ and x₁ − m₁. As exp(⟨x₀ − m₀, x₁⟩/ε) v(x₁ − m₁) is the same up to a factor of x₀ alone,
 * the potential is v(x₁ − m₁) exp(−⟨m₀, x₁ − m₁⟩/ε), a mixture again: r_k moves by m₁ − S_k m₀ and log α_k by Σ (S_k m₀² − 2 r_k m₀)/(2ε).
 */
function moved({ logWeights, centers: r, scales }: BridgePotential, m0: Tensor, m1: Tensor, epsilon: number) {
  const S = scales;
  return runScope(() => ({
    logWeights: Tensor.reduce("sum", "(S * m^2 - 2 * r * m) * rate", { S, r, m: m0, rate: 0.5 / epsilon }, 1).add(
      logWeights,
    ),
    centers: Tensor.map("r + n - S * m", { r, S, m: m0, n: m1 }),
    scales: S.share(),
  }));
}

function disposable(potential: BridgePotential): BridgePotential & Disposable {
  const { logWeights, centers, scales } = potential;
  return { ...potential, [Symbol.dispose]: () => [logWeights, centers, scales].forEach((t) => t.dispose()) };
}

/** Equal weights, targets as centers and S = 0.1, as the paper starts; and the lengths of steps, `[1 + 2d]`. */
async function firstParameters(x1: Tensor, K: number, seed: number): Promise<{ theta: Tensor; rates: Tensor }> {
  const [m, d] = x1.shape, { device, dtype } = x1, width = 1 + 2 * d;
  return await runScope(async () => {
    const [places, data, deviations] = await Promise.all([
      draw(device, "uniform", [K], seed).data(),
      x1.data(),
      x1.std(0).data(),
    ]);
    const theta = new Float64Array(K * width), rates = new Float64Array(width).fill(1);
    for (let k = 0; k < K; k++) {
      const at = Math.floor(places[k] * m);
      for (let i = 0; i < d; i++) {
        theta[k * width + 1 + i] = data[at * d + i];
        theta[k * width + 1 + d + i] = Math.log(0.1);
      }
    }
    for (let i = 0; i < d; i++) rates[1 + i] = deviations[i] > 0 ? deviations[i] : 1;
    const tensor = (v: Float64Array<ArrayBuffer>, shape: number[]) =>
      Tensor.of(device, dtype === "f64" ? v : Float32Array.from(v), shape, dtype);
    return { theta: tensor(theta, [K, width]), rates: tensor(rates, [width]) };
  });
}

/** The largest of the scaled gradients' sums; see {@linkcode LightBridge.gradientNorm}. */
async function sizeOf(gradient: Tensor, scales: Tensor, epsilon: number): Promise<number> {
  const d = scales.shape[1];
  const sums = await runScope(() => [
    gradient.slice(null, 0).abs().sum(),
    Tensor.reduce("sum", "abs(g) * sqrt(eps * S) / d", {
      g: gradient.slice(null, [1, 1 + d]),
      S: scales,
      eps: epsilon,
      d,
    }),
    gradient.slice(null, [1 + d, null]).abs().sum().div(d),
  ]);
  const sizes = await Promise.all(sums.map((s) => s.item()));
  for (const s of sums) s.dispose();
  return Math.max(...sizes);
}

/** Batches of rows, each row once per epoch; the whole where a batch holds all. */
class Epochs {
  #at = 0;
  #epoch = 0;
  #order?: Tensor;

  constructor(readonly points: Tensor, readonly size: number, readonly seed: number) {}

  next(): Tensor {
    const { points, size } = this, n = points.shape[0];
    if (n <= size) return points.share();
    if (!this.#order || this.#at + size > n) {
      this.#order?.dispose();
      this.#order = draw(points.device, "permutation", [n], this.seed + 1000003 * this.#epoch++);
      this.#at = 0;
    }
    using rows = this.#order.slice([this.#at, this.#at += size]);
    const batch = points.take(rows, 0);
    void batch.value;
    return batch;
  }

  dispose(): void {
    this.#order?.dispose();
  }
}
