import { Tensor } from "../../tensor/mod.ts";

/** Weights `[n]` and `[m]` of one total, that all lines share. */
export interface LineWeights {
  readonly a: Tensor;
  readonly b: Tensor;
}

/**
 * Transport costs Σ P |x − y|^p between the points of many lines, x `[L, n]` and y `[L, m]` → `[L]`, by the quantile functions:
 *
 *   W_p^p = ∫₀¹ |F⁻¹(t) − G⁻¹(t)|^p dt
 *
 * (Santambrogio, "Optimal Transport for Applied Mathematicians", 2015, proposition 2.17), where F⁻¹ and G⁻¹ are steps: both sides are sorted and
 * the steps merged. Everything is done by ops, so it can be differentiated by points and weights.
 */
export function lineCosts(x: Tensor, y: Tensor, weights: LineWeights | undefined, p: number): Tensor {
  return weights ? weightedCosts(x, y, weights, p) : equalCosts(x, y, p);
}

/** The formula of |d|^p, without a power where there is none. */
function powerOf(d: string, p: number): string {
  return p === 1 ? `abs(${d})` : p === 2 ? `(${d})^2` : `abs(${d}) ^ ${p}`;
}

/** Equal weights: the steps of both quantile functions are known. */
function equalCosts(x: Tensor, y: Tensor, p: number): Tensor {
  const n = x.shape[1], m = y.shape[1];
  using u = x.sort();
  using v = y.sort();
  if (n === m) return Tensor.reduce("mean", powerOf("u - v", p), { u, v }, 1);
  // Steps end at k/n and l/m: on the common grid of n·m at whole numbers, which are exact.
  const from: number[] = [], to: number[] = [], mass: number[] = [];
  for (let i = 0, j = 0, t = 0; i < n && j < m;) {
    const next = Math.min((i + 1) * m, (j + 1) * n);
    from.push(i);
    to.push(j);
    mass.push((next - t) / (n * m));
    t = next;
    if (next === (i + 1) * m) i++;
    if (next === (j + 1) * n) j++;
  }
  using rows = u.take(from, 1);
  using columns = v.take(to, 1);
  using w = constant(x, mass, [mass.length]);
  return Tensor.reduce("sum", `w * ${powerOf("u - v", p)}`, { w, u: rows, v: columns }, 1);
}

function weightedCosts(x: Tensor, y: Tensor, { a, b }: LineWeights, p: number): Tensor {
  const [lines, n] = x.shape, m = y.shape[1];
  const { out: u, positions: fromX } = Tensor.apply("sort", { x }, {});
  const { out: v, positions: fromY } = Tensor.apply("sort", { x: y }, {});
  using ownA = a.take(fromX);
  using ownB = b.take(fromY);
  using A = sums(ownA);
  using B = sums(ownB);
  using ends = Tensor.apply("concatenate", { x0: A, x1: B }, { axis: 1 }).out;
  const { out: t, positions: order } = Tensor.apply("sort", { x: ends }, {});
  using zero = constant(x, new Float64Array(lines), [lines, 1]);
  using bounds = Tensor.apply("concatenate", { x0: zero, x1: t }, { axis: 1 }).out;
  using starts = bounds.slice(null, [0, n + m]);
  using stops = bounds.slice(null, [1, n + m + 1]);
  // Before the k-th end in order, so many steps of x have ended, and k minus that many of y. Rounding may leave the last ends of both sides
  // apart: what lies between belongs to the last steps.
  using isX = Tensor.map("q < n ? 1 : 0", { q: order, n }, "i32");
  using ended = Tensor.apply("scan", { x: isX }, { scan: "sum", axis: 1, exclusive: true }).out;
  using numbers = Tensor.of(x.device, Int32Array.from({ length: n + m }, (_, k) => k), [n + m], "i32");
  using first = Tensor.of(x.device, Int32Array.from({ length: lines }, (_, r) => r), [lines, 1], "i32");
  using atX = Tensor.map("min(c, last) + r * n", { c: ended, last: n - 1, r: first, n }, "i32");
  using atY = Tensor.map("min(k - c, last) + r * m", { k: numbers, c: ended, last: m - 1, r: first, m }, "i32");
  using flatU = u.reshape([lines * n]);
  using flatV = v.reshape([lines * m]);
  using rows = flatU.take(atX);
  using columns = flatV.take(atY);
  const cost = Tensor.reduce(
    "sum",
    `(t - s) * ${powerOf("u - v", p)}`,
    { t: stops, s: starts, u: rows, v: columns },
    1,
  );
  for (const part of [u, v, fromX, fromY, t, order]) part.dispose();
  return cost;
}

function sums(weights: Tensor): Tensor {
  return Tensor.apply("scan", { x: weights }, { scan: "sum", axis: 1 }).out;
}

/** Host numbers in the precision of a tensor, on its device. */
function constant(like: Tensor, values: readonly number[] | Float64Array, shape: readonly number[]): Tensor {
  const double = like.dtype === "f64";
  return Tensor.of(like.device, double ? Float64Array.from(values) : Float32Array.from(values), shape, like.dtype);
}
