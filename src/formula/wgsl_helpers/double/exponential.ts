import { EXP_TAIL, LN2 } from "../../wasm/math/exponential.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

/**
 * Exponentials: exp(x) = 2^n exp(r) with x = n ln 2 + r, |r| ≤ ln 2 / 2. `dn_keep` holds the parts of n ln 2 apart, which some compilers
 * add up.
 */
export const exponential: WgslHelpers = {
  // y 2^n in two halves, so that results below the normal numbers are rounded once and none overflows early. Adding
  // 1.5 2^52 leaves n + 2046 in the low bits.
  dn_scale: {
    text: `fn dn_scale_f64(y: f64, n: f64) -> f64 {
  let steps = bitcast<u64>(n + ${lf(1.5 * 2 ** 52 + 2046)});
  let first = (steps >> 1u) << 52u;
  return (y * bitcast<f64>(first)) * bitcast<f64>((steps << 52u) - first);
}`,
  },
  // exp(x + rest) 2^shift with |rest| <= 1/16.
  dn_exp_sum: {
    needs: ["dn_isnan", "dn_keep", "dn_scale"],
    text: `fn dn_exp_sum_f64(x: f64, rest: f64, shift: f64) -> f64 {
  let bounded = min(max(x, -746.0lf), 711.0lf);
  let n = floor(bounded * ${lf(Math.LOG2E)} + 0.5lf);
  let r = (dn_keep_f64(bounded - n * ${lf(LN2.double[0])}) - n * ${lf(LN2.double[1])}) + rest;
  return select(dn_scale_f64(${polynomial("r", [1, 1, ...EXP_TAIL.double])}, n + shift), x, dn_isnan_f64(x));
}`,
  },
  dn_exp: {
    needs: ["dn_exp_sum"],
    text: `fn dn_exp_f64(x: f64) -> f64 {
  return dn_exp_sum_f64(x, 0.0lf, 0.0lf);
}`,
  },
  // 2^(x + rest) with |rest| <= 1/16; integer powers are exact.
  dn_exp2_sum: {
    needs: ["dn_isnan", "dn_keep", "dn_scale"],
    text: `fn dn_exp2_sum_f64(x: f64, rest: f64) -> f64 {
  let bounded = min(max(x, -1076.0lf), 1025.0lf);
  let n = floor(bounded + 0.5lf);
  let r = (dn_keep_f64(bounded - n) + rest) * ${lf(Math.LN2)};
  return select(dn_scale_f64(${polynomial("r", [1, 1, ...EXP_TAIL.double])}, n), x, dn_isnan_f64(x));
}`,
  },
  dn_exp2: {
    needs: ["dn_exp2_sum"],
    text: `fn dn_exp2_f64(x: f64) -> f64 {
  return dn_exp2_sum_f64(x, 0.0lf);
}`,
  },
  // exp(x) - 1 = 2^n p + (2^n - 1), at half size, for n can be 1024. -0 stays, and so do numbers whose square vanishes.
  dn_expm1: {
    needs: ["dn_isnan", "dn_keep", "dn_scale"],
    text: `fn dn_expm1_f64(x: f64) -> f64 {
  let bounded = min(max(x, -40.0lf), 709.9lf);
  let n = floor(bounded * ${lf(Math.LOG2E)} + 0.5lf);
  let r = dn_keep_f64(bounded - n * ${lf(LN2.double[0])}) - n * ${lf(LN2.double[1])};
  let p = r + (r * r) * ${polynomial("r", EXP_TAIL.double)};
  let half = dn_scale_f64(1.0lf, n - 1.0lf);
  let sum = half * p + (half - 0.5lf);
  return select(sum + sum, x, abs(x) < ${lf(2 ** -60)} || dn_isnan_f64(x));
}`,
  },
  // For negative x exp(x) / (1 + exp(x)), so that small values keep their digits.
  dn_sigmoid: {
    needs: ["dn_exp"],
    text: `fn dn_sigmoid_f64(x: f64) -> f64 {
  let e = dn_exp_f64(-abs(x));
  return select(1.0lf, e, x < 0.0lf) / (1.0lf + e);
}`,
  },
};
