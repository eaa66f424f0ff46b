import { ERF, ERFCX } from "../../wasm/math/normal.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

/** The error function and what is made of it. */
export const normal: WgslHelpers = {
  // exp(x^2) erfc(x) for x from 0 to 28, beyond which erfc is 0.
  dn_scaled_erfc: {
    text: `fn dn_scaled_erfc_f64(x: f64) -> f64 {
  let t = (x - 2.0lf) / (x + 2.0lf);
  return ${polynomial("t", ERFCX.double)} / (2.0lf * x + 1.0lf);
}`,
  },
  // exp(-c x^2): x^2 is h^2 + (x - h)(x + h) with the leading half h of the bits of x, whose square is exact.
  dn_gaussian: {
    needs: ["dn_exp_sum"],
    text: `fn dn_gaussian_f64(x: f64, c: f64) -> f64 {
  let h = bitcast<f64>(bitcast<u64>(x) & 0xfffffffff8000000lu);
  return dn_exp_sum_f64(-c * (h * h), -c * ((x - h) * (x + h)), 0.0lf);
}`,
  },
  // A polynomial, from 1 on 1 - erfc(x).
  dn_erf: {
    needs: ["dn_copysign", "dn_gaussian", "dn_isnan", "dn_scaled_erfc"],
    text: `fn dn_erf_f64(x: f64) -> f64 {
  let a = min(abs(x), 28.0lf);
  let z = a * a;
  let near = a + a * ${polynomial("z", ERF.double)};
  let far = 1.0lf - dn_gaussian_f64(a, 1.0lf) * dn_scaled_erfc_f64(a);
  return select(dn_copysign_f64(select(far, near, a < 1.0lf), x), x, dn_isnan_f64(x));
}`,
  },
  // x erfc(-x / √2) / 2, which keeps its digits for negative x.
  dn_gelu: {
    needs: ["dn_gaussian", "dn_isnan", "dn_scaled_erfc"],
    text: `fn dn_gelu_f64(x: f64) -> f64 {
  let a = min(abs(x), ${lf(28 * Math.SQRT2)});
  let tail = dn_gaussian_f64(a, 0.5lf) * dn_scaled_erfc_f64(${lf(Math.SQRT1_2)} * a);
  let value = (0.5lf * x) * select(2.0lf - tail, tail, x < 0.0lf);
  return select(value, x, dn_isnan_f64(x));
}`,
  },
};
