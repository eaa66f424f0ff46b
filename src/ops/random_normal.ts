import { mulHigh } from "./philox.ts";

/*
 * Box–Muller in integers, so that every device gives the same bits: logarithms and cosines differ between devices.
 *
 * With u = (2 w + 1) / 2^33 in (0, 1) and L = the number of leading zeros of w, u = 2^-L (1 − g/2) for a g in (0, 1] that 32 bits
 * hold exactly, so
 *   −2 ln u = 2 L ln 2 + g R(g),   R(g) = −2 ln(1 − g/2) / g ∈ (1, 2 ln 2].
 * The radius is the square root of that. The angle is (q + x) quarter turns, q the upper two bits of the second word, and
 *   sin(πx/2) = x S(x²),   cos(πx/2) = sin(π(1 − x)/2).
 * R and S are polynomials in 30-bit fixed point, near-minimax on [0, 1] with their coefficients rounded: off by at most 2^-29
 * and 2^-32.
 */

/** Coefficients of R, the highest power first, in units of 2^-30. */
export const R = [
  2262126,
  -7586241,
  13325630,
  -11101131,
  9468079,
  3015783,
  13997072,
  33480443,
  89483316,
  268435334,
  1073741825,
];
/** Coefficients of S, the highest power first, in units of 2^-30. */
export const S = [-3685, 172072, -5026892, 85569282, -693598666, 1686629713];
/** 2 ln 2 in units of 2^-58: upper and lower word. */
export const TWO_LN2 = [0x058b90bf, 0xbe8e7bcd] as const;

/** Digits after the binary point of a normal number: |z| < 8 then fits the 24 bits of an f32 exactly. */
export const FRACTION = 21;

/** Product of a signed number and a fraction in units of 2^-32. */
function scaled(a: number, fraction: number): number {
  return mulHigh(a >>> 0, fraction) - (a < 0 ? fraction : 0) | 0;
}

function polynomial(coefficients: readonly number[], x: number): number {
  let y = coefficients[0];
  for (let k = 1; k < coefficients.length; k++) y = coefficients[k] + scaled(y, x);
  return y;
}

/** Square root of a positive 64-bit number, off by less than 2 units in 2^32 of the result. */
function squareRoot(high: number, low: number): number {
  // Shifted so that one of the upper two bits is set; the shift is even, so its half shifts the root back.
  const whole = high === 0 ? 16 : 0;
  let top = high === 0 ? low : high, rest = high === 0 ? 0 : low;
  const shift = Math.clz32(top) & 30;
  if (shift > 0) {
    top = (top << shift | rest >>> 32 - shift) >>> 0;
    rest = rest << shift >>> 0;
  }
  // The upper half of the root digit by digit, the lower half by one division: (r + q)² ≈ r² + 2 r q.
  let root = 0, remainder = top;
  for (let bit = 1 << 30; bit !== 0; bit >>>= 2) {
    const trial = root + bit;
    root >>>= 1;
    if (remainder >= trial) {
      remainder -= trial;
      root += bit;
    }
  }
  const quotient = Math.floor((remainder * 2 ** 15 + (rest >>> 17)) / root);
  return (root * 2 ** 16 + Math.min(quotient, 0xffff)) >>> whole + (shift >>> 1);
}

/** sin(πx/2) in units of 2^-30, x in units of 2^-32. */
function quarterSine(x: number): number {
  return mulHigh(polynomial(S, mulHigh(x, x)), x);
}

/**
 * Two independent standard normal numbers from two random words (Box and Muller 1958), written to `out[at]` and `out[at + 1]`:
 * multiples of 2^-21, each within 0.6 · 2^-21 of what exact arithmetic gives, and of magnitude at most 6.77.
 */
export function boxMuller(first: number, second: number, out: { [k: number]: number }, at: number): void {
  const zeros = Math.clz32(first);
  const g = -((first << 1 | 1) << (zeros & 31)) >>> 0;
  const ratio = polynomial(R, g);
  // −2 ln u in units of 2^-58, in two words.
  const scaledHigh = mulHigh(g, ratio), scaledLow = Math.imul(g, ratio) >>> 0;
  const partLow = (scaledHigh << 28 | scaledLow >>> 4) >>> 0;
  const low = Math.imul(zeros, TWO_LN2[1]) + partLow >>> 0;
  const carry = low < partLow ? 1 : 0;
  const high = Math.imul(zeros, TWO_LN2[0]) + mulHigh(zeros, TWO_LN2[1]) + (scaledHigh >>> 4) + carry >>> 0;
  const radius = squareRoot(high, low);

  const quarter = second >>> 30, x = (second << 2 | 2) >>> 0;
  const sine = quarterSine(x), cosine = quarterSine(-x >>> 0);
  const odd = (quarter & 1) === 1;
  const c = round(mulHigh(radius, odd ? sine : cosine)), s = round(mulHigh(radius, odd ? cosine : sine));
  out[at] = (quarter === 1 || quarter === 2 ? -c : c) / 2 ** FRACTION + 0;
  out[at + 1] = (quarter >= 2 ? -s : s) / 2 ** FRACTION + 0;
}

/** From units of 2^-27 to units of 2^-21. */
function round(v: number): number {
  return v + 32 >>> 6;
}

const horner = (coefficients: readonly number[], x: string) =>
  coefficients.slice(1).reduce((y, c) => `${c}i + scaled(${y}, ${x})`, `${coefficients[0]}i`);

/** WGSL `box_muller(words) -> vec2<f32>`, step for step the function above; needs `mul_high`. */
export const boxMullerText: string = `
fn scaled(a: i32, fraction: u32) -> i32 {
  return bitcast<i32>(mul_high(bitcast<u32>(a), fraction) - select(0u, fraction, a < 0i));
}
fn square_root(high: u32, low: u32) -> u32 {
  let whole = select(0u, 16u, high == 0u);
  var top = select(high, low, high == 0u);
  var rest = select(low, 0u, high == 0u);
  let shift = countLeadingZeros(top) & 30u;
  if (shift > 0u) {
    top = (top << shift) | (rest >> (32u - shift));
    rest = rest << shift;
  }
  var root = 0u;
  var remainder = top;
  for (var bit = 0x40000000u; bit != 0u; bit >>= 2u) {
    let trial = root + bit;
    root >>= 1u;
    if (remainder >= trial) {
      remainder -= trial;
      root += bit;
    }
  }
  let quotient = min(((remainder << 15u) + (rest >> 17u)) / root, 0xffffu);
  return ((root << 16u) + quotient) >> (whole + (shift >> 1u));
}
fn quarter_sine(x: u32) -> u32 {
  let y = mul_high(x, x);
  return mul_high(u32(${horner(S, "y")}), x);
}
fn box_muller(words: vec2<u32>) -> vec2<f32> {
  let zeros = countLeadingZeros(words.x);
  let g = 0u - (((words.x << 1u) | 1u) << (zeros & 31u));
  let ratio = u32(${horner(R, "g")});
  let scaled_high = mul_high(g, ratio);
  let part_low = (scaled_high << 28u) | ((g * ratio) >> 4u);
  let low = zeros * ${TWO_LN2[1]}u + part_low;
  let carry = select(0u, 1u, low < part_low);
  let high = zeros * ${TWO_LN2[0]}u + mul_high(zeros, ${TWO_LN2[1]}u) + (scaled_high >> 4u) + carry;
  let radius = square_root(high, low);
  let quarter = words.y >> 30u;
  let x = (words.y << 2u) | 2u;
  let sine = quarter_sine(x);
  let cosine = quarter_sine(0u - x);
  let odd = (quarter & 1u) == 1u;
  let c = i32((mul_high(radius, select(cosine, sine, odd)) + 32u) >> 6u);
  let s = i32((mul_high(radius, select(sine, cosine, odd)) + 32u) >> 6u);
  let turned = vec2<i32>(select(c, -c, quarter == 1u || quarter == 2u), select(s, -s, quarter >= 2u));
  return vec2<f32>(turned) * ${2 ** -FRACTION}f;
}`;
