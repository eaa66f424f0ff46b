import { Tensor } from "../../tensor/mod.ts";
import { requireFinite } from "./sinkhorn_input.ts";
import type { BatchWeights, SinkhornBatchOptions } from "./sinkhorn_batch.ts";

/** Largest relative difference of two totals that counts as rounding. */
const TOTALS = 1e-5;

/** Costs `[B, n, m]` of points, or as given; `owned` is to be freed. */
export async function batchCost(
  x: Tensor,
  y: Tensor | undefined,
  cost: SinkhornBatchOptions["cost"],
): Promise<{ C: Tensor; owned: boolean }> {
  if (!(x instanceof Tensor)) throw new TypeError(`Expected points as a tensor, got ${x === null ? "null" : typeof x}`);
  if (x.rank !== 3 || (y && y.rank !== 3)) {
    const got = `[${x.shape.join(", ")}]${y ? ` and [${y.shape.join(", ")}]` : ""}`;
    throw new TypeError(
      y ? `Expected points x [B, n, d] and y [B, m, d], got ${got}` : `Expected costs [B, n, m], got ${got}`,
    );
  }
  if (!y) {
    if (cost !== undefined) throw new TypeError('"cost" is for points: cost matrices are the cost themselves');
    await requireFinite("the cost matrices", x);
    return { C: x, owned: false };
  }
  const [B, , d] = x.shape;
  if (y.shape[0] !== B || y.shape[2] !== d) {
    throw new TypeError(
      `Expected points x [B, n, d] and y [B, m, d], got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`,
    );
  }
  if (x.device !== y.device) throw new TypeError("Cannot transport between points on two devices");
  if (cost !== undefined && cost !== "sqeuclidean" && cost !== "euclidean") {
    throw new TypeError(
      `Expected the cost "sqeuclidean" or "euclidean", got ${JSON.stringify(cost)}: for others give cost matrices`,
    );
  }
  await Promise.all([requireFinite("x", x), requireFinite("y", y)]);
  const squares = squaredDistances(x, y);
  if (cost !== "euclidean") return { C: squares, owned: true };
  const C = squares.sqrt();
  void C.value;
  squares.dispose();
  return { C, owned: true };
}

/** Coordinates up to which each has its place in a formula, which is faster than a sum over a short axis. */
const FEW = 4;

/** |x_i − y_j|², `[B, n, m]`. */
function squaredDistances(x: Tensor, y: Tensor): Tensor {
  const [B, n, d] = x.shape, m = y.shape[1], parts: Record<string, Tensor> = {};
  const place = (name: string, t: Tensor, shape: readonly number[]) => parts[name] = t.reshape(shape);
  let squares: Tensor;
  if (d > 0 && d <= FEW) {
    for (let k = 0; k < d; k++) {
      using own = x.slice(null, null, [k, k + 1]);
      using other = y.slice(null, null, [k, k + 1]);
      place(`x${k}`, own, [B, n, 1]);
      place(`y${k}`, other, [B, 1, m]);
    }
    squares = Tensor.map(Array.from({ length: d }, (_, k) => `(x${k} - y${k})^2`).join(" + "), parts);
    void squares.value;
  } else {
    place("x", x, [B, n, 1, d]);
    place("y", y, [B, 1, m, d]);
    squares = Tensor.reduce("sum", "(x - y)^2", parts, 3);
  }
  for (const part of Object.values(parts)) part.dispose();
  return squares;
}

/** Weights `[B, count]` in f64 on the host; equal ones if there are none. */
export async function batchWeights(
  name: "a" | "b",
  weights: BatchWeights | undefined,
  B: number,
  count: number,
): Promise<Float64Array> {
  if (weights === undefined) return new Float64Array(B * count).fill(1 / count);
  const shape = weights instanceof Tensor
    ? weights.shape
    : Array.isArray(weights[0])
    ? [weights.length, (weights[0] as readonly number[]).length]
    : [weights.length];
  const fits = shape.length === 1 ? shape[0] === count : shape.length === 2 && shape[0] === B && shape[1] === count;
  if (!fits) {
    throw new TypeError(
      `Expected the weights "${name}" as [${count}] or [${B}, ${count}], got [${shape.join(", ")}]`,
    );
  }
  const data = weights instanceof Tensor ? await weights.data() : (weights as readonly number[]).flat() as number[];
  if (data.length !== shape.reduce((s, v) => s * v, 1)) {
    throw new TypeError(`Expected the weights "${name}" as [${B}, ${count}], got rows of different lengths`);
  }
  const all = new Float64Array(B * count);
  for (let k = 0; k < all.length; k++) {
    all[k] = data[k % data.length];
    if (!(all[k] >= 0 && all[k] < Infinity)) {
      throw new RangeError(
        `Expected finite weights of 0 or more in "${name}", got ${all[k]} at ${k % count} of problem ${
          Math.floor(k / count)
        }`,
      );
    }
  }
  return all;
}

/** Totals of both sides, made equal; a side that was not given takes over the other's. */
export function batchTotals(
  a: Float64Array,
  b: Float64Array,
  B: number,
  given: { a: boolean; b: boolean },
): Float64Array {
  const totals = new Float64Array(B), n = a.length / B, m = b.length / B;
  if (!given.a && !given.b) return totals.fill(1);
  for (let k = 0; k < B; k++) {
    const left = a.subarray(k * n, k * n + n), right = b.subarray(k * m, k * m + m);
    const sums = [left, right].map((w) => w.reduce((s, v) => s + v, 0));
    sums.forEach((s, side) => {
      if (!(s > 0)) {
        throw new RangeError(
          `Expected weights with a positive sum in "${side ? "b" : "a"}", got all zeros in problem ${k}`,
        );
      }
    });
    if (given.a && given.b && Math.abs(sums[0] - sums[1]) > TOTALS * Math.max(...sums)) {
      throw new RangeError(
        `Expected the weights "a" and "b" to have the same sum, got ${sums[0]} and ${sums[1]} in problem ${k}`,
      );
    }
    const scaled = !given.a && given.b ? left : right, by = scaled === left ? sums[1] / sums[0] : sums[0] / sums[1];
    for (let i = 0; i < scaled.length; i++) scaled[i] *= by;
    totals[k] = scaled === left ? sums[1] : sums[0];
  }
  return totals;
}

/** Weights `[B, n]` and `[B, m]` of one total in each problem, in which those given as tensors can be differentiated by. */
export function batchWeightTensors(
  given: { a?: BatchWeights; b?: BatchWeights },
  known: { a: Tensor; b: Tensor },
): { a: Tensor; b: Tensor } {
  const own = (w: BatchWeights | undefined, like: Tensor) => w instanceof Tensor ? w.broadcastTo(like.shape) : like;
  if (!(given.a instanceof Tensor) && !(given.b instanceof Tensor)) return known;
  const a = own(given.a, known.a), b = own(given.b, known.b);
  const scaled = (w: Tensor, to: Tensor) => {
    using s = to.sum(1, { keepDims: true });
    using t = w.sum(1, { keepDims: true });
    const out = Tensor.map("w * s / t", { w, s, t });
    void out.value;
    w.dispose();
    return out;
  };
  const both = given.a === undefined ? { a: scaled(a, b), b } : { a, b: scaled(b, a) };
  for (const name of ["a", "b"] as const) if (given[name] instanceof Tensor) known[name].dispose();
  return both;
}
