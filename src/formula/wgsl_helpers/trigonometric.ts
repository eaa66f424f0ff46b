import type { WgslHelpers } from "./helper.ts";

/**
 * Inverse circular functions. The builtins are off by up to 4e-4 on some drivers and lose NaN; these reduce the argument
 * to where a minimax polynomial is exact to 4e-8.
 */
export const trigonometric: WgslHelpers = {
  dn_atan: {
    text: `fn dn_atan(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 2.41421366f;
  let middle = a > 0.414213568f && !far;
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
    needs: ["dn_atan", "dn_isnan", "dn_nan"],
    text: `fn dn_atan2(y: f32, x: f32) -> f32 {
  let ax = abs(x);
  let ay = abs(y);
  let large = max(ax, ay);
  let ratio = select(select(min(ax, ay) / large, 1.0f, ax == ay), 0.0f, large == 0.0f);
  var r = dn_atan(ratio);
  if (ay > ax) { r = 1.57079637f - r; }
  if ((bitcast<u32>(x) >> 31u) == 1u) { r = 3.14159274f - r; }
  if ((bitcast<u32>(y) >> 31u) == 1u) { r = -r; }
  return select(r, dn_nan(), dn_isnan(x) || dn_isnan(y));
}`,
  },
};
