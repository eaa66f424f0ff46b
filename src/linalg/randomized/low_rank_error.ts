import { sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Action, actionOf, type MatrixLike } from "../iterative/action.ts";
import { requireCount } from "../iterative/options.ts";
import { computed, drawn, norms, seedOf, toHost } from "../iterative/vectors.ts";

/** What stands for a matrix A: a basis `q` (for q·qᵀ·A), u·diag(s)·vᵀ, u·diag(s)·uᵀ, c·u·r, or A[:, columns]·coefficients. */
export type LowRank =
  | { readonly q: Tensor }
  | { readonly u: Tensor; readonly s: Tensor; readonly v?: Tensor }
  | { readonly c: Tensor; readonly u: Tensor; readonly r: Tensor }
  | { readonly columns: Tensor; readonly coefficients: Tensor };

/** How far a low-rank approximation is from its matrix, in the spectral norm. */
export interface LowRankError {
  /** ‖A − Â‖₂ is below this, with the probability `confidence`; of a stack the worst, relative to its norm. */
  readonly bound: number;
  /** ‖A − Â‖₂ is at least this (up to rounding), by a few steps of power iteration. */
  readonly estimate: number;
  /** How probable it is that the bound holds, over the random vectors: 1 − 10^(−probes/2). */
  readonly confidence: number;
  /** ‖A‖₂ is at least this, by the same steps. */
  readonly norm: number;
}

/** Options of {@linkcode lowRankError}. */
export interface LowRankErrorOptions {
  /** Random vectors: the bound fails with probability 10^(−probes/2). Default 20. */
  probes?: number;
  /** Seed of the random vectors, which must not be the one that the approximation was made with. Default: a new one. */
  seed?: number;
}

/** α√(2/π) with α = √10: see the bound. */
const FACTOR = Math.sqrt(20 / Math.PI);
/** Steps of power iteration on EᵀE. */
const STEPS = 4;

/**
 * Certifies a low-rank approximation without forming it: with E = A − Â and normal random vectors ωᵢ,
 *
 *   ‖E‖₂ ≤ α·√(2/π)·maxᵢ ‖E·ωᵢ‖  with probability 1 − α^−probes,  α = √10,
 *
 * Halko, Martinsson & Tropp (2011), Finding structure with randomness, lemma 4.1. The bound is generous (often by 2.5·√rank(E)); the
 * `estimate` is from below. Products are in the matrix's precision, so neither sees errors below about u·√n·‖A‖.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([100, 5], { seed: 1 }).matmul(gpu.random.normal([5, 80], { seed: 2 }));
 * const { u, s, v } = await linalg.randomizedSvd(a, { rank: 5, seed: 3 });
 * const { bound, norm } = await linalg.lowRankError(a, { u, s, v }); // bound is about 1e-5 of norm
 * ```
 */
export async function lowRankError(
  a: MatrixLike,
  approximation: LowRank,
  options: LowRankErrorOptions = {},
): Promise<LowRankError> {
  const action = actionOf(a, "lowRankError"), { probes = 20 } = options, seed = seedOf(options.seed);
  requireCount("probes", probes);
  return await errorOf(action, actsLike(action, approximation), probes, seed);
}

/** A matrix by its products with columns. */
export interface Products {
  /** Â·v. */
  apply(v: Tensor): Tensor;
  /** Âᵀ·u. */
  applyTransposed(u: Tensor): Tensor;
}

/** The products of an approximation; to be used in a scope. */
export function actsLike(a: Action, given: LowRank): Products {
  if ("q" in given) {
    const { q } = given, project = (x: Tensor) => q.matmul(computed(q.T.matmul(x)));
    return { apply: (v) => project(a.apply(v)), applyTransposed: (u) => a.applyTransposed(project(u)) };
  }
  if ("c" in given) {
    const { c, u, r } = given;
    return {
      apply: (v) => c.matmul(computed(u.matmul(computed(r.matmul(v))))),
      applyTransposed: (w) => r.T.matmul(computed(u.T.matmul(computed(c.T.matmul(w))))),
    };
  }
  if ("columns" in given) {
    const { columns, coefficients: p } = given, pick = picker(a, columns);
    return {
      apply: (v) => a.apply(computed(pick.matmul(computed(p.matmul(v))))),
      applyTransposed: (u) => p.T.matmul(computed(pick.T.matmul(a.applyTransposed(u)))),
    };
  }
  const { u, s, v = u } = given;
  const through = (left: Tensor, right: Tensor) => (x: Tensor): Tensor => {
    const inner = computed(Tensor.map("s * y", { s: s.expandDims(s.rank), y: right.T.matmul(x) }));
    return left.matmul(inner);
  };
  return { apply: through(u, v), applyTransposed: through(v, u) };
}

/** The columns of the identity `[n, k]` at these positions. */
export function picker(a: Action, columns: Tensor): Tensor {
  const [k] = columns.shape, { columns: n, device, dtype } = a;
  const all = Tensor.of(device, Int32Array.from({ length: n }, (_, i) => i), [n, 1], "i32");
  return computed(Tensor.map("i == j ? 1 : 0", { i: all, j: columns.reshape([1, k]) }, dtype));
}

/** The error of products; see {@linkcode lowRankError}. */
export function errorOf(a: Action, near: Products, probes: number, seed: number): Promise<LowRankError> {
  return runScope(async () => {
    const { rows: m, columns: n, batch, device, dtype } = a,
      count = sizeOf(batch),
      confidence = 1 - 10 ** (-probes / 2);
    if (m * n * count === 0) return { bound: 0, estimate: 0, confidence, norm: 0 };
    const rest = (x: Tensor, y: Tensor) => computed(Tensor.map("x - y", { x, y }));
    const omega = drawn(device, "normal", [n, probes], seed, dtype);
    const e = rest(a.apply(omega), near.apply(omega)), spread = await toHost(norms(e));
    const start = drawn(device, "normal", [n, 1], (seed + 1) % 2 ** 53, dtype).broadcastTo([...batch, n, 1]);
    const apart: Products = {
      apply: (v) => rest(a.apply(v), near.apply(v)),
      applyTransposed: (u) => rest(a.applyTransposed(u), near.applyTransposed(u)),
    };
    const [estimates, sizes] = await Promise.all([largest(apart, start), largest(a, start)]);
    let worst = 0, at = 0;
    for (let q = 0; q < count; q++) {
      const bound = FACTOR * Math.max(...spread.subarray(q * probes, (q + 1) * probes)), size = bound / (sizes[q] || 1);
      if (!Number.isFinite(bound)) throw new RangeError("A product with the matrix or its approximation is not finite");
      if (size >= worst) [worst, at] = [size, q];
    }
    const bound = FACTOR * Math.max(...spread.subarray(at * probes, (at + 1) * probes));
    return { bound, estimate: Math.min(estimates[at], bound), confidence, norm: sizes[at] };
  });
}

/** ‖E·v‖ after steps of power iteration on EᵀE from these vectors: at most ‖E‖₂, one number for each matrix. */
async function largest(e: Products, start: Tensor): Promise<Float64Array> {
  const unit = (x: Tensor) => computed(Tensor.map("n > 0 ? x / n : 0 * x", { x, n: norms(x) }));
  let v = unit(start);
  for (let k = 0; k < STEPS; k++) v = unit(computed(e.applyTransposed(unit(computed(e.apply(v))))));
  return await toHost(norms(computed(e.apply(v))));
}
