import { roundoff } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { type MatrixLike, singleAction } from "./action.ts";
import { extended } from "./krylov_basis.ts";
import { requireCount } from "./options.ts";
import { smallEigh } from "./small_eigh.ts";
import { requireFinite } from "./system.ts";
import { advance, computed, drawn, free, joined, seedOf, toHost } from "./vectors.ts";

/** Options of {@linkcode stochasticLanczosQuadrature}. */
export interface QuadratureOptions {
  /** Random vectors. Default 30, at least 2. */
  probes?: number;
  /** Lanczos steps for each: the rule is exact for polynomials of degree 2·steps − 1. Default 25, at most n. */
  steps?: number;
  /** Seed of the random vectors; see `gpu.random`. Default: a new one for each call. */
  seed?: number;
  /** Stops the work early by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** An estimate of tr f(A). */
export interface Quadrature {
  /** The estimate. */
  readonly trace: number;
  /** Its standard error, from the spread between the random vectors. */
  readonly standardError: number;
  /** How much the last Lanczos step changed the estimate: what the quadrature may be wrong by, where f is smooth on the spectrum. */
  readonly stepError: number;
  /** The nodes (Ritz values) of all vectors with their weights, which sum to n: an estimate of the density of the spectrum. */
  readonly nodes: readonly { readonly value: number; readonly weight: number }[];
}

/** Elements of the bases that are held at once. */
const ROOM = 2 ** 25;

/**
 * tr f(A) of a symmetric matrix `[n, n]` or operator by Gauss quadrature: for each random vector z the Lanczos process gives a tridiagonal
 * T with zᵀf(A)z ≈ ‖z‖²·e₁ᵀf(T)e₁; log det A is `f = Math.log`. Full reorthogonalization, all vectors at once. f is evaluated on the host at
 * the Ritz values, so the result is a number without a gradient (tr f(A) has the gradient f'(A)). Throws a `RangeError` where f is not
 * finite, and if A is not symmetric. Source: Ubaru, Chen & Saad (2017), Fast estimation of tr(f(A)) via stochastic Lanczos quadrature; Golub & Meurant (2010).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const g = gpu.random.normal([200, 100], { seed: 1 });
 * const a = g.T.matmul(g).add(gpu.eye(100));
 * const { trace: logDet, standardError } = await linalg.stochasticLanczosQuadrature(a, Math.log, { seed: 2 });
 * ```
 */
export async function stochasticLanczosQuadrature(
  a: MatrixLike,
  f: (x: number) => number,
  options: QuadratureOptions = {},
): Promise<Quadrature> {
  const name = "stochasticLanczosQuadrature", action = singleAction(a, name, { square: true }), n = action.columns;
  if (typeof f !== "function") throw new TypeError(`Expected "f" to be a function of a number, got ${typeof f}`);
  if (n === 0) throw new RangeError(`Expected a matrix with rows for ${name}, got [0, 0]`);
  const { probes = 30, signal } = options, steps = Math.min(options.steps ?? 25, n), seed = seedOf(options.seed);
  requireCount("probes", probes, 2);
  requireCount("steps", options.steps ?? 25);
  if (action.matrix) await requireFinite(action.matrix, `${name}: an element of the matrix`);
  const block = Math.max(1, Math.min(probes, Math.floor(ROOM / (n * (steps + 1)))));
  const u = roundoff(action.dtype), tiny = 4 * Math.sqrt(n) * u, samples: number[] = [], shorter: number[] = [];
  const nodes: { value: number; weight: number }[] = [];
  const at = (x: number): number => {
    const y = f(x);
    if (Number.isFinite(y)) return y;
    throw new RangeError(`${name}: f(${x}) is ${y}, and ${x} is a Ritz value of the matrix`);
  };
  for (let from = 0; from < probes; from += block) {
    signal?.throwIfAborted();
    const count = Math.min(block, probes - from);
    type State = { basis: Tensor; [h: `h${number}`]: Tensor };
    let state = await advance<State>({} as State, () => {
      const z = drawn(action.device, "rademacher", [count, 1, n], (seed + from) % 2 ** 53, action.dtype);
      return { basis: Tensor.map("z / s", { z, s: Math.sqrt(n) }) };
    });
    try {
      for (let j = 0; j < steps; j++) {
        state = await advance<State>(state, ({ basis, ...rest }) => {
          const v = basis.slice(null, j).T, w = computed(action.apply(v)).T.reshape([count, 1, n]);
          const e = extended(basis, w, tiny);
          return { ...rest, basis: e.basis, [`h${j}`]: joined([e.coefficients, e.norm], 2) };
        });
      }
      const columns = await Promise.all(Array.from({ length: steps }, (_, j) => toHost(state[`h${j}`])));
      for (let p = 0; p < count; p++) {
        const one = columns.map((h, j) => h.subarray(p * (j + 2), (p + 1) * (j + 2)));
        const { rules, skew } = await rulesOf(action.device, one);
        if (skew > Math.sqrt(u)) {
          throw new RangeError(
            `${name}: the matrix is not symmetric: its Krylov projection is off by ${skew.toExponential(1)}`,
          );
        }
        const [whole, before] = rules.map((rule) =>
          n * rule.reduce((sum, { value, weight }) => sum + weight * at(value), 0)
        );
        samples.push(whole);
        shorter.push(before ?? whole);
        for (const { value, weight } of rules[0]) nodes.push({ value, weight: weight * n / probes });
      }
    } finally {
      free(state);
    }
  }
  const mean = (x: number[]) => x.reduce((s, v) => s + v, 0) / x.length, trace = mean(samples);
  const spread = Math.sqrt(samples.reduce((s, v) => s + (v - trace) ** 2, 0) / (probes - 1));
  return { trace, standardError: spread / Math.sqrt(probes), stepError: Math.abs(trace - mean(shorter)), nodes };
}

type Rule = { value: number; weight: number }[];

/** Gauss rules of all steps and of one less, and how far the projection is from symmetric. */
async function rulesOf(
  device: Tensor["device"],
  columns: readonly Float64Array[],
): Promise<{ rules: Rule[]; skew: number }> {
  // The process ends where nothing is left of a product.
  const end = columns.findIndex((h) => h[h.length - 1] === 0), m = end < 0 ? columns.length : end + 1;
  let off = 0, size = 0;
  columns.slice(0, m).forEach((h, j) => {
    for (let i = 0; i <= j; i++) {
      const mirror = i === j ? h[i] : i === j - 1 ? columns[i][i + 1] : 0;
      off += (h[i] - mirror) ** 2;
      size += h[i] ** 2;
    }
  });
  const rules: Rule[] = [];
  for (const length of end < 0 && m > 1 ? [m, m - 1] : [m]) {
    const t = new Float64Array(length * length);
    for (let j = 0; j < length; j++) {
      t[j * length + j] = columns[j][j];
      if (j > 0) t[j * length + j - 1] = columns[j - 1][j];
    }
    const { values, vectors } = await smallEigh(device, t, length);
    rules.push([...values].map((value, i) => ({ value, weight: vectors[i * length] ** 2 })));
  }
  return { rules, skew: size === 0 ? 0 : Math.sqrt(off / size) };
}
