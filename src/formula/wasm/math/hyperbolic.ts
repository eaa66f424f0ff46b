import type { FloatLanes, V } from "../lanes.ts";
import { expm1, halfExp, onePlusExp } from "./exponential.ts";
import { log, log1p } from "./logarithm.ts";
import { inDouble } from "./via_double.ts";

/** (tanh(x) - x) / x³ in x², |x| ≤ 5/8: error 2^-24.3. `tanh` in tools/polynomials.ts. */
const TANH = [
  -0.333333283662796,
  0.1333276927471161,
  -0.053850848227739334,
  0.02099689468741417,
  -0.006096299737691879,
];

/** (sinh(x) - x) / x³ in x², |x| ≤ 1: error 2^-56.4. `sinh` in tools/polynomials.ts. */
export const SINH = [
  0.16666666666666666,
  0.008333333333333299,
  0.00019841269841324198,
  0.0000027557319191381816,
  2.5052117695907823e-8,
  1.6057679623801638e-10,
  7.746178593018827e-13,
];

/** An odd function from its values at the magnitude. */
function odd(m: FloatLanes, x: V, value: (magnitude: V) => V): V {
  return m.copySign(value(m.abs(x)), x);
}

/** Single: a polynomial, from 5/8 on 1 - 2 / (exp(2x) + 1). Double: E / (E + 2) with E = exp(2x) - 1. */
export function tanh(m: FloatLanes, x: V): V {
  const two = m.constant(2);
  return odd(m, x, (a) => {
    if (m.scalar === "f64") {
      const e = expm1(m, m.mul(m.pmin(a, m.constant(22)), two));
      return m.div(e, m.add(e, two));
    }
    const bounded = m.pmin(a, m.constant(10));
    const far = m.sub(m.constant(1), m.div(two, onePlusExp(m, m.add(bounded, bounded))));
    const z = m.mul(a, a);
    const near = m.madd(m.mul(a, z), m.polynomial(z, TANH), a);
    return m.select(m.lt(a, m.constant(0.625)), near, far);
  });
}

/** A polynomial, from 1 on (exp(x) - exp(-x)) / 2. */
export const sinh = inDouble("sinh", (m, x) =>
  odd(m, x, (a) => {
    const half = halfExp(m, a);
    const far = m.sub(half, m.div(m.constant(0.25), half));
    const z = m.mul(a, a);
    const near = m.madd(m.mul(a, z), m.polynomial(z, SINH), a);
    return m.select(m.lt(a, m.constant(1)), near, far);
  }));

/** (exp(x) + exp(-x)) / 2. */
export const cosh = inDouble("cosh", (m, x) => {
  const half = halfExp(m, m.abs(x));
  return m.add(half, m.div(m.constant(0.25), half));
});

const LARGE = 2 ** 28;

/** log1p(x + x² / (1 + √(x² + 1))); log(2x) for large x. */
export const asinh = inDouble("asinh", (m, x) =>
  odd(m, x, (a) => {
    const one = m.constant(1);
    const bounded = m.pmin(a, m.constant(LARGE));
    const square = m.mul(bounded, bounded);
    const rest = m.div(square, m.add(one, m.sqrt(m.add(square, one))));
    const near = log1p(m, m.add(bounded, rest));
    const far = m.add(log(m, a), m.constant(Math.LN2));
    return m.select(m.gt(a, m.constant(LARGE)), far, near);
  }));

/** log1p(t + √(2t + t²)) with t = x - 1; log(2x) for large x. */
export const acosh = inDouble("acosh", (m, x) => {
  const t = m.sub(m.pmin(x, m.constant(LARGE)), m.constant(1));
  const near = log1p(m, m.add(t, m.sqrt(m.mul(t, m.add(t, m.constant(2))))));
  const far = m.add(log(m, x), m.constant(Math.LN2));
  const value = m.select(m.gt(x, m.constant(LARGE)), far, near);
  return m.select(m.lt(x, m.constant(1)), m.constant(NaN), value);
});

/** log1p(2x / (1 - x)) / 2. */
export const atanh = inDouble("atanh", (m, x) =>
  odd(m, x, (a) => {
    const ratio = m.div(m.add(a, a), m.sub(m.constant(1), a));
    return m.mul(log1p(m, ratio), m.constant(0.5));
  }));
