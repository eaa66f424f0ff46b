import type { FloatLanes, V } from "../lanes.ts";
import { doubleCircle } from "./double_circle.ts";
import { type Circle, cosOf, sinOf, tanOf } from "./quadrant.ts";
import { type FloatRule, inDouble } from "./via_double.ts";

/**
 * (sin(x) - x) / x³ and (cos(x) - 1 + x²/2) / x⁴ in x², |x| ≤ π/4: errors 2^-25.3 and 2^-28.6. `sin`, `cos` in
 * tools/polynomials.ts.
 */
const SIN = [-0.166666641831398, 0.008332747966051102, -0.00019587829592637718];
const COS = [0.0416666641831398, -0.001388830249197781, 0.00002454788045724854];

/** π/2 in three parts of 11 bits, of which products with numbers up to 2^12 are exact, and a rest. */
const HALF_PI = [1.5703125, 0.0004837512969970703, 7.549533620476723e-8, 2.5633440682570896e-12];

/** Beyond it single precision cannot reduce the angle. */
const LARGE = 6000;

/** The circle of an angle in single precision. */
function singleCircle(m: FloatLanes, x: V): Circle {
  const n = m.nearest(m.mul(x, m.constant(2 / Math.PI)));
  const r = HALF_PI.reduce((rest, part) => m.nmadd(n, m.constant(part), rest), x);
  const z = m.mul(r, r);
  const sin = m.madd(m.mul(r, z), m.polynomial(z, SIN), r);
  const base = m.nmadd(z, m.constant(0.5), m.constant(1));
  return { n, sin, cos: m.madd(m.mul(z, z), m.polynomial(z, COS), base) };
}

/** A function of the circle, in single precision for small angles. */
function circular(name: string, value: (m: FloatLanes, x: V, circle: Circle) => V): FloatRule {
  const inFull = inDouble(name, (m, x) => value(m, x, doubleCircle(m, x)));
  return (m, x) => {
    if (m.scalar === "f64") return inFull(m, x);
    const { fn } = m;
    const result = fn.variable(value(m, x, singleCircle(m, x)));
    const large = m.not(m.lt(m.abs(x), m.constant(LARGE)));
    fn.if(m.any(large), () => fn.set(result, m.select(large, inFull(m, x), result)));
    return result;
  };
}

export const sin: FloatRule = circular("sin", sinOf);
export const cos: FloatRule = circular("cos", (m, _, circle) => cosOf(m, circle));
export const tan: FloatRule = circular("tan", tanOf);
