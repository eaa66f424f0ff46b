import { CUBE_ROOT } from "../../wasm/math/root.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

/** Powers, roots and the Euclidean norm of a pair. */
export const power: WgslHelpers = {
  // 2^(y log2 |x|): the exponent, of which up to 10 bits are before the point, is a sum of two numbers. The sign of zero
  // and the parity of y are those of IEEE 754.
  dn_pow: {
    needs: ["dn_exp2_sum", "dn_floor", "dn_isfinite", "dn_isnan", "dn_log2_sum", "dn_nan", "dn_two_product"],
    text: `fn dn_pow_f64(x: f64, y: f64) -> f64 {
  if (y == 0.0lf || x == 1.0lf) { return 1.0lf; }
  if (dn_isnan_f64(x) || dn_isnan_f64(y)) { return dn_nan_f64(); }
  let l = dn_log2_sum_f64(abs(x));
  let product = dn_two_product_f64(l.x, y);
  // Far out the rest is meaningless, or NaN.
  let rest = select(0.0lf, product.y + l.y * y, abs(product.x) < 2000.0lf);
  // 1 and -1 to an infinite power are 1, which 0 times infinity does not give.
  let r = select(dn_exp2_sum_f64(product.x, rest), 1.0lf, abs(x) == 1.0lf);
  if ((bitcast<u64>(x) >> 63u) == 0lu) { return r; }
  if (dn_floor_f64(y) != y) { return select(dn_nan_f64(), r, x == 0.0lf || !dn_isfinite_f64(x)); }
  let half = 0.5lf * y;
  return select(r, -r, dn_floor_f64(half) != half);
}`,
  },
  // Of both zeros it is infinite.
  dn_rsqrt: {
    needs: ["dn_inf"],
    text: `fn dn_rsqrt_f64(x: f64) -> f64 {
  return select(1.0lf / sqrt(x), dn_inf_f64(), x == 0.0lf);
}`,
  },
  // cbrt(c 8^k) = 2^k cbrt(c) with c in [1/2, 4]: a polynomial within 1/180 and two steps of Halley's method.
  dn_cbrt: {
    needs: ["dn_copysign", "dn_isfinite"],
    text: `fn dn_cbrt_f64(x: f64) -> f64 {
  let a = abs(x);
  if (a == 0.0lf || !dn_isfinite_f64(x)) { return x; }
  let tiny = a < ${lf(2 ** -1022)};
  let normal = select(a, a * ${lf(2 ** 54)}, tiny);
  let e = bitcast<f64>((bitcast<u64>(normal) >> 52u) | 0x4330000000000000lu) - ${lf(2 ** 52 + 1023)};
  let k = floor(e * ${lf(1 / 3)} + 0.5lf);
  let c = normal * bitcast<f64>(bitcast<u64>(k * -3.0lf + ${lf(1.5 * 2 ** 52 + 1023)}) << 52u);
  var y = ${polynomial("c", CUBE_ROOT)};
  var cube = (y * y) * y;
  y = y + y * (c - cube) / ((cube + cube) + c);
  cube = (y * y) * y;
  y = y + y * (c - cube) / ((cube + cube) + c);
  let root = y * bitcast<f64>(bitcast<u64>(k + ${lf(1.5 * 2 ** 52 + 1023)}) << 52u);
  return dn_copysign_f64(select(root, root * ${lf(2 ** -18)}, tiny), x);
}`,
  },
  // Scaled so that no square overflows or vanishes. Infinite if one is, even beside NaN.
  dn_hypot: {
    needs: ["dn_inf", "dn_isnan", "dn_nan"],
    text: `fn dn_hypot_f64(a: f64, b: f64) -> f64 {
  let x = abs(a);
  let y = abs(b);
  if (x > ${lf(Number.MAX_VALUE)} || y > ${lf(Number.MAX_VALUE)}) { return dn_inf_f64(); }
  if (dn_isnan_f64(x) || dn_isnan_f64(y)) { return dn_nan_f64(); }
  let large = max(x, y);
  let up = large < ${lf(2 ** -400)};
  let down = large > ${lf(2 ** 400)};
  let scale = select(select(1.0lf, ${lf(2 ** -600)}, down), ${lf(2 ** 600)}, up);
  let back = select(select(1.0lf, ${lf(2 ** 600)}, down), ${lf(2 ** -600)}, up);
  let p = x * scale;
  let q = y * scale;
  return sqrt(p * p + q * q) * back;
}`,
  },
};
