import type { FloatLanes, V } from "../lanes.ts";

/** ln 2 in two parts: n times the first is exact for every n that can occur. */
export const LN2 = {
  single: [0.693359375, -2.1219444005469057e-4],
  double: [6.93147180369123816490e-1, 1.90821492927058770002e-10],
};

/**
 * (exp(r) - 1 - r) / r² on |r| ≤ ln 2 / 2: error 2^-23.8 and 2^-52.9, of which r² leaves an eighth. `exp` in
 * tools/polynomials.ts.
 */
export const EXP_TAIL = {
  single: [0.5, 0.16666576266288757, 0.04166655242443085, 0.00836323294788599, 0.0013926250394433737],
  double: [
    0.5000000000000001,
    0.16666666666666669,
    0.041666666666623824,
    0.008333333333330039,
    0.0013888888917367081,
    0.00019841269863171557,
    0.000024801521057868204,
    0.0000027557268276905696,
    2.7620201591031547e-7,
    2.5100472505694996e-8,
  ],
};

/** exp(x) = 2^n exp(r): `steps` holds n, plus an offset, in its low bits. */
interface Reduced {
  readonly r: V;
  readonly steps: V;
}

/** The number that is added to round to an integer n; the low bits of the result hold n + offset. */
function rounder(m: FloatLanes, offset = 2 * m.bias): number {
  return 1.5 * 2 ** m.mantissa + offset;
}

/** r + r² tail(r) = exp(r) - 1, with |r| ≤ ln 2 / 2. */
function tail(m: FloatLanes, r: V): V {
  const q = m.polynomial(r, m.pick(EXP_TAIL.single, EXP_TAIL.double));
  return m.madd(m.mul(r, r), q, r);
}

/** `times` (1 + r + r² tail(r)), in one operation less, as the digits that r has after those of 1 do not count. */
function whole(m: FloatLanes, r: V, times: 1 | 2 = 1): V {
  return m.polynomial(r, [1, 1, ...m.pick(EXP_TAIL.single, EXP_TAIL.double)].map((c) => times * c));
}

/** The reduction of x + rest, where `rest` is much smaller; the steps hold n + offset. */
function reduce(m: FloatLanes, x: V, offset: number, rest?: V): Reduced {
  const [high, low] = m.pick(LN2.single, LN2.double);
  const magic = m.constant(rounder(m, offset));
  const t = m.madd(x, m.constant(Math.LOG2E), magic);
  const n = m.sub(t, magic);
  const r = m.nmadd(n, m.constant(low), m.nmadd(n, m.constant(high), x));
  return { r: rest === undefined ? r : m.add(r, rest), steps: t };
}

/** y 2^n in two halves, so that results below the normal numbers are rounded once and none overflows early. */
function scale(m: FloatLanes, y: V, steps: V): V {
  const first = m.shl(m.shr(steps, 1), m.mantissa);
  const second = m.subBits(m.shl(steps, m.mantissa), first);
  return m.mul(m.mul(y, first), second);
}

/**
 * exp(x) = 2^n (1 + r + r² tail(r)) with x = n ln 2 + r, |r| ≤ ln 2 / 2. Adding 1.5 2^mantissa rounds to an integer and
 * leaves it in the low bits, from where shifts put it into exponents. Beyond the bounds the result is 0 or Infinity.
 */
export function exp(m: FloatLanes, x: V): V {
  if (m.flush) {
    // Two times the half, so that one power will do also where the result is above half of the largest number.
    const lowest = m.constant(m.pick(-86.98, -708.04)), held = m.pmin(x, m.constant(m.pick(89, 710)));
    const { r, steps } = reduce(m, held, m.bias - 1);
    return m.andnot(m.mul(whole(m, r, 2), m.shl(steps, m.mantissa)), m.lt(x, lowest));
  }
  const { r, steps } = reduce(m, bounded(m, x), 2 * m.bias);
  return scale(m, whole(m, r), steps);
}

/**
 * exp(x) for x ≤ 80, and 0 where that is less than twice the smallest normal number: a processor takes a hundred times as long for a
 * product below the normal numbers. Also right about -Infinity and NaN. What comes out for smaller x is not a power times a number
 * near 1, but the mask takes it away.
 */
export function flushedExp(m: FloatLanes, x: V): V {
  const lowest = m.constant(m.pick(-87.3, -708.39));
  const { r, steps } = reduce(m, x, m.bias);
  return m.andnot(m.mul(whole(m, r), m.shl(steps, m.mantissa)), m.lt(x, lowest));
}

/**
 * exp(x + rest) for x ≤ 40 and |rest| ≤ 1/16, where one power will do: 2^(n + half the bias), then half the bias back. Also
 * right about -Infinity and NaN.
 */
export function expOfNegative(m: FloatLanes, x: V, rest?: V): V {
  const half = m.pick(64, 512);
  const bounded = m.pmax(x, m.constant(m.pick(-105, -746)));
  const { r, steps } = reduce(m, bounded, m.bias + half, rest);
  const power = m.shl(steps, m.mantissa);
  return m.mul(m.mul(whole(m, r), power), m.constant(2 ** -half));
}

/** exp(x) / 2, which is finite a little longer than exp(x). */
export function halfExp(m: FloatLanes, x: V): V {
  const { r, steps } = reduce(m, bounded(m, x), 2 * m.bias - 1);
  return scale(m, whole(m, r), steps);
}

/** x, moved to where the result is just 0 or Infinity. */
function bounded(m: FloatLanes, x: V): V {
  return m.pmax(m.pmin(x, m.constant(m.pick(90, 711))), m.constant(m.pick(-105, -746)));
}

/** 1 + exp(x) for x from 0 to half of where exp overflows. */
export function onePlusExp(m: FloatLanes, x: V): V {
  const { r, steps } = reduce(m, x, m.bias);
  const power = m.shl(steps, m.mantissa);
  return m.madd(power, tail(m, r), m.add(power, m.constant(1)));
}

/** 2^x, as exp(r ln 2) 2^n with |r| ≤ 1/2; integer powers are exact. */
export function exp2(m: FloatLanes, x: V): V {
  return exp2Sum(m, x);
}

/** 2^(x + rest) with |rest| ≤ 1/16. */
export function exp2Sum(m: FloatLanes, x: V, rest?: V): V {
  const bounded = m.pmax(m.pmin(x, m.constant(m.pick(129, 1025))), m.constant(m.pick(-151, -1076)));
  const t = m.add(bounded, m.constant(rounder(m)));
  const fraction = m.sub(bounded, m.sub(t, m.constant(rounder(m))));
  const r = m.mul(rest === undefined ? fraction : m.add(fraction, rest), m.constant(Math.LN2));
  return scale(m, whole(m, r), t);
}

/**
 * exp(x) - 1 = 2^n p + (2^n - 1). Both terms are below the largest number unless n is the largest exponent + 1, so they are
 * computed at half size there. Below -40 the result is -1.
 */
export function expm1(m: FloatLanes, x: V): V {
  const bounded = m.pmax(m.pmin(x, m.constant(m.pick(89, 709.9))), m.constant(-40));
  const { r, steps } = reduce(m, bounded, 2 * m.bias - 1);
  const half = scale(m, m.constant(1), steps);
  const sum = m.madd(half, tail(m, r), m.sub(half, m.constant(0.5)));
  const value = m.add(sum, sum);
  // -0 stays, and so do numbers whose square vanishes.
  return m.select(m.lt(m.abs(x), m.constant(m.pick(2 ** -30, 2 ** -60))), x, value);
}
