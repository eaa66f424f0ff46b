import type { WgslHelpers } from "../helper.ts";
import { lf } from "./write.ts";

/** The exact remainder with the sign of the divisor. */
export const remainder: WgslHelpers = {
  // With a quotient q that is off by one at most, a - q b is exact, as the product is. Loops are for the largest quotients
  // only: some software adapters stop after so many of them.
  dn_mod: {
    needs: ["dn_copysign", "dn_floor", "dn_fmod", "dn_isfinite", "dn_isnan", "dn_keep", "dn_nan", "dn_two_product"],
    text: `fn dn_mod_f64(a: f64, b: f64) -> f64 {
  if (!dn_isfinite_f64(a) || dn_isnan_f64(b) || b == 0.0lf) { return dn_nan_f64(); }
  let q = dn_floor_f64(a / b + 0.5lf);
  let p = dn_two_product_f64(q, b);
  var r = dn_keep_f64(a - p.x) - p.y;
  let moderate = abs(b) > ${lf(2 ** -900)} && max(abs(a), abs(b)) < ${lf(2 ** 1000)};
  if (!(moderate && abs(q) < ${lf(2 ** 50)})) { r = dn_fmod_f64(a, b); }
  if ((r < 0.0lf && b > 0.0lf) || (r > 0.0lf && b < 0.0lf)) { r = r + b; }
  return select(r, dn_copysign_f64(0.0lf, a), r == 0.0lf);
}`,
  },
  // The remainder of |a| by |b| with the sign of a: by long division of the mantissas. A remainder has 53 bits, so eleven
  // more can be brought in at once.
  dn_fmod: {
    needs: ["dn_copysign"],
    text: `fn dn_fmod_f64(a: f64, b: f64) -> f64 {
  let p = bitcast<u64>(abs(a));
  let d = bitcast<u64>(abs(b));
  if (p < d) { return a; }
  let normal = d >= 0x10000000000000lu;
  let exponent = select(1u, u32(d >> 52u), normal);
  let divisor = (d & 0xffffffffffffflu) | select(0lu, 0x10000000000000lu, normal);
  let large = p >= 0x10000000000000lu;
  var rest = (p & 0xffffffffffffflu) | select(0lu, 0x10000000000000lu, large);
  var steps = select(1u, u32(p >> 52u), large) - exponent;
  rest = rest % divisor;
  while (steps > 0u) {
    let by = min(steps, 11u);
    rest = (rest << by) % divisor;
    steps -= by;
  }
  // rest 2^(exponent - 1075), a power that may be below the normal numbers.
  let power = select(1lu << ((exponent - 1u) & 63u), u64(exponent - 52u) << 52u, exponent >= 53u);
  return dn_copysign_f64(f64(rest) * bitcast<f64>(power), a);
}`,
  },
};
