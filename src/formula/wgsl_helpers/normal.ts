import type { WgslHelpers } from "./helper.ts";

/** The error function and what is made of it. */
export const normal: WgslHelpers = {
  // exp(-x^2) t p(t) with t = 1 / (1 + x / 2); p is a minimax fit on 0 <= x <= 13, beyond which erfc underflows.
  dn_erfc_positive: {
    text: `fn dn_erfc_positive(x: f32) -> f32 {
  let t = 1.0f / (1.0f + 0.5f * x);
  let p = 0.282084316f + t * (0.282412291f + t * (0.24283345f + t * (0.203759968f + t * (-0.0291680079f
    + t * (0.28176403f + t * (-0.490435183f + t * (0.286138743f - t * 0.0593896434f)))))));
  return exp(-x * x) * t * p;
}`,
  },
  dn_erf: {
    needs: ["dn_erfc_positive"],
    text: `fn dn_erf(x: f32) -> f32 {
  let z = x * x;
  let p = 1.12837911f + z * (-0.37612325f + z * (0.112801798f + z * (-0.0267113037f + z * (0.00491754292f - z * 0.000563138805f))));
  let a = abs(x);
  let r = 1.0f - dn_erfc_positive(a);
  return select(select(r, -r, x < 0.0f), x * p, a < 1.0f);
}`,
  },
  // x erfc(-x / sqrt 2) / 2, which keeps its digits for negative x.
  dn_gelu: {
    needs: ["dn_erfc_positive"],
    text: `fn dn_gelu(x: f32) -> f32 {
  let tail = dn_erfc_positive(0.707106769f * abs(x));
  return 0.5f * x * select(2.0f - tail, tail, x < 0.0f);
}`,
  },
};
