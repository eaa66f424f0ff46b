import type { FloatLanes, V } from "../lanes.ts";
import { inDouble } from "./via_double.ts";

/** 1 / √x; Infinity for both zeros, for adding 0 makes -0 to 0. */
export function rsqrt(m: FloatLanes, x: V): V {
  return m.div(m.constant(1), m.sqrt(m.add(x, m.constant(0))));
}

/** ∛x on [1/2, 4], within 1/180: a start for Halley's method, of which each step cubes the error. */
export const CUBE_ROOT = [
  0.5143018064098476,
  0.6715753875616943,
  -0.2329541372283123,
  0.05062477829955306,
  -0.004411087862757191,
];

/** ∛(c 8^k) = 2^k ∛c with c in [1/2, 4]. */
export const cbrt = inDouble("cbrt", (m, x) => {
  const a = m.abs(x);
  const tiny = m.lt(a, m.constant(2 ** -1022));
  const normal = m.select(tiny, m.mul(a, m.constant(2 ** 54)), a);
  const exponent = m.sub(m.or(m.shr(normal, 52), m.constant(2 ** 52)), m.constant(2 ** 52 + 1023));
  const k = m.nearest(m.mul(exponent, m.constant(1 / 3)));
  const scale = (power: V) => m.shl(m.add(power, m.constant(1.5 * 2 ** 52 + 1023)), 52);
  const thrice = m.mul(k, m.constant(-3));
  const c = m.mul(normal, scale(thrice));
  const cubeError = (y: V, cube: V) => m.div(m.mul(y, m.sub(c, cube)), m.add(m.add(cube, cube), c));
  const step = (y: V) => m.add(y, cubeError(y, m.mul(m.mul(y, y), y)));
  const root = m.mul(step(step(m.polynomial(c, CUBE_ROOT))), scale(k));
  const value = m.select(tiny, m.mul(root, m.constant(2 ** -18)), root);
  const regular = m.and(m.gt(a, m.constant(0)), m.lt(a, m.constant(Infinity)));
  return m.select(regular, m.copySign(value, x), x);
});

/** √(a² + b²), scaled so that no square overflows or vanishes. Infinite if one is, even beside NaN. */
export const hypot = inDouble("hypot", (m, a, b) => {
  const larger = m.max(m.abs(a), m.abs(b));
  const up = m.lt(larger, m.constant(2 ** -400));
  const down = m.gt(larger, m.constant(2 ** 400));
  const pick = (small: number, large: number) =>
    m.select(up, m.constant(small), m.select(down, m.constant(large), m.constant(1)));
  const scale = pick(2 ** 600, 2 ** -600);
  const [p, q] = [m.mul(a, scale), m.mul(b, scale)];
  const value = m.mul(m.sqrt(m.madd(p, p, m.mul(q, q))), pick(2 ** -600, 2 ** 600));
  const infinite = (x: V) => m.eq(m.abs(x), m.constant(Infinity));
  return m.select(m.or(infinite(a), infinite(b)), m.constant(Infinity), value);
});
