/** Weights as multiples of a unit. */
export interface WholeWeights {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly unit: number;
}

/** Sums of so many units are exact in f64. */
const BITS = 52;

/**
 * Positive weights of equal sums as positive whole numbers of equal sums, so that masses are moved without rounding: exactly where all weights
 * are equal on both sides or multiples of one power of two, else rounded to units of at most 2⁻⁵⁰ of the total.
 */
export function wholeWeights(a: Float64Array, b: Float64Array): WholeWeights {
  const n = a.length, m = b.length, total = a.reduce((s, x) => s + x, 0);
  if (a.every((w) => w === a[0]) && b.every((w) => w === b[0])) {
    const shared = commonDivisor(n, m);
    return {
      a: new Float64Array(n).fill(m / shared),
      b: new Float64Array(m).fill(n / shared),
      unit: total / (n * (m / shared)),
    };
  }
  // Weights of any size: the scale is a power of two, applied in two parts so that neither overflows.
  const scale = BITS - 1 - Math.ceil(Math.log2(total)), [first, second] = [scale >> 1, scale - (scale >> 1)];
  const round = (weights: Float64Array) => weights.map((w) => Math.max(1, Math.round(w * 2 ** first * 2 ** second)));
  const whole = { a: round(a), b: round(b) };
  const sum = (v: Float64Array) => v.reduce((s, x) => s + x, 0);
  const difference = sum(whole.a) - sum(whole.b), side = difference > 0 ? whole.b : whole.a;
  let largest = 0;
  for (let k = 1; k < side.length; k++) if (side[k] > side[largest]) largest = k;
  side[largest] += Math.abs(difference);
  return { ...whole, unit: 2 ** -first * 2 ** -second };
}

function commonDivisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b];
  return a;
}
