import type { FloatLanes, V } from "../lanes.ts";
import { inDouble } from "./via_double.ts";

/** (atan(x) - x) / x³ in x², |x| ≤ tan(π/8): error 2^-54.3. `atan` in tools/polynomials.ts. */
export const ATAN = [
  -0.3333333333333333,
  0.19999999999995513,
  -0.1428571428466518,
  0.11111111015146714,
  -0.0909090457366906,
  0.07692183087342026,
  -0.06664509989818045,
  0.058581362519061465,
  -0.05085383488842831,
  0.03922974453661223,
  -0.019174543572021332,
];

/** (asin(x) - x) / x³ in x², |x| ≤ 1/2: error 2^-51.9, of which x³ leaves an eighth. `asin` in tools/polynomials.ts. */
export const ASIN = [
  0.1666666666666665,
  0.07500000000020764,
  0.044642857103423646,
  0.03038194736709848,
  0.02237204763174451,
  0.017355259955786323,
  0.013929652902326633,
  0.011875494382636924,
  0.007802949477353317,
  0.016035514349148825,
  -0.010749050339697811,
  0.028169218060881417,
];

/** π/2 and what it lacks. */
export const HALF_PI = [1.5707963267948966, 6.123233995736766e-17];
/** tan(π/8) and its inverse. */
const [LOW, HIGH] = [Math.SQRT2 - 1, Math.SQRT2 + 1];

/**
 * atan(y / x) of magnitudes with one division: y / x where that is below tan(π/8), π/4 + (y - x) / (y + x) below
 * tan(3π/8), else π/2 - x / y.
 */
function arctangent(m: FloatLanes, y: V, x: V): V {
  const beyondLow = m.gt(y, m.mul(x, m.constant(LOW)));
  const beyondHigh = m.gt(y, m.mul(x, m.constant(HIGH)));
  const middle = m.andnot(beyondLow, beyondHigh);
  const numerator = m.select(beyondHigh, m.neg(x), m.select(middle, m.sub(y, x), y));
  const denominator = m.select(beyondHigh, y, m.select(middle, m.add(y, x), x));
  const z = m.div(numerator, denominator);
  const quarter = m.select(beyondHigh, m.constant(1), m.and(middle, m.constant(0.5)));
  const square = m.mul(z, z);
  const tail = m.mul(m.mul(z, square), m.polynomial(square, ATAN));
  const value = m.add(z, m.madd(quarter, m.constant(HALF_PI[1]), tail));
  return m.madd(quarter, m.constant(HALF_PI[0]), value);
}

export const atan = inDouble("atan", (m, x) => m.copySign(arctangent(m, m.abs(x), m.constant(1)), x));

/** The angle of the point (x, y): the sign of zeros and infinite coordinates count. */
export const atan2 = inDouble("atan2", (m, y, x) => {
  const [a, b] = [m.abs(y), m.abs(x)];
  const infinite = m.constant(Infinity);
  const one = m.constant(1);
  // Both infinite is as both 1, both zero as 0 / 1; and the sum must not overflow.
  const bothInfinite = m.and(m.eq(a, infinite), m.eq(b, infinite));
  const bothZero = m.and(m.eq(a, m.constant(0)), m.eq(b, m.constant(0)));
  const factor = m.select(m.gt(m.max(a, b), m.constant(2 ** 1000)), m.constant(2 ** -60), one);
  const numerator = m.select(bothInfinite, one, m.mul(a, factor));
  const denominator = m.select(m.or(bothInfinite, bothZero), one, m.mul(b, factor));
  const angle = arctangent(m, numerator, denominator);
  // π - angle, to the digits that π lacks.
  const beyond = m.sub(m.constant(2 * HALF_PI[0]), m.sub(angle, m.constant(2 * HALF_PI[1])));
  const left = m.copySign(one, x);
  return m.copySign(m.select(m.lt(left, m.constant(0)), beyond, angle), m.select(m.ne(x, x), x, y));
});

/** asin on [0, 1/2]. */
function near(m: FloatLanes, x: V): V {
  const z = m.mul(x, x);
  return m.madd(m.mul(x, z), m.polynomial(z, ASIN), x);
}

/** asin(x) = π/2 - 2 asin(√((1 - x) / 2)) beyond 1/2. */
export const asin = inDouble("asin", (m, x) => {
  const a = m.abs(x);
  const far = m.gt(a, m.constant(0.5));
  const half = m.mul(m.sub(m.constant(1), a), m.constant(0.5));
  const value = near(m, m.select(far, m.sqrt(half), a));
  const beyond = m.sub(m.constant(HALF_PI[0]), m.sub(m.add(value, value), m.constant(HALF_PI[1])));
  return m.copySign(m.select(far, beyond, value), x);
});

/** acos(x) = π/2 - asin(x); beyond 1/2 it is 2 asin(√((1 - x) / 2)), below -1/2 π minus that of -x. */
export const acos = inDouble("acos", (m, x) => {
  const a = m.abs(x);
  const far = m.gt(a, m.constant(0.5));
  const half = m.mul(m.sub(m.constant(1), a), m.constant(0.5));
  const value = near(m, m.select(far, m.sqrt(half), a));
  const twice = m.add(value, value);
  const isNegative = m.lt(x, m.constant(0));
  const opposite = m.sub(m.constant(2 * HALF_PI[0]), m.sub(twice, m.constant(2 * HALF_PI[1])));
  const beyond = m.select(isNegative, opposite, twice);
  const middle = m.sub(m.constant(HALF_PI[0]), m.sub(m.copySign(value, x), m.constant(HALF_PI[1])));
  return m.select(far, beyond, middle);
});
