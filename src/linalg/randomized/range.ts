import { showShape } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Action, actionOf, type MatrixLike } from "../iterative/action.ts";
import { requireCount } from "../iterative/options.ts";
import { requireFinite } from "../iterative/system.ts";
import { computed, drawn, joined, seedOf } from "../iterative/vectors.ts";
import { qr } from "../qr.ts";
import { actsLike, errorOf } from "./low_rank_error.ts";

/** Options of randomized factorizations: either a rank or a tolerance. */
export interface SketchOptions {
  /** The rank to aim at. */
  rank?: number;
  /** Instead of a rank: the error ‖A − Â‖₂ that is allowed, relative to ‖A‖₂. */
  tolerance?: number;
  /** Vectors beyond the rank. Default 10. */
  oversample?: number;
  /** Products with A·Aᵀ that sharpen the sketch, each orthonormalized: for spectra that decay slowly. Default 2. */
  powerIterations?: number;
  /** Seed of the random vectors; see `gpu.random`. Default: a new one for each call. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** What is known of the error of a randomized factorization; see `lowRankError`. */
export interface SketchCertificate {
  /** ‖A − Â‖₂ is below this, with the probability `confidence`. Of a stack the worst. */
  readonly error: number;
  /** How probable it is that `error` holds, over random vectors that the factorization has not seen. */
  readonly confidence: number;
  /** ‖A‖₂ is at least this. */
  readonly norm: number;
  /** With a tolerance: whether `error` ≤ tolerance·`norm`. With a rank: true, whatever the error. */
  readonly converged: boolean;
}

/** An orthonormal basis of nearly the range of A. */
export interface RandomizedRange extends SketchCertificate {
  /** Orthonormal columns, `[..., m, l]` with l = rank + oversample (at most min(m, n)): A ≈ q·qᵀ·A. */
  readonly q: Tensor;
}

/** Random vectors of the certificate; it fails with probability 10^−10. */
const PROBES = 20;
/** Columns that are added at once when a tolerance is aimed at. */
const BLOCK = 16;

/**
 * An orthonormal basis of the range of a matrix `[..., m, n]` or operator, from products with random vectors, with a certified error. With
 * `tolerance` the basis grows until the certificate says that it is enough. Gradients with respect to a tensor come through qr, where the sketch has full column rank (A itself a rank of rank + oversample). Throws a `TypeError` unless one of `rank` and
 * `tolerance` is given. Source: Halko, Martinsson & Tropp (2011), Finding structure with randomness, algorithms 4.2 and 4.4.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([200, 5], { seed: 1 }).matmul(gpu.random.normal([5, 100], { seed: 2 }));
 * const { q, error, norm } = await linalg.randomizedRange(a, { tolerance: 1e-3, seed: 3 });
 * ```
 */
export async function randomizedRange(a: MatrixLike, options: SketchOptions): Promise<RandomizedRange> {
  const action = actionOf(a, "randomizedRange"), settings = await requireSketch(action, options, "randomizedRange");
  const { q, ...rest } = await rangeOf(action, settings);
  report("randomizedRange", rest, settings);
  return { q, ...rest };
}

/** Options with their defaults. */
export interface SketchSettings {
  readonly rank?: number;
  readonly tolerance?: number;
  readonly oversample: number;
  readonly powerIterations: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** The options, checked. */
export async function requireSketch(a: Action, options: SketchOptions, name: string): Promise<SketchSettings> {
  const { rank, tolerance, oversample = 10, powerIterations = 2, signal } = options ?? {};
  if ((rank === undefined) === (tolerance === undefined)) {
    throw new TypeError(
      `Expected either "rank" or "tolerance" for ${name}, got ${rank === undefined ? "neither" : "both"}`,
    );
  }
  const most = Math.min(a.rows, a.columns);
  if (most === 0) {
    throw new RangeError(
      `Expected a matrix with elements for ${name}, got ${showShape([...a.batch, a.rows, a.columns])}`,
    );
  }
  if (rank !== undefined) requireCount("rank", rank, 1, most);
  if (tolerance !== undefined && !(typeof tolerance === "number" && tolerance > 0 && tolerance < 1)) {
    throw new RangeError(`Expected "tolerance" to be between 0 and 1, got ${tolerance}`);
  }
  requireCount("oversample", oversample, 0);
  requireCount("powerIterations", powerIterations, 0);
  const seed = seedOf(options.seed);
  signal?.throwIfAborted();
  if (a.matrix) await requireFinite(a.matrix, `${name}: an element of the matrix`);
  return { rank, tolerance, oversample, powerIterations, seed, signal };
}

/** The basis, without a word where the tolerance was not reached. */
export async function rangeOf(a: Action, settings: SketchSettings): Promise<RandomizedRange> {
  const { rank, oversample, signal } = settings, most = Math.min(a.rows, a.columns);
  if (rank !== undefined) {
    const q = await block(a, Math.min(rank + oversample, most), settings, 0);
    return { q, ...await certified(a, { q }, settings) };
  }
  let q = await block(a, Math.min(BLOCK, most), settings, 0);
  try {
    for (let part = 1;; part++) {
      const found = await certified(a, { q }, settings, part), width = q.shape.at(-1)!;
      if (found.converged || width >= most) return { q, ...found };
      signal?.throwIfAborted();
      using old = q;
      // Half as much again, so that the number of certificates grows like the logarithm of the rank.
      const more = Math.min(most - width, Math.max(BLOCK, Math.floor(width / 2)));
      q = await block(a, more, settings, part, old);
    }
  } catch (error) {
    q.dispose();
    throw error;
  }
}

/** `width` more vectors, orthogonal to those that are there, with them. */
function block(
  a: Action,
  width: number,
  { powerIterations, seed }: SketchSettings,
  part: number,
  q?: Tensor,
): Promise<Tensor> {
  return runScope(async () => {
    const omega = drawn(a.device, "normal", [a.columns, width], (seed + 7919 * part) % 2 ** 53, a.dtype);
    const outside = (y: Tensor): Tensor => {
      if (!q) return y;
      // Twice, as the first time leaves rounding errors of what is taken away.
      let rest = y;
      for (let pass = 0; pass < 2; pass++) {
        rest = computed(Tensor.map("y - p", { y: rest, p: q.matmul(computed(q.T.matmul(rest))) }));
      }
      return rest;
    };
    let basis = (await qr(outside(computed(a.apply(omega))))).q;
    for (let k = 0; k < powerIterations; k++) {
      const back = (await qr(computed(a.applyTransposed(basis)))).q;
      basis = (await qr(outside(computed(a.apply(back))))).q;
    }
    if (!q) return basis;
    const fresh = (await qr(outside(basis))).q;
    return joined([q, fresh], q.rank - 1);
  });
}

/** The certificate of a factorization, by random vectors of its own. */
export async function certified(
  a: Action,
  factors: Parameters<typeof actsLike>[1],
  { tolerance, seed }: SketchSettings,
  part = 0,
): Promise<SketchCertificate> {
  const { bound, norm, confidence } = await errorOf(
    a,
    actsLike(a, factors),
    PROBES,
    (seed + 104_729 + 31 * part) % 2 ** 53,
  );
  return { error: bound, confidence, norm, converged: tolerance === undefined || bound <= tolerance * norm };
}

/** One warning where a tolerance was not reached. */
export function report(
  name: string,
  { converged, error, norm }: SketchCertificate,
  { tolerance }: SketchSettings,
): void {
  if (converged) return;
  console.warn(
    `${name} certifies an error of ${(error / norm).toExponential(1)} where ${tolerance} was asked for: ` +
      "rounding errors are about as large; try a larger tolerance or f64",
  );
}
