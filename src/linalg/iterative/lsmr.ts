import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Action, MatrixLike } from "./action.ts";
import { leastSquaresImplicitly } from "./implicit_least_squares.ts";
import { nextCheck } from "./next_check.ts";
import { type IterationOptions, type IterationProgress, requireIteration } from "./options.ts";
import { type IterativeSolution, type StopReason, warn } from "./solution.ts";
import { readScaled, type ScaledSystem } from "./system.ts";
import { residualOf } from "./true_residual.ts";
import { advance, computed, free, hypot, norms, toHost, zeros } from "./vectors.ts";

/** Options of {@linkcode lsmr}. */
export interface LsmrOptions extends IterationOptions {
  /** Adds damp²‖x‖² to what is minimized (ridge regression, Tikhonov). Default 0. */
  damp?: number;
  /** Stops once ‖r‖ ≤ tolerance·(‖A‖‖x‖ + ‖b‖) or ‖Aᵀr‖ ≤ tolerance·‖A‖‖r‖ for every column. Default 1e-5 in f32, 1e-10 in f64. */
  tolerance?: number;
}

/** What {@linkcode lsmr} found. */
export interface LsmrSolution extends IterativeSolution {
  /** ‖Aᵀr − damp²x‖ / (‖A‖‖r‖), computed anew: 0 at a least-squares solution. The largest of all columns. */
  readonly normalResidual: number;
  /** What ‖A‖₂ is at least, from the bidiagonalization. */
  readonly norm: number;
}

type Names =
  | "x"
  | "u"
  | "v"
  | "h"
  | "hBar"
  | "alpha"
  | "alphaBar"
  | "rho"
  | "rhoBar"
  | "cBar"
  | "sBar"
  | "zetaBar"
  | "size";
type State = Record<Names, Tensor>;

/**
 * The x that minimizes ‖A·x − b‖² + damp²‖x‖² for a matrix `[..., m, n]` or operator of any shape and rank, by Golub–Kahan
 * bidiagonalization; of many minimizers the one of least norm. `b` is `[m]` or `[..., m, k]`, x `[n]` or `[..., n, k]`; the columns go on
 * together. Gradients with respect to b and to a tensor A come from further solves with Aᵀ. Throws a `TypeError` for shapes and types that
 * do not fit, and a `RangeError` if an element is not finite. Source: Fong & Saunders (2011), LSMR: an iterative algorithm for sparse
 * least-squares problems.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[1, 0], [1, 1], [1, 2]]);
 * const { x } = await linalg.lsmr(a, gpu.tensor([1, 2, 4])); // the line 0.833 + 1.5·t
 * ```
 */
export async function lsmr(a: MatrixLike, b: Tensor, options: LsmrOptions = {}): Promise<LsmrSolution> {
  const { damp = 0 } = options;
  if (!(typeof damp === "number" && damp >= 0 && damp < Infinity)) {
    throw new RangeError(`Expected "damp" to be zero or positive, got ${damp}`);
  }
  return await leastSquaresImplicitly(a, b, damp, {
    solve: (a, b) => solve(a, b, damp, options),
    again: async (a, b, damp) => (await lsmr(a, b, { ...options, damp })).x,
  });
}

async function solve(a: MatrixLike, b: Tensor, damp: number, options: LsmrOptions): Promise<LsmrSolution> {
  options.signal?.throwIfAborted();
  const system = await readScaled(a, b, undefined, "lsmr", { square: false });
  try {
    return await iterate(system, damp, options);
  } finally {
    system.dispose();
  }
}

/** What was measured, by column: ‖r‖, ‖Aᵀr − damp²x‖, ‖x‖, and the bound of ‖A‖. */
interface Sizes {
  readonly r: Float64Array;
  readonly g: Float64Array;
  readonly x: Float64Array;
  readonly norm: number;
}

async function iterate(system: ScaledSystem, damp: number, options: LsmrOptions): Promise<LsmrSolution> {
  const { a, b, sizes } = system, { signal, onProgress } = options;
  const { tolerance, maxIterations } = requireIteration(
    options,
    a.dtype,
    Math.max(100, 10 * Math.min(a.rows, a.columns)),
  );
  const residual = await residualOf(a, b, { damp }), history: IterationProgress[] = [];
  /** The smaller of both tests, over the tolerance: 1 or less is enough. */
  const excess = ({ r, g, x, norm }: Sizes): number =>
    r.reduce((most, rc, c) => {
      const whole = Math.hypot(rc, damp * x[c]), size = Math.hypot(norm, damp);
      const least = g[c] === 0 ? 0 : g[c] / (size * whole);
      const compatible = damp > 0 ? Infinity : rc === 0 ? 0 : rc / (norm * x[c] + sizes[c]);
      return Math.max(most, Math.min(least, compatible) / tolerance);
    }, 0);
  let state = await advance({} as State, () => begin(a, b)), iteration = 0, best = Infinity, stalls = 0;
  let next = Math.min(10, Math.max(1, Math.min(a.rows, a.columns)), maxIterations);
  try {
    for (;;) {
      for (; iteration < next; iteration++) state = await advance(state, (s) => step(a, s, damp));
      const rough = await measured(a, b, state, damp), over = excess(rough);
      if (!Number.isFinite(over)) throw new RangeError("lsmr: a product with the matrix is not finite");
      const progress = { iteration, residual: over * tolerance };
      history.push(progress);
      onProgress?.(progress);
      signal?.throwIfAborted();
      // Where nothing gets better any more, the error of the measurement may be what is seen.
      stalls = over < 0.7 * best ? 0 : stalls + 1;
      best = Math.min(best, over);
      const stalled = stalls >= 8 && best < 1e3;
      if (over <= 1 || stalled || iteration >= maxIterations) {
        using rounded = await system.rounded(state.x);
        const exact = await residual(rounded ?? state.x), { normal } = exact;
        exact.r.dispose();
        const upper = (v: Float64Array, e: Float64Array) => v.map((n, c) => n + e[c]);
        const over2 = excess({
          ...rough,
          r: upper(exact.norms, exact.errors),
          g: upper(normal!.norms, normal!.errors),
        });
        // ‖r‖ is also in a denominator, where it counts as measured: its error changes the quotient by a factor near 1.
        const enough = over2 <= 1, last = stalled || iteration >= maxIterations;
        if (enough || last) {
          const reason: StopReason = enough ? "converged" : stalled ? "stagnation" : "maxIterations";
          const relative = [...exact.norms].map((r, c) => r / (sizes[c] || 1));
          const quotients = [...normal!.norms].map((g, c) =>
            g === 0 ? 0 : g / (Math.hypot(rough.norm, damp) * Math.hypot(exact.norms[c], damp * rough.x[c]))
          );
          const result = {
            converged: enough,
            reason,
            iterations: iteration,
            residual: Math.max(0, ...relative),
            residualError: Math.max(0, ...[...exact.errors].map((e, c) => e / (sizes[c] || 1))),
            residuals: relative,
            normalResidual: Math.max(0, ...quotients),
            norm: rough.norm,
            history,
          };
          const x = await system.restore(state.x);
          warn("lsmr", reason, iteration, "a residual of the normal equations", result.normalResidual);
          return { x, ...result };
        }
        stalls++;
      }
      next = Math.min(maxIterations, nextCheck(history, 0, tolerance / 2));
    }
  } finally {
    free(state);
  }
}

function measured(a: Action, b: Tensor, { x, size }: State, damp: number): Promise<Sizes> {
  return runScope(async () => {
    const r = computed(Tensor.map("b - y", { b, y: a.apply(x) }));
    const g = Tensor.map("g - d2 * x", { g: a.applyTransposed(r), d2: damp ** 2, x });
    const [rs, gs, xs, ns] = await Promise.all([norms(r), norms(g), norms(x), size].map(toHost));
    return { r: rs, g: gs, x: xs, norm: Math.max(0, ...ns) };
  });
}

function begin(a: Action, b: Tensor): State {
  const beta = norms(b), u = unit(b, beta), first = a.applyTransposed(u), alpha = norms(first), v = unit(first, alpha);
  const x = zeros(a.device, v.shape, a.dtype), zero = computed(Tensor.map("0 * a", { a: alpha }));
  const one = computed(Tensor.map("0 * a + 1", { a: alpha }));
  return {
    x,
    u,
    v,
    h: v.slice(),
    hBar: x.slice(),
    alpha,
    alphaBar: alpha.slice(),
    rho: one,
    rhoBar: one.slice(),
    cBar: one.slice(),
    sBar: zero,
    zetaBar: Tensor.map("a * b", { a: alpha, b: beta }),
    size: alpha.slice(),
  };
}

function step(a: Action, state: State, damp: number): State {
  const { x, h, hBar, alpha, alphaBar, rho, rhoBar, cBar, sBar, zetaBar, size } = state;
  const w = computed(Tensor.map("y - alpha * u", { y: a.apply(state.v), alpha, u: state.u })), beta = norms(w);
  const u = unit(w, beta), z = computed(Tensor.map("y - beta * v", { y: a.applyTransposed(u), beta, v: state.v }));
  const alphaNext = norms(z), v = unit(z, alphaNext);
  const quotient = (x: Tensor, y: Tensor) => computed(Tensor.map("y > 0 ? x / y : 0 * x", { x, y }));
  const alphaHat = damp === 0 ? hypot(alphaBar, 0) : hypot(alphaBar, damp), rhoNext = hypot(alphaHat, beta);
  const c = quotient(damp === 0 ? alphaBar : alphaHat, rhoNext), s = quotient(beta, rhoNext);
  const theta = computed(s.mul(alphaNext)),
    thetaBar = computed(sBar.mul(rhoNext)),
    turned = computed(cBar.mul(rhoNext));
  const rhoBarNext = hypot(turned, theta), cNext = quotient(turned, rhoBarNext), sNext = quotient(theta, rhoBarNext);
  const zeta = computed(cNext.mul(zetaBar));
  const back = computed(
    Tensor.map("o > 0 && p > 0 ? (t / o) * (r / p) : 0 * t", { t: thetaBar, r: rhoNext, o: rho, p: rhoBar }),
  );
  const along = computed(Tensor.map("r > 0 && p > 0 ? z / r / p : 0 * z", { z: zeta, r: rhoNext, p: rhoBarNext }));
  const hBarNext = computed(Tensor.map("h - back * g", { h, back, g: hBar }));
  return {
    x: Tensor.map("x + along * g", { x, along, g: hBarNext }),
    u,
    v,
    h: Tensor.map("v - t * h", { v, t: quotient(theta, rhoNext), h }),
    hBar: hBarNext,
    alpha: alphaNext,
    alphaBar: Tensor.map("c * a", { c, a: alphaNext }),
    rho: rhoNext,
    rhoBar: rhoBarNext,
    cBar: cNext,
    sBar: sNext,
    zetaBar: Tensor.map("-s * z", { s: sNext, z: zetaBar }),
    // A column of the bidiagonal matrix: no larger than ‖A‖.
    size: Tensor.map("max(size, h)", { size, h: hypot(alpha, beta) }),
  };
}

/** The columns over their norms; 0 where that is 0. */
function unit(x: Tensor, norm: Tensor): Tensor {
  return computed(Tensor.map("n > 0 ? x / n : 0 * x", { x, n: norm }));
}
