import { type LinearOperator, sparse } from "../../operators/mod.ts";
import { Sparse, Tensor } from "../../tensor/mod.ts";
import { bestCut, type CirclePoints, cutCost } from "./circle_cut.ts";
import { type CircleEntry, circlePotentials } from "./circle_potentials.ts";
import { joinValue } from "./envelope.ts";
import { tensorLike } from "./host_problem.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { requirePoints, requirePower } from "./wasserstein_1d.ts";
import { prepareWeights, type Weights, weightTensors } from "./weights.ts";

/** Options of {@linkcode wassersteinCircle}. */
export interface WassersteinCircleOptions {
  /** Weights of x, `[n]`, zero or more; default equal. */
  a?: Weights;
  /** Weights of y, `[m]`, with the same sum as `a`; default equal. */
  b?: Weights;
  /** The cost is the geodesic distance to the power p ≥ 1. Default 1. */
  p?: number;
  /** Length of the circle: points are taken modulo it. Default 1; 2π for angles in radians. */
  period?: number;
}

/** What {@linkcode wassersteinCircle} found. */
export interface WassersteinCircleResult extends Disposable {
  /** Transport cost W_p^p, in f64. */
  readonly cost: number;
  /** A lower bound of every plan's cost, by convexity. */
  readonly dual: number;
  /** `cost − dual`. */
  readonly gap: number;
  /**
   * The cost as a tensor of one number, to differentiate by points and weights (with the total held), at the plan and potentials found: where several are
   * optimal, one of the (sub)derivatives.
   */
  readonly value: Tensor;
  /** The plan as a sparse operator `[n, m]` of at most n + m entries. */
  readonly plan: LinearOperator;
  /** The best cut: by what part of the mass the quantiles of y are shifted. */
  readonly shift: number;
  /** Cuts tried. */
  readonly iterations: number;
  /** Whether the gap is no more than rounding. */
  readonly converged: boolean;
  /** Frees value and plan. */
  dispose(): void;
}

/**
 * Optimal transport between points on a circle, with the cost |x − y|^p of the shorter way around: transport on a line, for the best of all ways to cut
 * the circle open. Its cost is convex and piecewise linear in the cut, so the best one is found exactly, and proved by two support lines; on the
 * host in f64, in O((n + m) log(n + m)) and some ten passes. Source: Delon, Salomon and Sobolevski, "Fast transport optimization for Monge costs on
 * the circle" (2010).
 *
 * @param x Points `[n]`.
 * @param y Points `[m]`.
 * @throws {TypeError} on shapes that do not fit and dtypes other than f32 and f64.
 * @throws {RangeError} on no points, NaN or infinite points, negative weights, totals that differ, p < 1, a period that is not positive.
 *
 * @example
 * ```ts
 * import { open, transport } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const hours = gpu.tensor([23, 1]), others = gpu.tensor([0, 2]);
 * using result = await transport.wassersteinCircle(hours, others, { period: 24 });
 * console.log(result.cost.toFixed(12)); // 1.000000000000
 * ```
 */
export async function wassersteinCircle(
  x: Tensor,
  y: Tensor,
  options: WassersteinCircleOptions = {},
): Promise<WassersteinCircleResult> {
  requirePoints(x, y);
  if (x.rank !== 1 || y.rank !== 1) {
    throw new TypeError(`Expected points x [n] and y [m], got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`);
  }
  const p = requirePower(options.p ?? 1), { period = 1 } = options;
  if (!(period > 0 && period < Infinity)) throw new RangeError(`Expected "period" to be positive, got ${period}`);
  const weights = await prepareWeights(options.a, options.b, x.size, y.size);
  await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
  const [from, to] = [
    around(await x.data(), weights.a, weights.total, period),
    around(await y.data(), weights.b, weights.total, period),
  ];
  const unit = weights.total * period ** p;
  const best = bestCut(from.points, to.points, p), cost = best.cost * unit, dual = best.bound * unit;
  const parts = { i: [] as number[], j: [] as number[], mass: [] as number[], far: [] as number[] };
  const entries: CircleEntry[] = [];
  cutCost(from.points, to.points, best.shift, p, (i, j, turns, mass) => {
    entries.push({ i, j, turns, mass });
    parts.i.push(from.order[i]);
    parts.j.push(to.order[j]);
    parts.mass.push(mass * weights.total);
    // Turns that were taken off to bring the points into one turn count too.
    parts.far.push((turns + from.turns[i] - to.turns[j]) * period);
  });
  const { device, dtype } = x, made: Tensor[] = [];
  const keep = (t: Tensor) => {
    made.push(t);
    return t;
  };
  const price = circlePotentials(from.points, to.points, entries, p), each = period ** p;
  const spread = (h: Float64Array, { order }: { order: number[] }, size: number) => {
    const all = new Float64Array(size);
    h.forEach((v, k) => all[order[k]] = v * each);
    return keep(tensorLike(x, all));
  };
  const held = {
    mass: keep(tensorLike(x, Float64Array.from(parts.mass))),
    far: keep(tensorLike(x, Float64Array.from(parts.far))),
    f: spread(price.f, from, x.size),
    g: spread(price.g, to, y.size),
  };
  const inputs = { x, y, ...weightTensors(options.a, options.b, weights, x, keep) };
  const value = tensorLike(x, Float64Array.of(cost), []);
  await joinValue("wassersteinCircle", value, inputs, held, ({ x, y, a, b }, { mass, far, f, g }, wanted) => {
    const terms = [a.mul(f).sum(), b.mul(g).sum()];
    if (wanted.has("x") || wanted.has("y")) {
      const power = p === 1 ? "abs(u - (v + far))" : p === 2 ? "(u - (v + far))^2" : `abs(u - (v + far)) ^ ${p}`;
      terms.push(Tensor.reduce("sum", `mass * ${power}`, { mass, far, u: x.take(parts.i), v: y.take(parts.j) }));
    }
    return terms.reduce((s, t) => s.add(t));
  }, ["mass"]);
  for (const t of made) t.dispose();
  const triplets = { rows: parts.i, columns: parts.j, values: parts.mass, shape: [x.size, y.size] as const, dtype };
  const plan = sparse(Sparse.fromTriplets(device, triplets), { owns: true });
  const dispose = () => {
    value.dispose();
    plan.dispose();
  };
  return {
    cost,
    dual,
    gap: cost - dual,
    value,
    plan,
    shift: best.shift,
    iterations: best.iterations,
    // Sums of n + m terms, each of a mass that is a difference of sums.
    converged: cost - dual <= 8 * (x.size + y.size) * 2 ** -53 * Math.max(cost, unit * 2 ** -p),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** Points with weight, brought into one turn of length 1 and sorted. */
function around(
  data: ArrayLike<number>,
  weights: Float64Array,
  total: number,
  period: number,
): { points: CirclePoints; order: number[]; turns: number[] } {
  const places = Array.from(data, (v, k) => {
    const turns = Math.floor(v / period), at = v / period - turns;
    // Just below a whole turn the difference may round to it.
    return at < 1 ? { k, at, turns } : { k, at: 0, turns: turns + 1 };
  }).filter(({ k }) => weights[k] > 0).sort((p, q) => p.at - q.at || p.k - q.k);
  let sum = 0;
  const ends = Float64Array.from(places, ({ k }) => Math.min(1, (sum += weights[k]) / total));
  ends[ends.length - 1] = 1;
  return {
    points: { at: Float64Array.from(places, ({ at }) => at), ends },
    order: places.map(({ k }) => k),
    turns: places.map(({ turns }) => turns),
  };
}
