import type { FloatLanes, V } from "../lanes.ts";

/** An unevaluated sum of a double and a much smaller one. */
export interface DoubleDouble {
  readonly high: V;
  readonly low: V;
}

/** a + b and what rounding loses, whichever is larger (Knuth). */
export function twoSum(m: FloatLanes, a: V, b: V): DoubleDouble {
  const high = m.add(a, b);
  const part = m.sub(high, a);
  return { high, low: m.add(m.sub(a, m.sub(high, part)), m.sub(b, part)) };
}

/**
 * a b and what rounding loses, to 2^-106 (Dekker). Whether a multiply-add rounds once is not known, so the product is taken
 * apart into products of halves, which are exact.
 */
export function twoProduct(m: FloatLanes, a: V, b: V): DoubleDouble {
  const split = (x: V): [V, V] => {
    const leading = m.and(x, m.bits(-(1n << 27n)));
    return [leading, m.sub(x, leading)];
  };
  const [a1, a2] = split(a);
  const [b1, b2] = split(b);
  const high = m.mul(a, b);
  const first = m.sub(m.mul(a1, b1), high);
  return { high, low: m.add(m.add(m.add(first, m.mul(a1, b2)), m.mul(a2, b1)), m.mul(a2, b2)) };
}

/** (a + a') (b + b') to about 2^-104. */
export function multiply(m: FloatLanes, a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const { high, low } = twoProduct(m, a.high, b.high);
  return { high, low: m.add(low, m.add(m.mul(a.high, b.low), m.mul(a.low, b.high))) };
}
