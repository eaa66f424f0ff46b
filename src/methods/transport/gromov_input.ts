import { lowRankError, randomizedRange } from "../../linalg/mod.ts";
import { dense, type LinearOperator, lowRank, pairwise } from "../../operators/mod.ts";
import { stopGradient, Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Cost, prepareCost } from "./cost.ts";
import { type GromovSpace, operatorSpace, pointSpace } from "./gromov_space.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import { squaredDistances } from "./squared_distances.ts";
import { prepareWeights, type Weights } from "./weights.ts";

/** What is freed when the work is done. */
export type Owned = { dispose(): void }[];

/** Weights of two spaces as columns `[n, 1]` and `[m, 1]`, with their total. */
export interface ColumnWeights {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly total: number;
}

/** The linear part of a fused problem: α and its cost, `M` of constants and `live` to be differentiated. */
export interface Between {
  readonly alpha: number;
  readonly M?: LinearOperator;
  readonly live?: LinearOperator;
}

/** Both spaces, made ready; what is made goes to `owned`. */
export async function prepareSpaces(
  x: Tensor | LinearOperator,
  y: Tensor | LinearOperator,
  options: { cost?: Cost; costRank?: number; a?: Weights; b?: Weights; seed?: number; signal?: AbortSignal },
  owned: Owned,
): Promise<
  { shape: [number, number]; spaces: [GromovSpace, GromovSpace]; weights: ColumnWeights; errors: [number, number] }
> {
  const { cost, costRank } = options;
  const points = [requireSpace("x", x, cost), requireSpace("y", y, cost)];
  const shape: [number, number] = [x.shape[0], y.shape[0]];
  points.forEach((p, side) => p !== [x, y][side] && owned.push(p));
  if (x.device !== y.device) throw new TypeError("Cannot match spaces on two devices");
  if (x.dtype !== y.dtype) throw new TypeError(`Expected "x" and "y" of one dtype, got ${x.dtype} and ${y.dtype}`);
  if (costRank !== undefined && (!Number.isInteger(costRank) || costRank < 1)) {
    throw new RangeError(`Expected "costRank" to be a whole number from 1, got ${costRank}`);
  }
  const { a, b, total } = await columnWeights(options, shape, x, owned);
  const spaces: GromovSpace[] = [], errors: number[] = [];
  for (const [side, space] of [x, y].entries()) {
    const name = side === 0 ? "x" : "y", weights = side === 0 ? a : b;
    if (space instanceof Tensor) await requireFinite(name, space);
    let made: GromovSpace, error = 0;
    if (cost === "sqeuclidean") made = await pointSpace(points[side] as Tensor, weights, total);
    else {
      const costs = await operators(name, points[side], cost, owned);
      let steps = costs.constant;
      if (costRank !== undefined && costRank < steps.shape[0]) {
        [steps, error] = await factored(steps, costRank, options, owned);
      }
      made = await operatorSpace(steps, weights, total, costs.live);
    }
    owned.push(...made.owned);
    if (!Number.isFinite(made.squares)) {
      throw new RangeError(`The costs of "${name}" leave the range of ${x.dtype}: expected moderate ones, scale them`);
    }
    spaces.push(made);
    errors.push(error);
  }
  return {
    shape,
    spaces: [spaces[0], spaces[1]],
    weights: { a, b, total },
    errors: [errors[0], errors[1]],
  };
}

/** The weights as columns on the device of `like`. */
export async function columnWeights(
  options: { a?: Weights; b?: Weights },
  [n, m]: readonly [number, number],
  like: { device: Tensor["device"]; dtype: string },
  owned: Owned,
): Promise<ColumnWeights> {
  const { a, b, total } = await prepareWeights(options.a, options.b, n, m);
  const column = (w: Float64Array) => {
    const double = like.dtype === "f64", data = double ? Float64Array.from(w) : Float32Array.from(w);
    const t = Tensor.of(like.device, data, [w.length, 1], double ? "f64" : "f32");
    owned.push(t);
    return t;
  };
  return { a: column(a), b: column(b), total };
}

/** Points as `[n, d]`, or the cost itself; refuses what is neither. */
export function requireSpace(
  name: string,
  space: Tensor | LinearOperator,
  cost: Cost | undefined,
): Tensor | LinearOperator {
  const shown = (s: { shape?: readonly number[] } | null) =>
    s && Array.isArray(s.shape) ? `[${s.shape.join(", ")}]` : s === null ? "null" : typeof s;
  if (cost !== undefined) {
    if (!(space instanceof Tensor) || space.rank < 1 || space.rank > 2) {
      throw new TypeError(`Expected "${name}" to be points [n, d] with a "cost", got ${shown(space)}`);
    }
    return space.rank === 1 && cost === "sqeuclidean" ? space.reshape([space.shape[0], 1]) : space;
  }
  const { shape } = space ?? {};
  const known = space instanceof Tensor || typeof (space as Partial<LinearOperator>)?.applyTransposed === "function";
  if (!known || shape.length !== 2 || shape[0] !== shape[1]) {
    throw new TypeError(
      `Expected "${name}" to be a square matrix or operator (or points, with a "cost"), got ${shown(space)}`,
    );
  }
  return space;
}

/** A cost by its products: of constants for the steps, and live. */
async function operators(
  name: string,
  space: Tensor | LinearOperator,
  cost: Cost | undefined,
  owned: Owned,
): Promise<{ constant: LinearOperator; live: LinearOperator }> {
  const keep = <T extends { dispose(): void }>(part: T): T => {
    owned.push(part);
    return part;
  };
  if (!(space instanceof Tensor)) {
    if (!space.flags.symmetric) await requireSymmetric(name, space);
    return { constant: space, live: space };
  }
  const constants = keep(stopGradient(space));
  if (cost === undefined) {
    const found = { constant: keep(dense(constants)), live: keep(dense(space)) };
    await requireSymmetric(name, found.constant);
    return found;
  }
  const made = async (points: Tensor) => {
    const prepared = await prepareCost(points, points, cost);
    for (const t of prepared.owned) keep(t);
    return keep(pairwise(prepared.formula, prepared.inputs));
  };
  const found = { constant: await made(constants), live: await made(space) };
  await requireSymmetric(name, found.constant);
  return found;
}

/** Refuses a cost that is not symmetric, as products with a random vector see it. */
async function requireSymmetric(name: string, cost: LinearOperator): Promise<void> {
  const { device, shape: [n] } = cost;
  const off = await runScope(async () => {
    const params = { distribution: "normal", shape: [n, 1], seed: 1 };
    const v = Tensor.apply("random", {}, params, device).out.astype(cost.dtype);
    const there = cost.apply(v), back = cost.applyTransposed(v), size = Tensor.reduce("sum", "abs(x)", { x: there });
    const apart = Tensor.reduce("sum", "abs(x - y)", { x: there, y: back });
    const [numerator, denominator] = await Promise.all([apart.item(), size.item()]);
    if (!Number.isFinite(denominator)) throw new RangeError(`Expected finite costs in "${name}"`);
    return numerator > 1e-4 * denominator;
  });
  if (off) throw new RangeError(`Expected "${name}" to be symmetric`);
}

/** QTQᵀ of this rank for a cost, with Q a basis of nearly its range, and a bound of the relative error in the spectral norm. */
async function factored(
  cost: LinearOperator,
  rank: number,
  { seed = 0, signal }: { seed?: number; signal?: AbortSignal },
  owned: Owned,
): Promise<[LinearOperator, number]> {
  const { q } = await randomizedRange(cost, { rank, oversample: 0, seed, signal });
  owned.push(q);
  const core = await runScope(() => {
    const product = q.T.matmul(cost.apply(q));
    const even = Tensor.map("(x + y) / 2", { x: product, y: product.T });
    void even.value;
    return even;
  });
  owned.push(core);
  const left = q.matmul(core), r = q.T;
  const { bound, norm } = await lowRankError(cost, { c: q, u: core, r }, { seed: seed + 1 });
  r.dispose();
  const near = lowRank(left, q, { owns: [left], flags: { symmetric: true } });
  owned.push(near);
  return [near, norm > 0 ? bound / norm : 0];
}

/** The features' cost; refuses what does not fit the spaces. */
export async function prepareFeatures(
  options: { features?: Tensor | LinearOperator | readonly [Tensor, Tensor]; alpha?: number },
  [n, m]: readonly [number, number],
  like: Tensor,
  owned: Owned,
): Promise<Between> {
  const { features, alpha = 0.5 } = options;
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError(`Expected "alpha" from 0 to 1, got ${alpha}`);
  if (features === undefined) return { alpha: 0 };
  const keep = <T extends { dispose(): void }>(part: T): T => {
    owned.push(part);
    return part;
  };
  if (!(features as Partial<LinearOperator>).apply || features instanceof Tensor) {
    const checked = await requireFeatures(features as Tensor | readonly [Tensor, Tensor], [n, m], like.dtype);
    if (checked instanceof Tensor) {
      return { alpha, M: keep(dense(keep(stopGradient(checked)))), live: keep(dense(checked)) };
    }
    const [u, v] = checked!;
    const M = keep(squaredDistances(keep(stopGradient(u)), keep(stopGradient(v))));
    return { alpha, M, live: keep(squaredDistances(u, v)) };
  }
  const given = features as LinearOperator;
  if (given.shape[0] !== n || given.shape[1] !== m) throw misfit([n, m]);
  if (given.dtype !== like.dtype) {
    throw new TypeError(`Expected "features" of the spaces' dtype ${like.dtype}, got ${given.dtype}`);
  }
  return { alpha, M: given, live: given };
}

function misfit([n, m]: readonly [number, number]): TypeError {
  return new TypeError(`Expected "features" to be a cost matrix [${n}, ${m}] or points [${n}, k] and [${m}, k]`);
}

/** Features as they were given; refuses what does not fit the spaces. */
export async function requireFeatures<F extends Tensor | readonly [Tensor, Tensor]>(
  features: F | undefined,
  [n, m]: readonly [number, number],
  dtype: string,
): Promise<F | undefined> {
  if (features === undefined) return undefined;
  const parts: readonly Tensor[] = features instanceof Tensor ? [features] : features;
  const matrices = Array.isArray(parts) && parts.every((t) => t instanceof Tensor && t.rank === 2);
  const [u, v] = matrices ? parts.map((t) => t.shape) : [];
  const fits = features instanceof Tensor
    ? u?.[0] === n && u[1] === m
    : matrices && parts.length === 2 && u[0] === n && v[0] === m && u[1] === v[1];
  if (!fits) throw misfit([n, m]);
  for (const t of parts) {
    if (t.dtype !== dtype) throw new TypeError(`Expected "features" of the spaces' dtype ${dtype}, got ${t.dtype}`);
    await requireFinite("features", t);
  }
  return features;
}
