import { runScope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/mod.ts";

/** A Gaussian mixture that serves as the adjusted potential of a Schrödinger bridge. */
export interface BridgePotential {
  /** log α_k, `[K]`; a common constant does not matter. */
  readonly logWeights: Tensor;
  /** Centers r_k, `[K, d]`. */
  readonly centers: Tensor;
  /** Diagonals of S_k, `[K, d]`, positive. */
  readonly scales: Tensor;
}

/** Tensors of the quadratic forms at one time. */
interface Forms {
  /** Constants, `[K]`. */
  constant: Tensor;
  /** Factors of x², `[K, d]`. */
  quadratic: Tensor;
  /** Factors of x, `[K, d]`. */
  linear: Tensor;
}

/** log ρ_k(x) at one time, up to what all components share: streams over the components. */
const SCORE = "constant[j] + dot(x[i] * x[i], quadratic[j]) + dot(x[i], linear[j])";

/**
 * A Schrödinger bridge in closed form: the process that is closest to Brownian motion √ε W among those with given ends, for an
 * adjusted potential v(x₁) = Σ_k α_k N(x₁ | r_k, ε S_k) with diagonal S_k. With c(x₀) = Σ_k α_k exp((x₀ᵀS_k x₀ + 2 r_kᵀx₀)/(2ε)) its plan is
 *
 *   π(x₁ | x₀) = exp(⟨x₀, x₁⟩/ε) v(x₁) / c(x₀),
 *
 * a mixture of N(r_k + S_k x₀, ε S_k), and its drift is ε ∇ log φ_t, φ_t(x) = ∫ N(x₁ | x, ε(1 − t)) exp(|x₁|²/2ε) v(x₁) dx₁. The integral of each
 * component is a Gaussian one: with D_k = t S_k + 1 − t, up to a factor that all of them share,
 *
 *   φ_t(x) = Σ_k α_k |D_k|^(−1/2) exp(Σ (S_k x² + 2 r_k x − t r_k² − x²)/(2ε D_k)),
 *   drift(x, t) = Σ_k w_k(x, t) (S_k x + r_k − x)/D_k,  w_k the softmax of the terms,
 *
 * regular up to t = 1. It is the optimal entropic plan between any starting points and what it takes them to. Source: Korotin, Gushchin and
 * Burnaev, "Light Schrödinger Bridge" (2024), section 3 and appendix.
 */
export class SchrodingerBridge implements BridgePotential {
  /** log α_k, `[K]`. */
  readonly logWeights: Tensor;
  /** Centers r_k, `[K, d]`. */
  readonly centers: Tensor;
  /** Diagonals of S_k, `[K, d]`. */
  readonly scales: Tensor;
  /** Variance of the Brownian motion at t = 1, in the squared unit of the points. */
  readonly epsilon: number;

  /**
   * The bridge of a potential, of which it takes handles of its own.
   *
   * @throws {TypeError} on shapes that do not fit, other types than f32 and f64.
   * @throws {RangeError} on ε ≤ 0.
   */
  constructor(potential: BridgePotential, epsilon: number) {
    const { logWeights, centers, scales } = potential;
    const [K, d] = centers.shape, shape = (t: Tensor) => `[${t.shape.join(", ")}]`;
    if (centers.rank !== 2 || K === 0 || d === 0 || logWeights.rank !== 1 || logWeights.shape[0] !== K) {
      throw new TypeError(
        `Expected logWeights [K] and centers [K, d] with K and d from 1, got ${shape(logWeights)} and ${
          shape(centers)
        }`,
      );
    }
    if (scales.rank !== 2 || scales.shape[0] !== K || scales.shape[1] !== d) {
      throw new TypeError(`Expected scales like the centers, [${K}, ${d}], got ${shape(scales)}`);
    }
    if (centers.dtype !== "f32" && centers.dtype !== "f64") {
      throw new TypeError(`Expected a potential in f32 or f64, got ${centers.dtype}`);
    }
    if (scales.dtype !== centers.dtype || logWeights.dtype !== centers.dtype) {
      throw new TypeError(
        `Expected a potential of one type, got ${logWeights.dtype}, ${centers.dtype} and ${scales.dtype}`,
      );
    }
    requireEpsilon(epsilon);
    this.logWeights = logWeights.share(logWeights.tracks);
    this.centers = centers.share(centers.tracks);
    this.scales = scales.share(scales.tracks);
    this.epsilon = epsilon;
  }

  /** Components K. */
  get components(): number {
    return this.centers.shape[0];
  }

  /** Dimension d of the points. */
  get dimension(): number {
    return this.centers.shape[1];
  }

  /** log c(x₀) of points `[n, d]`: `[n]`. */
  logNormalizer(x0: Tensor): Tensor {
    this.#requirePoints("x0", x0);
    return logNormalizer(this, x0, this.epsilon);
  }

  /** log v(x₁) of points `[n, d]`: `[n]`. */
  logPotential(x1: Tensor): Tensor {
    this.#requirePoints("x1", x1);
    return logPotential(this, x1, this.epsilon);
  }

  /** log π(x₁ | x₀), row by row, of points `[n, d]`: `[n]`. */
  logConditional(x0: Tensor, x1: Tensor): Tensor {
    this.#requirePoints("x0", x0);
    this.#requirePoints("x1", x1);
    if (x0.shape[0] !== x1.shape[0]) {
      throw new TypeError(`Expected as many points x0 as x1, got ${x0.shape[0]} and ${x1.shape[0]}`);
    }
    using v = this.logPotential(x1);
    using c = this.logNormalizer(x0);
    using along = Tensor.reduce("sum", "x * y", { x: x0, y: x1 }, 1);
    return Tensor.map("v + s / eps - c", { v, c, s: along, eps: this.epsilon });
  }

  /** E[x₁ | x₀], where the plan sends each point on average: `[n, d]`. */
  mean(x0: Tensor): Tensor {
    using drift = this.drift(x0, 0);
    return x0.add(drift);
  }

  /** The drift g(x, t) of dX = g dt + √ε dW at points `[n, d]` and a time from 0 to 1: `[n, d]`. */
  drift(x: Tensor, t: number): Tensor {
    this.#requirePoints("x", x);
    if (!(t >= 0 && t <= 1)) throw new RangeError(`Expected "t" to be from 0 to 1, got ${t}`);
    const { centers: r, scales: S } = this, { constant, quadratic, linear } = this.#forms(t);
    using factor = Tensor.map("(S - 1) / (t * S + 1 - t)", { S, t });
    using offset = Tensor.map("r / (t * S + 1 - t)", { S, r, t });
    const inputs = { x, constant, quadratic, linear, factor, offset };
    const { out } = Tensor.apply("pairwise", inputs, {
      reduction: "softmax",
      formula: SCORE,
      value: "x[i] * factor[j] + offset[j]",
    });
    void out.value;
    for (const form of [constant, quadratic, linear]) form.dispose();
    return out;
  }

  /** Draws x₁ from the plan for each of the points x₀ `[n, d]`: `[n, d]`. Equal seeds give equal draws. */
  sample(x0: Tensor, options: { seed?: number } = {}): Promise<Tensor> {
    this.#requirePoints("x0", x0);
    const { seed = 0 } = options, { device } = x0, [n, d] = x0.shape;
    return runScope(() => {
      const { constant, quadratic, linear } = this.#forms(0);
      const logits = x0.square().matmul(quadratic.T).add(x0.matmul(linear.T)).add(constant);
      // The largest of logit + Gumbel noise is at k with the probability of k.
      const uniform = draw(device, "uniform", [n, this.components], 2 * seed);
      const noisy = Tensor.map("s - log(-log(u + 2^-26))", { s: logits, u: uniform.astype(x0.dtype) });
      const k = noisy.argmax(1), z = draw(device, "normal", [n, d], 2 * seed + 1).astype(x0.dtype);
      const r = this.centers.take(k, 0), S = this.scales.take(k, 0);
      return Tensor.map("r + S * x + sqrt(eps * S) * z", { r, S, x: x0, z, eps: this.epsilon });
    });
  }

  /**
   * Simulates dX = g(X, t) dt + √ε dW from points x₀ `[n, d]` by the method of Euler and Maruyama: `[steps + 1, n, d]`, the first of them x₀.
   * The law of the end differs from that of {@linkcode SchrodingerBridge.sample} by O(1/steps). Equal seeds give equal paths.
   */
  simulate(x0: Tensor, options: { steps?: number; seed?: number; signal?: AbortSignal } = {}): Promise<Tensor> {
    this.#requirePoints("x0", x0);
    const { steps = 100, seed = 0, signal } = options, [n, d] = x0.shape, { device, dtype } = x0;
    requireCount("steps", steps);
    return runScope(() => {
      const noise = draw(device, "normal", [steps, n, d], seed).astype(dtype), path = [x0];
      for (let k = 0; k < steps; k++) {
        signal?.throwIfAborted();
        const x = path[k], g = this.drift(x, k / steps);
        path.push(
          Tensor.map("x + g * h + sqrt(eps * h) * z", { x, g, z: noise.at(k), h: 1 / steps, eps: this.epsilon }),
        );
      }
      const inputs = Object.fromEntries(path.map((x, k) => [`x${k}`, x.expandDims(0)]));
      return Tensor.apply("concatenate", inputs, { axis: 0 }).out;
    });
  }

  /** Frees the potential. */
  dispose(): void {
    for (const part of [this.logWeights, this.centers, this.scales]) part.dispose();
  }

  /** `using bridge = …` frees it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The terms of φ_t without −x²/(2ε(1 − t)) … that all components share; at t = 0 those of c, with −|x|²/(2ε). */
  #forms(t: number): Forms {
    const { logWeights, centers: r, scales: S, epsilon: eps } = this;
    using log = Tensor.reduce("sum", "-0.5 * log(t * S + 1 - t) - t * r^2 / (2 * eps * (t * S + 1 - t))", {
      S,
      r,
      t,
      eps,
    }, 1);
    return {
      constant: logWeights.add(log),
      quadratic: Tensor.map("(S - 1) / (2 * eps * (t * S + 1 - t))", { S, t, eps }),
      linear: Tensor.map("r / (eps * (t * S + 1 - t))", { S, r, t, eps }),
    };
  }

  #requirePoints(name: string, x: Tensor): void {
    requirePoints(name, x, this.dimension);
    if (x.device !== this.centers.device) {
      throw new TypeError(`The points "${name}" are on another device than the bridge`);
    }
    if (x.dtype !== this.centers.dtype) {
      throw new TypeError(`Expected points "${name}" of the bridge's type ${this.centers.dtype}, got ${x.dtype}`);
    }
  }
}

/** log c(x₀) = log Σ_k α_k exp((x₀ᵀS_k x₀ + 2 r_kᵀx₀)/(2ε)): `[n]`. */
export function logNormalizer({ logWeights, centers, scales }: BridgePotential, x0: Tensor, epsilon: number): Tensor {
  const formula = "a[j] + (dot(x[i] * x[i], S[j]) + 2 * dot(x[i], r[j])) * rate";
  const inputs = { x: x0, a: logWeights, S: scales, r: centers, rate: 0.5 / epsilon };
  return Tensor.apply("pairwise", inputs, { reduction: "logsumexp", formula }).out;
}

/** log v(x₁) = log Σ_k α_k N(x₁ | r_k, ε S_k): `[n]`. */
export function logPotential({ logWeights, centers, scales }: BridgePotential, x1: Tensor, epsilon: number): Tensor {
  using norm = Tensor.reduce("sum", "-0.5 * log(tau * eps * S)", { S: scales, tau: 2 * Math.PI, eps: epsilon }, 1);
  using b = logWeights.add(norm);
  using precision = scales.reciprocal();
  const formula = "b[j] - dot((x[i] - r[j]) * (x[i] - r[j]), precision[j]) * rate";
  const inputs = { x: x1, b, precision, r: centers, rate: 0.5 / epsilon };
  return Tensor.apply("pairwise", inputs, { reduction: "logsumexp", formula }).out;
}

/** Seeded random numbers on a device, in f32. */
export function draw(device: Tensor["device"], distribution: string, shape: readonly number[], seed: number): Tensor {
  return Tensor.apply("random", {}, { distribution, shape, seed }, device).out;
}

/** Refuses what is not a whole number from 1. */
export function requireCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`Expected "${name}" to be a whole number from 1, got ${value}`);
  }
}

/** Refuses what is not a positive finite number. */
export function requireEpsilon(epsilon: number, name = "epsilon"): void {
  if (!(typeof epsilon === "number" && epsilon > 0 && epsilon < Infinity)) {
    throw new RangeError(`Expected "${name}" to be positive, got ${epsilon}`);
  }
}

/** Refuses points of another shape than `[n, d]`. */
export function requirePoints(name: string, x: Tensor, d?: number): void {
  if (!(x instanceof Tensor)) {
    throw new TypeError(`Expected points "${name}" as a tensor, got ${x === null ? "null" : typeof x}`);
  }
  if (x.rank !== 2 || x.shape[1] === 0 || (d !== undefined && x.shape[1] !== d)) {
    throw new TypeError(`Expected points "${name}" of shape [n, ${d ?? "d"}], got [${x.shape.join(", ")}]`);
  }
}
