import type { FloatLanes, V } from "../lanes.ts";
import { call } from "../module_builder.ts";
import { f64x2 } from "../simd.ts";
import { twoSum } from "./double_double.ts";
import { payneHanek } from "./payne_hanek.ts";
import type { Circle } from "./quadrant.ts";

/**
 * (sin(x) - x) / x³ and (cos(x) - 1 + x²/2) / x⁴ in x², |x| ≤ π/4: errors 2^-54.8 and 2^-58.6. `sin`, `cos` in
 * tools/polynomials.ts.
 */
export const SIN = [
  -0.16666666666666666,
  0.008333333333330946,
  -0.000198412698367542,
  0.0000027557316100283695,
  -2.5051131372218632e-8,
  1.5918095236696272e-10,
];
export const COS = [
  0.041666666666666664,
  -0.0013888888888887395,
  0.00002480158729876295,
  -2.755731727031051e-7,
  2.087614597263508e-9,
  -1.1382611119025631e-11,
];

/** π/2 in three parts of 33 bits, of which products with numbers below 2^20 are exact, and a rest. */
export const HALF_PI = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32];

/** Beyond it the angle is reduced lane by lane. */
const LARGE = 2 ** 20;

/** An angle as n π/2 + r + tail with |r| ≤ π/4. */
interface Angle {
  readonly n: V;
  readonly r: V;
  readonly tail: V;
}

/** Subtracts n π/2 part by part (Cody and Waite). */
function reduce(m: FloatLanes, x: V): Angle {
  const { fn } = m;
  const n = fn.variable(m.nearest(m.mul(x, m.constant(2 / Math.PI))));
  const minus = (k: number) => m.mul(n, m.constant(-HALF_PI[k]));
  const first = twoSum(m, m.add(x, minus(0)), minus(1));
  const second = twoSum(m, first.high, minus(2));
  const rest = m.add(m.add(first.low, second.low), minus(3));
  const r = fn.variable(m.add(second.high, rest));
  const tail = fn.variable(m.add(m.sub(second.high, r), rest));
  const large = m.not(m.le(m.abs(x), m.constant(LARGE)));
  fn.if(m.any(large), () => {
    const exact = payneHanek(fn.module);
    const [a, b] = [0, 1].map((lane) => fn.let(call(exact, f64x2.extractLane(x, lane))));
    const both = (k: number) =>
      fn.let(f64x2.replaceLane(f64x2.splat(f64x2.extractLane(a, k)), 1, f64x2.extractLane(b, k)));
    fn.set(r, m.select(large, both(0), r));
    fn.set(n, m.select(large, both(1), n));
    fn.set(tail, m.andnot(tail, large));
  });
  return { n, r, tail };
}

/** The circle of an angle in double precision. */
export function doubleCircle(m: FloatLanes, x: V): Circle {
  const { n, r, tail } = reduce(m, x);
  const z = m.mul(r, r);
  const one = m.constant(1);
  // sin(r + t) = r + r³ S + t (1 - r²/2), cos(r + t) = 1 - r²/2 + r⁴ C - r t with what 1 - r²/2 loses.
  const half = m.mul(z, m.constant(0.5));
  const sin = m.add(r, m.madd(m.mul(r, z), m.polynomial(z, SIN), m.mul(tail, m.sub(one, half))));
  const base = m.sub(one, half);
  const lost = m.sub(m.sub(one, base), half);
  const correction = m.nmadd(r, tail, m.mul(m.mul(z, z), m.polynomial(z, COS)));
  return { n, sin, cos: m.add(base, m.add(lost, correction)) };
}
