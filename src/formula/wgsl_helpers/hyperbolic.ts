import type { WgslHelpers } from "./helper.ts";

/** Hyperbolic functions that neither overflow early nor lose digits near 0. */
export const hyperbolic: WgslHelpers = {
  // exp(x / 2) is squared where exp(x) would overflow before its half does: not before it is halved.
  dn_sinh: {
    needs: ["dn_keep"],
    text: `fn dn_sinh(x: f32) -> f32 {
  let z = x * x;
  let p = 1.0f + z * (0.166667342f + z * (0.00832991209f + z * 0.000203939882f));
  let a = abs(x);
  let e = exp(a);
  let h = exp(0.5f * a);
  let r = select(0.5f * (e - 1.0f / e), dn_keep(0.5f * h) * h, a > 80.0f);
  return select(select(r, -r, x < 0.0f), x * p, a < 1.0f);
}`,
  },
  dn_cosh: {
    needs: ["dn_keep"],
    text: `fn dn_cosh(x: f32) -> f32 {
  let a = abs(x);
  let e = exp(a);
  let h = exp(0.5f * a);
  return select(0.5f * (e + 1.0f / e), dn_keep(0.5f * h) * h, a > 80.0f);
}`,
  },
  dn_tanh: {
    text: `fn dn_tanh(x: f32) -> f32 {
  let z = x * x;
  let p = 1.0f + z * (-0.333332837f + z * (0.133316889f + z * (-0.0537686944f + z * (0.0207535941f - z * 0.00585213024f))));
  let a = abs(x);
  let r = 1.0f - 2.0f / (exp(2.0f * a) + 1.0f);
  return select(select(r, -r, x < 0.0f), x * p, a < 0.6f);
}`,
  },
  dn_asinh: {
    needs: ["dn_log1p"],
    text: `fn dn_asinh(x: f32) -> f32 {
  let a = abs(x);
  let z = a * a;
  let r = select(dn_log1p(a + z / (1.0f + sqrt(z + 1.0f))), log(a) + 0.693147182f, a > 1e8f);
  return select(r, -r, x < 0.0f);
}`,
  },
  dn_acosh: {
    needs: ["dn_log1p", "dn_nan"],
    text: `fn dn_acosh(x: f32) -> f32 {
  let t = x - 1.0f;
  let r = select(dn_log1p(t + sqrt(t * (t + 2.0f))), log(x) + 0.693147182f, x > 1e8f);
  return select(r, dn_nan(), x < 1.0f);
}`,
  },
  dn_atanh: {
    needs: ["dn_log1p", "dn_nan"],
    text: `fn dn_atanh(x: f32) -> f32 {
  let a = abs(x);
  let r = 0.5f * dn_log1p(2.0f * a / (1.0f - a));
  return select(select(r, -r, x < 0.0f), dn_nan(), a > 1.0f);
}`,
  },
};
