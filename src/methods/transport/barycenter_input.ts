import { Tensor } from "../../tensor/mod.ts";

/** Largest relative difference of two totals that counts as rounding. */
const TOTALS = 1e-5;

/** Distributions `[k, …]` of `cells` masses each, in f64 on the host: checked, and scaled to exactly the first one's total. */
export async function requireDistributions(distributions: Tensor, cells: number): Promise<Float64Array[]> {
  const shape = distributions.shape, count = shape[0];
  if (shape.length < 2 || count === 0 || cells === 0 || shape.slice(1).reduce((s, x) => s * x, 1) !== cells) {
    throw new TypeError(
      `Expected distributions [k, n] with at least one of n = ${cells} masses, got [${shape.join(", ")}]`,
    );
  }
  const data = await distributions.data();
  const all = Array.from({ length: count }, (_, k) => Float64Array.from(data.subarray(k * cells, (k + 1) * cells)));
  let first = 0;
  all.forEach((masses, k) => {
    const at = masses.findIndex((w) => !(w >= 0 && w < Infinity));
    if (at >= 0) {
      throw new RangeError(`Expected finite masses of 0 or more in distribution ${k}, got ${masses[at]} at ${at}`);
    }
    const total = masses.reduce((s, x) => s + x, 0);
    if (!(total > 0)) throw new RangeError(`Expected distribution ${k} to have a positive sum, got all zeros`);
    if (k === 0) first = total;
    if (Math.abs(total - first) > TOTALS * Math.max(total, first)) {
      throw new RangeError(
        `Expected all distributions to have the same sum, got ${first} and, for number ${k}, ${total}`,
      );
    }
    masses.forEach((w, i) => masses[i] = w * first / total);
  });
  return all;
}

/** Weights of the distributions, scaled to sum 1; default equal. */
export async function requireLambda(weights: readonly number[] | Tensor | undefined, count: number): Promise<number[]> {
  if (weights instanceof Tensor && weights.rank !== 1) {
    throw new TypeError(`Expected "weights" to be ${count} numbers, got [${weights.shape.join(", ")}]`);
  }
  const given = weights instanceof Tensor ? await weights.data() : weights;
  const all = given === undefined ? new Array<number>(count).fill(1) : Array.from(given, Number);
  if (all.length !== count) throw new TypeError(`Expected "weights" to be ${count} numbers, got ${all.length}`);
  const at = all.findIndex((w) => !(w >= 0 && w < Infinity));
  if (at >= 0) throw new RangeError(`Expected finite "weights" of 0 or more, got ${all[at]} at ${at}`);
  const total = all.reduce((s, x) => s + x, 0);
  if (!(total > 0)) throw new RangeError('Expected "weights" with a positive sum, got all zeros');
  return all.map((w) => w / total);
}
