import { Tensor } from "../../tensor/mod.ts";
import { lineCosts, type LineWeights } from "./line_costs.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/** Options of {@linkcode wasserstein1d}. */
export interface Wasserstein1dOptions {
  /** Weights of x, `[n]`, zero or more, the same for all leading axes; default equal. */
  a?: Weights;
  /** Weights of y, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** The cost is |x − y|^p, p ≥ 1. Default 1. */
  p?: number;
}

/**
 * The optimal transport cost Σ P |x − y|^p between points on a line, in closed form: W_p^p, whose p-th root is the Wasserstein distance. Many lines
 * at once: x `[..., n]` and y `[..., m]` give `[...]`. Takes a sort, O((n + m) log(n + m)). Differentiable by points and weights (with the total
 * held); where points coincide, one of the subgradients. Source: Santambrogio, "Optimal Transport for Applied Mathematicians" (2015), chapter 2.
 *
 * @throws {TypeError} on shapes that do not fit and dtypes other than f32 and f64.
 * @throws {RangeError} on no points, NaN or infinite points, negative weights, totals that differ, p < 1.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const cost = await transport.wasserstein1d(gpu.tensor([3, 1]), gpu.tensor([1, 2, 2, 5]), { p: 2 });
 * console.log(await cost.item()); // (0² + 1² + 1² + 2²) / 4 = 1.5
 * ```
 */
export async function wasserstein1d(x: Tensor, y: Tensor, options: Wasserstein1dOptions = {}): Promise<Tensor> {
  requireLines(x, y);
  const p = requirePower(options.p ?? 1), leading = x.shape.slice(0, -1);
  const n = x.shape[x.rank - 1], m = y.shape[y.rank - 1];
  const { weights, made } = await lineWeights(options, n, m, x);
  try {
    await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
    const lines = leading.reduce((s, k) => s * k, 1);
    using u = x.reshape([lines, n]);
    using v = y.reshape([lines, m]);
    using costs = lineCosts(u, v, weights, p);
    return costs.reshape(leading);
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** Weights as tensors, none if all are equal; and the tensors that were made. */
export async function lineWeights(
  { a, b }: { a?: Weights; b?: Weights },
  n: number,
  m: number,
  like: Tensor,
): Promise<{ weights: LineWeights | undefined; made: Tensor[] }> {
  const known = await prepareWeights(a, b, n, m), made: Tensor[] = [];
  if (a === undefined && b === undefined) return { weights: undefined, made };
  const keep = (t: Tensor) => {
    made.push(t);
    return t;
  };
  const sides = weightTensors(a, b, known, like, keep);
  const fitting = (w: Tensor) => w.dtype === like.dtype ? w : keep(w.astype(like.dtype));
  return { weights: { a: fitting(sides.a), b: fitting(sides.b) }, made };
}

/** The power, if it is one. */
export function requirePower(p: number): number {
  if (typeof p === "number" && p >= 1 && p < Infinity) return p;
  throw new RangeError(`Expected "p" to be a number from 1, got ${p}`);
}

/** Refuses points in other precisions than f32 and f64, or of two. */
export function requirePoints(x: Tensor, y: Tensor): void {
  for (const [name, t] of [["x", x], ["y", y]] as const) {
    if (!(t instanceof Tensor)) {
      throw new TypeError(`Expected "${name}" to be a tensor, got ${t === null ? "null" : typeof t}`);
    }
    if (t.dtype !== "f32" && t.dtype !== "f64") throw new TypeError(`Expected "${name}" in f32 or f64, got ${t.dtype}`);
  }
  if (x.dtype !== y.dtype) throw new TypeError(`Cannot transport from ${x.dtype} to ${y.dtype} points: dtypes differ`);
  if (x.device !== y.device) throw new TypeError("Cannot transport between points on two devices");
}

function requireLines(x: Tensor, y: Tensor): void {
  requirePoints(x, y);
  if (x.rank < 1 || x.rank !== y.rank || x.shape.slice(0, -1).join() !== y.shape.slice(0, -1).join()) {
    throw new TypeError(
      `Expected points x [..., n] and y [..., m] with the same leading axes, got [${x.shape.join(", ")}] and ` +
        `[${y.shape.join(", ")}]`,
    );
  }
}
