import { SINH } from "../../wasm/math/hyperbolic.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

/** Hyperbolic functions that neither overflow early nor lose digits near 0, and their inverses. */
export const hyperbolic: WgslHelpers = {
  // A polynomial, from 1 on (exp(x) - exp(-x)) / 2.
  dn_sinh: {
    needs: ["dn_copysign", "dn_exp_sum"],
    text: `fn dn_sinh_f64(x: f64) -> f64 {
  let a = abs(x);
  let half = dn_exp_sum_f64(a, 0.0lf, -1.0lf);
  let z = a * a;
  let near = a + (a * z) * ${polynomial("z", SINH)};
  return dn_copysign_f64(select(half - 0.25lf / half, near, a < 1.0lf), x);
}`,
  },
  dn_cosh: {
    needs: ["dn_exp_sum"],
    text: `fn dn_cosh_f64(x: f64) -> f64 {
  let half = dn_exp_sum_f64(abs(x), 0.0lf, -1.0lf);
  return half + 0.25lf / half;
}`,
  },
  // E / (E + 2) with E = exp(2x) - 1; from 22 on it is 1.
  dn_tanh: {
    needs: ["dn_copysign", "dn_expm1"],
    text: `fn dn_tanh_f64(x: f64) -> f64 {
  let a = abs(x);
  let e = dn_expm1_f64(2.0lf * select(a, 22.0lf, a > 22.0lf));
  return dn_copysign_f64(e / (e + 2.0lf), x);
}`,
  },
  // log1p(x + x^2 / (1 + √(x^2 + 1))); log(2x) for large x.
  dn_asinh: {
    needs: ["dn_copysign", "dn_log", "dn_log1p"],
    text: `fn dn_asinh_f64(x: f64) -> f64 {
  let a = abs(x);
  if (a > ${lf(2 ** 28)}) { return dn_copysign_f64(dn_log_f64(a) + ${lf(Math.LN2)}, x); }
  let z = a * a;
  return dn_copysign_f64(dn_log1p_f64(a + z / (1.0lf + sqrt(z + 1.0lf))), x);
}`,
  },
  // log1p(t + √(2t + t^2)) with t = x - 1; log(2x) for large x.
  dn_acosh: {
    needs: ["dn_log", "dn_log1p", "dn_nan"],
    text: `fn dn_acosh_f64(x: f64) -> f64 {
  if (!(x >= 1.0lf)) { return dn_nan_f64(); }
  if (x > ${lf(2 ** 28)}) { return dn_log_f64(x) + ${lf(Math.LN2)}; }
  let t = x - 1.0lf;
  return dn_log1p_f64(t + sqrt(t * (t + 2.0lf)));
}`,
  },
  // log1p(2x / (1 - x)) / 2.
  dn_atanh: {
    needs: ["dn_copysign", "dn_log1p", "dn_nan"],
    text: `fn dn_atanh_f64(x: f64) -> f64 {
  let a = abs(x);
  if (!(a <= 1.0lf)) { return dn_nan_f64(); }
  return dn_copysign_f64(0.5lf * dn_log1p_f64((a + a) / (1.0lf - a)), x);
}`,
  },
};
