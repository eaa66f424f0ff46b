import type { FloatLanes, V } from "../lanes.ts";

/** Masks of what to do in the quadrant: n mod 4 is q in {-2, -1, 0, 1, 2}. */
function quadrant(m: FloatLanes, n: V): { odd: V; q: V } {
  const q = m.sub(n, m.mul(m.nearest(m.mul(n, m.constant(0.25))), m.constant(4)));
  return { q, odd: m.eq(m.abs(q), m.constant(1)) };
}

/** An angle's sine and cosine as those of an angle in [-π/4, π/4] and the quadrant. */
export interface Circle {
  readonly n: V;
  readonly sin: V;
  readonly cos: V;
}

export function sinOf(m: FloatLanes, x: V, { n, sin, cos }: Circle): V {
  const { q, odd } = quadrant(m, n);
  const negative = m.or(m.eq(q, m.constant(-1)), m.eq(m.abs(q), m.constant(2)));
  const value = m.xor(m.select(odd, cos, sin), m.and(negative, m.constant(-0)));
  return m.select(m.eq(x, m.constant(0)), x, value);
}

export function cosOf(m: FloatLanes, { n, sin, cos }: Circle): V {
  const { q, odd } = quadrant(m, n);
  const negative = m.or(m.ge(q, m.constant(1)), m.eq(q, m.constant(-2)));
  return m.xor(m.select(odd, sin, cos), m.and(negative, m.constant(-0)));
}

export function tanOf(m: FloatLanes, x: V, { n, sin, cos }: Circle): V {
  const { odd } = quadrant(m, n);
  const value = m.div(m.select(odd, m.neg(cos), sin), m.select(odd, sin, cos));
  return m.select(m.eq(x, m.constant(0)), x, value);
}
