import type { WgslHelpers } from "./helper.ts";

/** Exponentials, logarithms, powers and roots. The polynomials are minimax fits of relative error below 4e-8. */
export const exponential: WgslHelpers = {
  dn_expm1: {
    text: `fn dn_expm1(x: f32) -> f32 {
  let p = 0.5f + x * (0.166666672f + x * (0.0416664593f + x * (0.00833336171f + x * (0.00139344868f + x * 0.000198580805f))));
  return select(exp(x) - 1.0f, x + x * x * p, abs(x) < 0.35f);
}`,
  },
  // With s = x / (2 + x), log(1 + x) = 2 artanh(s) = 2s + s^3 p(s^2).
  dn_log1p: {
    text: `fn dn_log1p(x: f32) -> f32 {
  let s = x / (2.0f + x);
  let z = s * s;
  let p = 0.666666687f + z * (0.400001287f + z * (0.285499364f + z * 0.233549595f));
  return select(log(1.0f + x), 2.0f * s + s * z * p, (x > -0.29f) & (x < 0.41f));
}`,
  },
  // The sign of zero and the parity of y are those of IEEE 754; parity is lost for |y| >= 2^24, where all are even.
  dn_pow: {
    needs: ["dn_inf", "dn_isnan", "dn_nan"],
    text: `fn dn_pow(x: f32, y: f32) -> f32 {
  let a = abs(x);
  let power = select(exp2(y * log2(a)), 1.0f, a == 1.0f);
  // Some compilers make a builtin pow of it, which has 0 for 0 to a negative power.
  let r = select(power, select(0.0f, dn_inf(), y < 0.0f), a == 0.0f);
  let half = 0.5f * y;
  let odd = select(r, -r, floor(half) != half);
  let broken = select(dn_nan(), r, (a == 0.0f) | (a > 3.4028234e38f));
  let kept = select(r, select(odd, broken, floor(y) != y), (bitcast<u32>(x) >> 31u) == 1u);
  let known = select(kept, dn_nan(), dn_isnan(x) | dn_isnan(y));
  return select(known, 1.0f, (y == 0.0f) | (x == 1.0f));
}`,
  },
  dn_rsqrt: {
    needs: ["dn_inf"],
    text: `fn dn_rsqrt(x: f32) -> f32 {
  return select(inverseSqrt(x), dn_inf(), x == 0.0f);
}`,
  },
  // One Newton step takes the error of the exponential away.
  dn_cbrt: {
    text: `fn dn_cbrt(x: f32) -> f32 {
  let a = abs(x);
  let y = exp2(log2(a) * 0.333333343f);
  let r = y - (y - a / (y * y)) * 0.333333343f;
  return select(select(r, -r, x < 0.0f), x, (a == 0.0f) | (a > 3.4028234e38f));
}`,
  },
};
