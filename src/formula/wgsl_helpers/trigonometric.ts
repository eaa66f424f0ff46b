import type { WgslHelpers } from "./helper.ts";

/**
 * Circular functions and their inverses. The builtins are off by up to 4e-4 on some drivers and lose NaN; these reduce the argument
 * to where a minimax polynomial is exact to 4e-8.
 */
export const trigonometric: WgslHelpers = {
  // Sine and cosine of the rest of x after n quarters of a circle: π/2 is in three parts of 11 bits, whose products with n are exact
  // for |x| up to 6000, and a rest. Further out the angle is off by up to a unit of its last place, and the clamp holds it to where
  // the polynomials are.
  dn_quarter: {
    text: `fn dn_quarter(x: f32) -> vec3<f32> {
  let n = floor(x * 0.636619747f + 0.5f);
  let r = (((x - n * 1.5703125f) - n * 0.0004837512969970703f) - n * 7.549533620476723e-8f) - n * 2.5633440682570896e-12f;
  let a = clamp(r, -0.8f, 0.8f);
  let z = a * a;
  let s = a + a * z * (-0.166666641831398f + z * (0.008332747966051102f + z * -0.00019587829592637718f));
  let c = (1.0f - 0.5f * z) + z * z * (0.0416666641831398f + z * (-0.001388830249197781f + z * 0.00002454780745485724f));
  return vec3(s, c, n - 4.0f * floor(0.25f * n));
}`,
  },
  dn_sin: {
    needs: ["dn_quarter", "dn_isfinite", "dn_nan"],
    text: `fn dn_sin(x: f32) -> f32 {
  let q = dn_quarter(x);
  let r = select(q.x, q.y, (q.z == 1.0f) | (q.z == 3.0f));
  return select(dn_nan(), select(r, -r, q.z >= 2.0f), dn_isfinite(x));
}`,
  },
  dn_cos: {
    needs: ["dn_quarter", "dn_isfinite", "dn_nan"],
    text: `fn dn_cos(x: f32) -> f32 {
  let q = dn_quarter(x);
  let r = select(q.y, q.x, (q.z == 1.0f) | (q.z == 3.0f));
  return select(dn_nan(), select(r, -r, (q.z == 1.0f) | (q.z == 2.0f)), dn_isfinite(x));
}`,
  },
  dn_tan: {
    needs: ["dn_quarter", "dn_isfinite", "dn_nan"],
    text: `fn dn_tan(x: f32) -> f32 {
  let q = dn_quarter(x);
  let odd = (q.z == 1.0f) | (q.z == 3.0f);
  return select(dn_nan(), select(q.x, -q.y, odd) / select(q.y, q.x, odd), dn_isfinite(x));
}`,
  },
  dn_atan: {
    text: `fn dn_atan(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 2.41421366f;
  let middle = (a > 0.414213568f) & !far;
  let t = select(select(a, (a - 1.0f) / (a + 1.0f), middle), -1.0f / a, far);
  let z = t * t;
  let p = 1.0f + z * (-0.333327979f + z * (0.199744686f + z * (-0.138520718f + z * 0.0798668787f)));
  let r = select(select(0.0f, 0.785398185f, middle), 1.57079637f, far) + t * p;
  return select(r, -r, x < 0.0f);
}`,
  },
  // asin(a) for 0 <= a <= 1/2.
  dn_asin_small: {
    text: `fn dn_asin_small(a: f32) -> f32 {
  let z = a * a;
  let p = 0.166667894f + z * (0.0749443546f + z * (0.0455500782f + z * (0.0238586552f + z * 0.0426348671f)));
  return a + a * z * p;
}`,
  },
  dn_asin: {
    needs: ["dn_asin_small"],
    text: `fn dn_asin(x: f32) -> f32 {
  let a = abs(x);
  let r = select(1.57079637f - 2.0f * dn_asin_small(sqrt(0.5f - 0.5f * a)), dn_asin_small(a), a <= 0.5f);
  return select(r, -r, x < 0.0f);
}`,
  },
  dn_acos: {
    needs: ["dn_asin_small"],
    text: `fn dn_acos(x: f32) -> f32 {
  let a = abs(x);
  let s = dn_asin_small(a);
  let outer = 2.0f * dn_asin_small(sqrt(0.5f - 0.5f * a));
  return select(select(outer, 3.14159274f - outer, x < 0.0f), 1.57079637f - select(s, -s, x < 0.0f), a <= 0.5f);
}`,
  },
  dn_atan2: {
    needs: ["dn_atan", "dn_isnan", "dn_nan", "dn_quotient"],
    text: `fn dn_atan2(y: f32, x: f32) -> f32 {
  let ax = abs(x);
  let ay = abs(y);
  let large = max(ax, ay);
  let ratio = select(select(dn_quotient(min(ax, ay), large), 1.0f, ax == ay), 0.0f, large == 0.0f);
  let t = dn_atan(ratio);
  let upper = select(t, 1.57079637f - t, ay > ax);
  let right = select(upper, 3.14159274f - upper, (bitcast<u32>(x) >> 31u) == 1u);
  let r = select(right, -right, (bitcast<u32>(y) >> 31u) == 1u);
  return select(r, dn_nan(), dn_isnan(x) | dn_isnan(y));
}`,
  },
};
