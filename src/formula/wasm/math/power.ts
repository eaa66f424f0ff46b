import type { FloatLanes, V } from "../lanes.ts";
import { type DoubleDouble, multiply, twoProduct, twoSum } from "./double_double.ts";
import { exp2, exp2Sum } from "./exponential.ts";
import { log2, parts } from "./logarithm.ts";
import { inDouble } from "./via_double.ts";

/** (2 atanh(s) - 2 s - 2/3 s³) / s⁵ in s², s² ≤ 0.0295: error 2^-55. `atanh5` in tools/polynomials.ts. */
export const LOG2_TAIL = [
  0.4,
  0.28571428571429364,
  0.22222222221655907,
  0.181818183353876,
  0.15384594963074136,
  0.13334804663624336,
  0.11706237148816372,
  0.11723170160799075,
];

/** Both parts of 2/3 and of 1 / ln 2. */
export const TWO_THIRDS = [0.6666666666666666, 3.700743415417188e-17];
export const LOG2E = [1.4426950408889634, 2.0355273740931033e-17];

/**
 * The power of IEEE 754 as 2^(y log2 |x|). In double precision the exponent, of which up to 10 bits are before the point,
 * is computed as a sum of two numbers; for singles, one double will do.
 */
export const pow = inDouble(
  "pow",
  (m, x, y) => {
    const { high, low } = log2Sum(m, m.abs(x));
    const product = twoProduct(m, high, y);
    const rest = m.add(product.low, m.mul(low, y));
    // Far out the rest is meaningless, or NaN.
    const near = m.lt(m.abs(product.high), m.constant(2000));
    return powerOfSign(m, x, y, exp2Sum(m, product.high, m.and(rest, near)));
  },
  (m, x, y) => powerOfSign(m, x, y, exp2(m, m.mul(log2(m, m.abs(x)), y))),
);

/** The power of x from that of |x|. */
function powerOfSign(m: FloatLanes, x: V, y: V, magnitude: V): V {
  const [zero, one] = [m.constant(0), m.constant(1)];
  const half = m.mul(y, m.constant(0.5));
  const isInteger = m.eq(m.trunc(y), y);
  const isOdd = m.andnot(isInteger, m.eq(m.trunc(half), half));
  const isNegative = m.lt(m.copySign(one, x), zero);
  // 1 and -1 to ±Infinity are 1, which 0 times Infinity does not give.
  const unit = m.and(m.eq(m.abs(x), one), m.eq(y, y));
  const value = m.select(unit, one, magnitude);
  const signed = m.select(m.and(isNegative, isOdd), m.neg(value), value);
  const undefinedPower = m.andnot(m.and(m.lt(x, zero), m.gt(x, m.constant(-Infinity))), isInteger);
  const defined = m.select(undefinedPower, m.constant(NaN), signed);
  return m.select(m.or(m.eq(y, zero), m.eq(x, one)), one, defined);
}

/** log2 of a magnitude to about 2^-65. */
function log2Sum(m: FloatLanes, x: V): DoubleDouble {
  const tiny = m.lt(x, m.constant(2 ** -1022));
  const { e: exponent, f } = parts(m, m.select(tiny, m.mul(x, m.constant(2 ** 54)), x));
  const e = m.sub(exponent, m.and(tiny, m.constant(54)));
  // s = f / (2 + f) and what its rounding lost.
  const divisor = twoSum(m, m.constant(2), f);
  const quotient = m.div(f, divisor.high);
  const back = twoProduct(m, quotient, divisor.high);
  const residue = m.sub(m.sub(m.sub(f, back.high), back.low), m.mul(quotient, divisor.low));
  const s = { high: quotient, low: m.div(residue, divisor.high) };
  // 2 s + 2/3 s³ + s⁵ tail(s²)
  const square = multiply(m, s, s);
  const cube = multiply(m, square, s);
  const third = multiply(m, cube, { high: m.constant(TWO_THIRDS[0]), low: m.constant(TWO_THIRDS[1]) });
  const fifth = m.mul(m.mul(cube.high, square.high), m.polynomial(square.high, LOG2_TAIL));
  const sum = twoSum(m, m.add(s.high, s.high), third.high);
  const low = m.add(m.add(sum.low, m.add(s.low, s.low)), m.add(third.low, fifth));
  const scaled = multiply(m, { high: sum.high, low }, { high: m.constant(LOG2E[0]), low: m.constant(LOG2E[1]) });
  const total = twoSum(m, e, scaled.high);
  const regular = m.and(m.gt(x, m.constant(0)), m.lt(x, m.constant(Infinity)));
  const end = m.select(m.eq(x, m.constant(0)), m.constant(-Infinity), x);
  return { high: m.select(regular, total.high, end), low: m.and(m.add(total.low, scaled.low), regular) };
}
