import { dense } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type GromovProgress, GromovResult } from "./gromov_result.ts";
import { gromovValue } from "./gromov_value.ts";
import { numberOf } from "./host_problem.ts";
import { sinkhorn } from "./sinkhorn.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import type { SinkhornResult } from "./sinkhorn_result.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** Options of {@linkcode gromovWasserstein}. */
export interface GromovOptions {
  /** `square`: L(a, b) = (a − b)². `kl`: L(a, b) = a log(a/b) − a + b, for distances of 0 or more and C2 positive. Default `square`. */
  loss?: "square" | "kl";
  /** Weights of the first space, `[n]`; default equal. */
  a?: Weights;
  /** Weights of the second space, `[m]`, with the same sum; default equal. */
  b?: Weights;
  /**
   * Regularization ε in the unit of L; a tensor of one number to differentiate by it. Default 0.05 of the largest |gradient| at the product of the
   * weights.
   */
  epsilon?: number | Tensor;
  /** A cost between points of the two spaces, `[n, m]`, to fuse with: the objective is (1 − α)·distortion + α⟨P, M⟩. */
  features?: Tensor;
  /** α of `features`, from 0 to 1. Default 0.5. */
  alpha?: number;
  /** Steps from each start before giving up. Default 200. */
  maxIterations?: number;
  /** Stops once {@linkcode GromovResult.change} is below this. Default 1e-4. */
  tolerance?: number;
  /** Marginal error of the plans, relative to the total mass. Default 1e-5. */
  marginalTolerance?: number;
  /** Starts, of which the best is kept: the first is the product of the weights, the others are random. Default 1. */
  starts?: number;
  /** Seed of the random starts. Default 0. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onProgress?: (progress: GromovProgress) => void;
}

/** Rise of the objective, relative to its parts, that counts as rounding. */
const ROUNDING = 1e-5;

/** L(a, b) = f(a) + g(b) − h(a) k(b), by which the gradient is two matrix products (Peyré, Cuturi and Solomon, proposition 1). */
const LOSSES = {
  square: { f: "c * c", g: "c * c", h: "c", k: "2 * c" },
  kl: { f: "c > 0 ? c * log(c) - c : 0", g: "c", h: "c", k: "log(c)" },
} as const;

interface Found {
  readonly plan: Tensor;
  readonly transport: SinkhornResult;
  readonly cost: number;
  readonly objective: number;
  readonly change: number;
  readonly converged: boolean;
  readonly history: GromovProgress[];
}

/**
 * Entropic Gromov–Wasserstein: a plan between two spaces of which only the distances within each are known,
 *
 *   min Σ L(C1_ik, C2_jl) P_ij P_kl − ε H(P)  over P ≥ 0 with P·1 = a, Pᵀ·1 = b,  H(P) = −Σ P (log P − 1),
 *
 * by steps that solve the entropic transport problem of the gradient at the last plan (projected gradients in Kullback–Leibler divergence), with a
 * proximal term ρ KL(P | P') where the objective would rise without. Time O(n²m + nm²) a step and memory O(n² + m² + nm). The problem is not
 * convex: the result is a stationary point, which depends on the start. Source: Peyré, Cuturi and Solomon, "Gromov–Wasserstein Averaging of Kernel
 * and Distance Matrices" (2016), sections 2.2 and 3.1; fused: Vayer, Chapel, Flamary, Tavenard and Courty (2019).
 *
 * @param C1 Distances (or similarities) within the first space, symmetric `[n, n]`.
 * @param C2 The same within the second, `[m, m]`.
 * @throws {TypeError} on shapes that do not fit and unknown names.
 * @throws {RangeError} on NaN or infinite input, matrices that are not symmetric, negative weights, totals that differ, ε ≤ 0.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const path = gpu.tensor([[0, 1, 3], [1, 0, 2], [3, 2, 0]]), turned = gpu.tensor([[0, 2, 3], [2, 0, 1], [3, 1, 0]]);
 * const { plan } = await transport.gromovWasserstein(path, turned, { epsilon: 0.05 });
 * const matched = await plan.toDense().argmax(1).array(); // [2, 1, 0]: the other way round
 * ```
 */
export async function gromovWasserstein(C1: Tensor, C2: Tensor, options: GromovOptions = {}): Promise<GromovResult> {
  const { signal, loss = "square" } = options;
  signal?.throwIfAborted();
  const regularization = options.epsilon === undefined ? undefined : await numberOf("epsilon", options.epsilon);
  const settings = await requireInput(C1, C2, { ...options, epsilon: regularization });
  const [n, m] = [C1.shape[0], C2.shape[0]], { device, dtype } = C1;
  const weights = await prepareWeights(options.a, options.b, n, m), { total } = weights;
  const array = (v: Float64Array) => dtype === "f64" ? Float64Array.from(v) : Float32Array.from(v);
  const owned: { dispose(): void }[] = [];
  const keep = <T extends Tensor>(t: T): T => {
    void t.value;
    owned.push(t);
    return t;
  };
  let best: Found | undefined;
  const drop = (found: Found) => {
    found.plan.dispose();
    freeTransport(found.transport);
  };
  try {
    const a = keep(Tensor.of(device, array(weights.a), [n, 1], dtype)),
      b = keep(Tensor.of(device, array(weights.b), [m, 1], dtype));
    const formulas = LOSSES[loss], share = options.features ? 1 - settings.alpha : 1;
    // The steps take constants: the value is joined to its tensors afterwards.
    const one = keep(stopGradient(C1)), other = keep(stopGradient(C2));
    const h = keep(Tensor.map(formulas.h, { c: one })), k = keep(Tensor.map(formulas.k, { c: other }));
    const row = keep(b.reshape([1, m]));
    const fixed = keep(
      await runScope(() => {
        const left = Tensor.map(formulas.f, { c: one }).matmul(a),
          right = Tensor.map(formulas.g, { c: other }).matmul(b);
        const both = Tensor.map("x + y", { x: left, y: right.reshape([1, m]) });
        void both.value;
        return both;
      }),
    );
    const M = options.features && keep(stopGradient(options.features));
    /** The distortion's tensor product with a plan; its gradient is twice that. */
    const product = (P: Tensor): Tensor => Tensor.map("c - x", { c: fixed, x: h.matmul(P).matmul(k) });
    const slope = (P: Tensor): Tensor => {
      const t = product(P);
      const out = M ? Tensor.map("2 * s * t + (1 - s) * M", { t, M, s: share }) : Tensor.map("2 * t", { t });
      void out.value;
      return out;
    };
    const measure = (P: Tensor, epsilon: number) =>
      runScope(async () => {
        const t = product(P), linear = M && Tensor.reduce("sum", "P * M", { P, M });
        const [quadratic, fused, entropy] = await Promise.all([
          Tensor.reduce("sum", "P * t", { P, t }).item(),
          linear?.item() ?? 0,
          Tensor.reduce("sum", "P > 0 ? P * (1 - log(P)) : 0", { P }).item(),
        ]);
        const cost = share * quadratic + (1 - share) * fused;
        return { cost, objective: cost - epsilon * entropy, scale: Math.abs(cost) + epsilon * Math.abs(entropy) };
      });
    const independent = keep(Tensor.map("a * b / t", { a, b: row, t: total }));
    let epsilon = regularization;
    if (epsilon === undefined) {
      epsilon = 0.05 * await runScope(() => Tensor.reduce("max", "abs(x)", { x: slope(independent) }).item()) || 1;
    }
    const eps = epsilon;
    const inner = {
      a: weights.a,
      b: weights.b,
      epsilonScale: "absolute" as const,
      tolerance: settings.marginalTolerance,
      signal,
    };
    const descend = async (start: Tensor): Promise<Found> => {
      let plan = start.add(0), transport: SinkhornResult | undefined, proximal = 0;
      void plan.value;
      const history: GromovProgress[] = [];
      try {
        let at = await measure(plan, eps);
        for (let iteration = 1;; iteration++) {
          signal?.throwIfAborted();
          using C = await runScope(() => {
            const s = slope(plan);
            if (proximal === 0) return s;
            const out = Tensor.map("s - r * log(max(P, 1e-37))", { s, P: plan, r: proximal });
            void out.value;
            return out;
          });
          const tried: SinkhornResult = await sinkhorn(C, { ...inner, epsilon: eps + proximal });
          const next = await runScope(() => {
            // The plan's entries, held apart from what the result keeps.
            const P = tried.plan.toDense().add(0);
            void P.value;
            return P;
          });
          const then = await measure(next, eps);
          if (!Number.isFinite(then.objective)) {
            freeTransport(tried);
            next.dispose();
            throw new RangeError(
              `The distortion left the range of ${dtype}: expected distances of moderate size, scale them`,
            );
          }
          const rose = then.objective > at.objective + ROUNDING * Math.max(then.scale, at.scale);
          // A random start is no solution of such a problem, so that the first step may go up.
          if (rose && iteration > 1 && iteration < settings.maxIterations) {
            freeTransport(tried);
            next.dispose();
            proximal = Math.max(2 * proximal, eps);
            continue;
          }
          using moved = Tensor.reduce("sum", "abs(x - y)", { x: next, y: plan });
          const change = await moved.item() / total;
          plan.dispose();
          if (transport) freeTransport(transport);
          [plan, transport, at] = [next, tried, then];
          const progress = { iteration, objective: at.objective, change, proximal };
          history.push(progress);
          options.onProgress?.(progress);
          signal?.throwIfAborted();
          const still = change <= settings.tolerance * eps / (eps + proximal);
          if (still || iteration >= settings.maxIterations) {
            return { plan, transport, ...at, change, converged: still && tried.converged, history };
          }
        }
      } catch (error) {
        plan.dispose();
        if (transport) freeTransport(transport);
        throw error;
      }
    };
    const reached: number[] = [];
    for (let s = 0; s < settings.starts; s++) {
      using start = s === 0 ? independent.add(0) : await runScope(() => {
        const params = { distribution: "uniform", shape: [n, m], seed: settings.seed, stream: s };
        const u = Tensor.apply("random", {}, params, device).out.astype(dtype);
        const out = Tensor.map("p * exp(4 * u)", { p: independent, u });
        const scaled = out.mul(Tensor.map("t / s", { t: total, s: out.sum() }));
        void scaled.value;
        return scaled;
      });
      const found = await descend(start);
      reached.push(found.objective);
      if (!best || found.objective < best.objective) {
        if (best) drop(best);
        best = found;
      } else drop(found);
    }
    const { plan, ...rest } = best!;
    if (!rest.converged) {
      console.warn(
        `gromovWasserstein stopped after ${rest.history.length} steps with a change of ${
          rest.change.toExponential(1)
        }: ` +
          "try more maxIterations, a larger epsilon or tolerance",
      );
    }
    const value = await gromovValue(best!, { C1, C2, ...options }, weights, formulas, { share, at: eps });
    const operator = dense(plan, { owns: true });
    return new GromovResult({ ...rest, value, plan: operator, epsilon: eps, starts: reached }, [
      operator,
      rest.transport,
      ...rest.transport.plan.parts,
    ]);
  } catch (error) {
    if (best) drop(best);
    throw error;
  } finally {
    for (const part of owned) part.dispose();
  }
}

/** Frees a transport with its stored plan, which is delayed and would hold what it is made of. */
function freeTransport(transport: SinkhornResult): void {
  for (const part of transport.plan.parts) part.dispose();
  transport.dispose();
}

async function requireInput(C1: Tensor, C2: Tensor, options: GromovOptions & { epsilon?: number }) {
  const { loss = "square", alpha = 0.5, maxIterations = 200, tolerance = 1e-4, marginalTolerance = 1e-5 } = options;
  const { starts = 1, seed = 0, epsilon = 1, features } = options;
  if (!Object.hasOwn(LOSSES, loss)) {
    throw new TypeError(`Expected "loss" to be "square" or "kl", got ${JSON.stringify(loss)}`);
  }
  for (const [name, value] of Object.entries({ epsilon, tolerance, marginalTolerance })) {
    if (!(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new RangeError(`Expected "${name}" to be positive, got ${value}`);
    }
  }
  for (const [name, value] of Object.entries({ maxIterations, starts })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Expected "${name}" to be a whole number from 1, got ${value}`);
    }
  }
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError(`Expected "alpha" from 0 to 1, got ${alpha}`);
  for (const [name, C] of Object.entries({ C1, C2 })) {
    if (!(C instanceof Tensor) || C.rank !== 2 || C.shape[0] !== C.shape[1] || C.shape[0] === 0) {
      throw new TypeError(
        `Expected "${name}" to be a square matrix, got ${C instanceof Tensor ? `[${C.shape.join(", ")}]` : typeof C}`,
      );
    }
    await requireFinite(name, C);
    using turned = C.T;
    using off = Tensor.reduce("max", "abs(c - t) - 1e-5 * (abs(c) + abs(t))", { c: C, t: turned });
    if (await off.item() > 0) throw new RangeError(`Expected "${name}" to be symmetric`);
    if (loss === "kl") {
      using least = C.min();
      const low = await least.item();
      if (low < 0 || (name === "C2" && low === 0)) {
        throw new RangeError(
          `Expected "${name}" to be ${name === "C2" ? "positive" : "0 or more"} with loss "kl", got ${low}`,
        );
      }
    }
  }
  if (
    features &&
    (!(features instanceof Tensor) || features.rank !== 2 || features.shape[0] !== C1.shape[0] ||
      features.shape[1] !== C2.shape[0])
  ) {
    throw new TypeError(`Expected "features" to be a cost matrix [${C1.shape[0]}, ${C2.shape[0]}]`);
  }
  if (features) await requireFinite("features", features);
  return { alpha, maxIterations, tolerance, marginalTolerance, starts, seed };
}
