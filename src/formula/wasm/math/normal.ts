import type { FloatLanes, V } from "../lanes.ts";
import { expOfNegative } from "./exponential.ts";
import { called } from "./via_double.ts";

/** erf(x) / x - 1 in x², |x| ≤ 1: errors 2^-27.5 and 2^-55.8. `erf` in tools/polynomials.ts. */
export const ERF = {
  single: [
    0.12837916612625122,
    -0.3761262595653534,
    0.11283594369888306,
    -0.02685421146452427,
    0.005189087241888046,
    -0.000801686430349946,
    0.00007875874871388078,
  ],
  double: [
    0.1283791670955126,
    -0.3761263890318375,
    0.11283791670954879,
    -0.026866170645076792,
    0.0052239776248180145,
    -0.000854832698083379,
    0.0001205533111164271,
    -0.000014925595266831182,
    0.0000016461000484121368,
    -1.6350312701054695e-7,
    1.4659775274047436e-8,
    -1.1372848856791674e-9,
    5.957176147748911e-11,
  ],
};

/**
 * (1 + 2x) exp(x²) erfc(x) in (x - 2) / (x + 2), to x = 10.2 and to x = 28: errors 2^-24.6 and 2^-52.9. `erfcx32`,
 * `erfcx` in tools/polynomials.ts.
 */
export const ERFCX = {
  single: [
    1.2769783735275269,
    -0.09276396781206131,
    -0.16603043675422668,
    0.1640552431344986,
    -0.054213810712099075,
    -0.008062266744673252,
    0.008661624975502491,
    0.00132891652174294,
    -0.0012600694317370653,
    -0.00042225266224704683,
  ],
  double: [
    1.2769783815525286,
    -0.09276382658574595,
    -0.16603039761528995,
    0.16405128003343591,
    -0.05422000099198121,
    -0.008034015082231569,
    0.008722653873738466,
    0.001271338963262552,
    -0.0014568139126232016,
    -0.00045434081073889184,
    0.0002063668661983712,
    0.00015103907414355547,
    -0.000001507685447624967,
    -0.00003642289080900277,
    -0.000013501657396313632,
    0.0000037088020579027234,
    0.000005247369837622077,
    0.000001510424004205598,
    -7.368730341068611e-7,
    -8.497399881274373e-7,
    -2.1603169534208168e-7,
    1.5987812524725254e-7,
    1.3084537830869568e-7,
    8.014427289526728e-9,
    -2.219535209651515e-8,
    -6.5350814756449116e-9,
  ],
};

/** Beyond it erfc is 0. */
const END = { single: 10.1, double: 28 };

/** exp(x²) erfc(x) for x from 0 to the end. */
function scaledErfc(m: FloatLanes, x: V): V {
  const t = m.div(m.sub(x, m.constant(2)), m.add(x, m.constant(2)));
  return m.div(m.polynomial(t, m.pick(ERFCX.single, ERFCX.double)), m.madd(x, m.constant(2), m.constant(1)));
}

/** exp(-c x²): x² is h² + (x - h)(x + h) with the leading half h of the bits of x, whose square is exact. */
function gaussian(m: FloatLanes, x: V, c: number): V {
  const h = m.and(x, m.bits(m.pick(-(1n << 12n), -(1n << 27n))));
  const minusC = m.constant(-c);
  const rest = m.mul(m.mul(m.sub(x, h), m.add(x, h)), minusC);
  return expOfNegative(m, m.mul(m.mul(h, h), minusC), rest);
}

/** The error function: a polynomial, from 1 on 1 - erfc(x). */
export const erf = called("erf", (m, x) => {
  const a = m.pmin(m.abs(x), m.constant(m.pick(END.single, END.double)));
  const z = m.mul(a, a);
  const near = m.madd(a, m.polynomial(z, m.pick(ERF.single, ERF.double)), a);
  const far = m.sub(m.constant(1), m.mul(gaussian(m, a, 1), scaledErfc(m, a)));
  return m.copySign(m.select(m.lt(a, m.constant(1)), near, far), x);
}, true);

/** x Φ(x) = x erfc(-x / √2) / 2, which keeps its digits for negative x. */
export const gelu = called("gelu", (m, x) => {
  const a = m.pmin(m.abs(x), m.constant(m.pick(END.single, END.double) * Math.SQRT2));
  const tail = m.mul(gaussian(m, a, 0.5), scaledErfc(m, m.mul(a, m.constant(Math.SQRT1_2))));
  const erfc = m.select(m.lt(x, m.constant(0)), tail, m.sub(m.constant(2), tail));
  return m.mul(m.mul(x, m.constant(0.5)), erfc);
}, true);
