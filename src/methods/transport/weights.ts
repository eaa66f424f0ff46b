import { Tensor } from "../../tensor/mod.ts";

/** Weights of points: a tensor, an array, or none for equal weights. */
export type Weights = Tensor | readonly number[] | Float32Array | Float64Array;

/** Largest relative difference of the two totals that counts as rounding. */
const TOTALS = 1e-5;

/** Weights in f64 on the host: checked, and the second scaled so that both have exactly the same total. */
export async function prepareWeights(
  a: Weights | undefined,
  b: Weights | undefined,
  n: number,
  m: number,
): Promise<{ a: Float64Array; b: Float64Array; total: number }> {
  if (n === 0 || m === 0) {
    throw new RangeError(`Cannot transport between ${n} and ${m} points: both sides need at least one`);
  }
  const [wa, wb] = await Promise.all([read("a", a, n), read("b", b, m)]);
  // Without weights on one side its total is that of the other.
  const sums = { a: sum(wa), b: sum(wb) };
  if (a === undefined && b !== undefined) scale(wa, sums.b / sums.a);
  else if (b === undefined) scale(wb, sums.a / sums.b);
  else {
    if (Math.abs(sums.a - sums.b) > TOTALS * Math.max(sums.a, sums.b)) {
      throw new RangeError(`Expected the weights "a" and "b" to have the same sum, got ${sums.a} and ${sums.b}`);
    }
    scale(wb, sums.a / sums.b);
  }
  return { a: wa, b: wb, total: sum(wa) };
}

/** Numbers of the points that have weight. */
export function withWeight(weights: Float64Array): Uint32Array {
  return Uint32Array.from([...weights.keys()].filter((k) => weights[k] > 0));
}

/** Weights as tensors of one total, in which the weights that were given as tensors can be differentiated by. */
export function weightTensors(
  a: Weights | undefined,
  b: Weights | undefined,
  known: { a: Float64Array; b: Float64Array },
  like: Tensor,
  keep: (t: Tensor) => Tensor,
): { a: Tensor; b: Tensor } {
  const dtype = like.dtype === "f64" ? "f64" : "f32";
  const constant = (w: Float64Array) =>
    keep(Tensor.of(like.device, dtype === "f64" ? Float64Array.from(w) : Float32Array.from(w), [w.length], dtype));
  const total = (w: Tensor) => keep(w.sum());
  const scaled = (w: Tensor, s: Tensor, t: Tensor) => keep(Tensor.map("w * s / t", { w, s, t }));
  const left = a instanceof Tensor ? a : undefined, right = b instanceof Tensor ? b : undefined;
  const own = left ?? constant(known.a), other = right ?? constant(known.b);
  if (!left && !right) return { a: own, b: other };
  // As `prepareWeights` does: the side without weights, or the second one, takes over the other's total.
  if (a === undefined) return { a: scaled(own, total(other), total(own)), b: other };
  return { a: own, b: scaled(other, total(own), total(other)) };
}

/** Refuses weights of zero, which the unrolled iterations cannot be differentiated at. */
export function requirePositive(weights: { a: Float64Array; b: Float64Array }): void {
  for (const name of ["a", "b"] as const) {
    const at = weights[name].findIndex((w) => w === 0);
    if (at >= 0) {
      throw new RangeError(`Expected positive weights "${name}" with differentiate: "unrolled", got 0 at ${at}`);
    }
  }
}

async function read(name: string, weights: Weights | undefined, count: number): Promise<Float64Array> {
  if (weights === undefined) return new Float64Array(count).fill(1 / count);
  if (weights instanceof Tensor ? weights.rank !== 1 || weights.shape[0] !== count : weights.length !== count) {
    const got = weights instanceof Tensor ? `[${weights.shape.join(", ")}]` : `[${weights.length}]`;
    throw new TypeError(`Expected one weight per point in "${name}", [${count}], got ${got}`);
  }
  const data = Float64Array.from(weights instanceof Tensor ? await weights.data() : weights);
  data.forEach((w, k) => {
    if (!(w >= 0) || w === Infinity) {
      throw new RangeError(`Expected finite weights of 0 or more in "${name}", got ${w} at ${k}`);
    }
  });
  if (!(sum(data) > 0)) throw new RangeError(`Expected weights with a positive sum in "${name}", got all zeros`);
  return data;
}

function sum(v: Float64Array): number {
  return v.reduce((s, x) => s + x, 0);
}

function scale(v: Float64Array, by: number): void {
  for (let k = 0; k < v.length; k++) v[k] *= by;
}
