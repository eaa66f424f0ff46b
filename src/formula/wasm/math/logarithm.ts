import type { FloatLanes, V } from "../lanes.ts";
import { LN2 } from "./exponential.ts";

/** log10(2) in two parts: an exponent times the first is exact. */
export const LOG10_2 = {
  single: [0.301025390625, 4.605038981195214e-6],
  double: [3.01029995663611771306e-1, 3.69423907715893078616e-13],
};

/**
 * (2 atanh(s) - 2 s) / s³ in s², s² ≤ 0.0295: error 2^-22.2 and 2^-51.5, of which s³ leaves a 200th. `atanh` in
 * tools/polynomials.ts.
 */
export const LOG_TAIL = {
  single: [0.6666668653488159, 0.3998877704143524, 0.29580044746398926],
  double: [
    0.666666666666667,
    0.3999999999989945,
    0.28571428626001427,
    0.22222211130560726,
    0.18182889433757515,
    0.15331711346672997,
    0.14616576421644387,
  ],
};

/** A positive number as 2^e (1 + f) with √½ ≤ 1 + f < √2, and the logarithm of 1 + f as f - half - rest. */
export interface Parts {
  readonly e: V;
  readonly f: V;
  readonly log: V;
  /** log(1 + f) - f, which has the digits that the sum with a large e ln 2 still needs. */
  readonly tail: V;
}

/** The bits of √½, from where the exponents are counted. */
export const ROOT_HALF = { single: 0x3f3504f3n, double: 0x3fe6a09e667f3bcdn };

/**
 * log(1 + f) = 2 atanh(s) with s = f / (2 + f), and 2 s = f - s f, so that the leading term f is exact:
 * log(1 + f) = f - (f²/2 - s (f²/2 + R)), R = s² tail(s²).
 */
export function parts(m: FloatLanes, x: V): Parts {
  const one = m.pick(0x3f800000n, 0x3ff0000000000000n);
  const root = m.pick(ROOT_HALF.single, ROOT_HALF.double);
  const shifted = m.addBits(x, m.bits(one - root));
  // The exponent as the low bits of a number with a fixed exponent.
  const magic = 2 ** m.mantissa;
  const biased = m.or(m.shr(shifted, m.mantissa), m.constant(magic));
  const e = m.sub(biased, m.constant(magic + m.bias));
  const fraction = m.and(shifted, m.bits((1n << BigInt(m.mantissa)) - 1n));
  const f = m.sub(m.addBits(fraction, m.bits(root)), m.constant(1));
  const s = m.div(f, m.add(f, m.constant(2)));
  const z = m.mul(s, s);
  const r = m.mul(z, m.polynomial(z, m.pick(LOG_TAIL.single, LOG_TAIL.double)));
  const half = m.mul(m.mul(f, f), m.constant(0.5));
  const tail = m.sub(m.mul(s, m.add(half, r)), half);
  return { e, f, log: m.add(f, tail), tail };
}

/**
 * A logarithm of the normal positive numbers, extended to all others. These are told by one test for all lanes, and cost
 * nothing where there are none.
 */
function extended(m: FloatLanes, x: V, log: (x: V) => V, scaleOf: number): V {
  const { fn } = m;
  const smallest = 2 ** (1 - m.bias);
  const normal = m.and(m.ge(x, m.constant(smallest)), m.lt(x, m.constant(Infinity)));
  const special = fn.let(m.any(m.not(normal)));
  const argument = fn.variable(x);
  const power = m.mantissa + 1;
  fn.if(special, () => {
    const scaled = m.mul(x, m.constant(2 ** power));
    fn.set(argument, m.select(m.lt(x, m.constant(smallest)), scaled, x));
  });
  const result = fn.variable(log(argument));
  fn.if(special, () => {
    const low = m.lt(x, m.constant(smallest));
    const value = m.select(low, m.sub(result, m.constant(power * scaleOf)), result);
    // 0 gives -Infinity, Infinity itself, and what is negative or NaN gives NaN.
    const zero = m.select(m.eq(x, m.constant(0)), m.constant(-Infinity), value);
    const bad = m.not(m.ge(x, m.constant(0)));
    const finite = m.select(bad, m.constant(NaN), zero);
    fn.set(result, m.select(m.eq(x, m.constant(Infinity)), x, finite));
  });
  return result;
}

/** log(x) = e ln 2 + log(1 + f). */
export function log(m: FloatLanes, x: V): V {
  const [high, low] = m.pick(LN2.single, LN2.double);
  return extended(m, x, (x) => {
    const { e, f, tail } = parts(m, x);
    const rest = m.madd(e, m.constant(low), tail);
    return m.madd(e, m.constant(high), m.add(f, rest));
  }, Math.LN2);
}

/** log2(x) = e + log(1 + f) / ln 2; powers of 2 are exact. */
export function log2(m: FloatLanes, x: V): V {
  return extended(m, x, (x) => {
    const { e, log } = parts(m, x);
    return m.madd(log, m.constant(Math.LOG2E), e);
  }, 1);
}

/** log10(x) = e log10(2) + log(1 + f) / ln 10. */
export function log10(m: FloatLanes, x: V): V {
  const [high, low] = m.pick(LOG10_2.single, LOG10_2.double);
  return extended(m, x, (x) => {
    const { e, log } = parts(m, x);
    const rest = m.madd(log, m.constant(Math.LOG10E), m.mul(e, m.constant(low)));
    return m.madd(e, m.constant(high), rest);
  }, Math.LOG10E * Math.LN2);
}

/** log(u) with u = 1 + x rounded, and what the rounding lost divided by u. */
export function log1p(m: FloatLanes, x: V): V {
  const u = m.add(x, m.constant(1));
  const lost = m.sub(x, m.sub(u, m.constant(1)));
  const regular = m.and(m.gt(u, m.constant(0)), m.lt(u, m.constant(Infinity)));
  const correction = m.and(m.div(lost, u), regular);
  const value = m.add(log(m, u), correction);
  // -0 stays, and so do numbers whose square vanishes.
  return m.select(m.lt(m.abs(x), m.constant(m.pick(2 ** -30, 2 ** -60))), x, value);
}
