import { Tensor } from "../../tensor/mod.ts";
import { qr } from "../qr.ts";
import { type MatrixLike, singleAction } from "./action.ts";
import { requireCount } from "./options.ts";
import { requireFinite } from "./system.ts";
import { drawn, seedOf } from "./vectors.ts";

/** Options of {@linkcode hutchinson} and {@linkcode hutchPlusPlus}. */
export interface TraceOptions {
  /** Products with the matrix. Default 60, at least 6. */
  products?: number;
  /** Distribution of the random vectors: `rademacher` (default) has the smaller variance, `normal` serves as a check. */
  distribution?: "rademacher" | "normal";
  /** Seed of the random vectors; see `gpu.random`. Default: a new one for each call. */
  seed?: number;
}

/** An estimate of a trace. */
export interface TraceEstimate {
  /** The estimate, `[]`: unbiased. */
  readonly trace: Tensor;
  /** Its standard error, from the spread of the samples, `[]`. */
  readonly standardError: Tensor;
  /** Products with the matrix that were spent. */
  readonly products: number;
}

/**
 * The trace of a square matrix `[n, n]` or operator as the mean of zᵀAz over random vectors z, all in one product. With Rademacher vectors
 * the variance of one sample is 2·(‖(A + Aᵀ)/2‖_F² − Σ aᵢᵢ²). Gradients with respect to a tensor come by themselves. Source: Hutchinson (1990); Girard (1989).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([300, 300], { seed: 1 });
 * const { trace, standardError } = await linalg.hutchinson(a, { seed: 2 });
 * console.log(await trace.item(), "±", await standardError.item());
 * ```
 */
export async function hutchinson(a: MatrixLike, options: TraceOptions = {}): Promise<TraceEstimate> {
  const { action, products, distribution, seed } = await prepared(a, "hutchinson", options, 2);
  using z = drawn(action.device, distribution, [action.columns, products], seed, action.dtype);
  using y = action.apply(z);
  using samples = Tensor.reduce("sum", "z * y", { z, y }, 0);
  return { trace: samples.mean(), standardError: errorOf(samples), products };
}

/**
 * The trace by Hutch++: exact on the span of a random sketch, Hutchinson's estimate on what is left, a third of the products for each
 * part. For positive semidefinite matrices its error falls like 1/products, Hutchinson's like 1/√products. Gradients
 * with respect to a tensor come by themselves. Source: Meyer, Musco, Musco & Woodruff (2021), Hutch++: Optimal stochastic trace estimation, algorithm 1.
 *
 * @example
 * ```ts
 * import { linalg, open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.random.normal([200, 2], { seed: 1 });
 * const kernel = operators.pairwise("exp(-sqdist(x[i], x[j]))", { x });
 * const { trace } = await linalg.hutchPlusPlus(kernel, { products: 90, seed: 2 }); // near 200
 * ```
 */
export async function hutchPlusPlus(a: MatrixLike, options: TraceOptions = {}): Promise<TraceEstimate> {
  const { action, products, distribution, seed } = await prepared(a, "hutchPlusPlus", options, 6);
  const n = action.columns, third = Math.floor(products / 3), width = Math.min(third, n);
  using s = drawn(action.device, distribution, [n, width], seed, action.dtype);
  using g = drawn(action.device, distribution, [n, third], (seed + 1) % 2 ** 53, action.dtype);
  using sketch = action.apply(s);
  const { q, r } = await qr(sketch);
  r.dispose();
  using basis = q;
  using turned = basis.T;
  using aq = action.apply(basis);
  using exact = Tensor.reduce("sum", "q * y", { q: basis, y: aq });
  // The random vectors without their part in the basis.
  using inside = turned.matmul(g);
  using part = basis.matmul(inside);
  using rest = Tensor.map("g - p", { g, p: part });
  using y = action.apply(rest);
  using samples = Tensor.reduce("sum", "z * y", { z: rest, y }, 0);
  using mean = samples.mean();
  return { trace: exact.add(mean), standardError: errorOf(samples), products: 2 * width + third };
}

async function prepared(a: MatrixLike, name: string, options: TraceOptions, least: number) {
  const action = singleAction(a, name, { square: true }), { products = 60, distribution = "rademacher" } = options;
  requireCount("products", products, least);
  if (distribution !== "rademacher" && distribution !== "normal") {
    throw new TypeError(`Expected "distribution" to be "rademacher" or "normal", got ${JSON.stringify(distribution)}`);
  }
  if (action.columns === 0) throw new RangeError(`Expected a matrix with rows for ${name}, got [0, 0]`);
  if (action.matrix) await requireFinite(action.matrix, `${name}: an element of the matrix`);
  return { action, products, distribution, seed: seedOf(options.seed) } as const;
}

/** The standard error of the mean of samples `[s]`. */
function errorOf(samples: Tensor): Tensor {
  using spread = samples.std(0, { ddof: 1 });
  return spread.div(Math.sqrt(samples.size));
}
