import { COS, HALF_PI, SIN } from "../../wasm/math/double_circle.ts";
import type { WgslHelpers } from "../helper.ts";
import { payneHanek } from "./payne_hanek.ts";
import { lf, polynomial } from "./write.ts";

/** Circular functions by an angle in [-π/4, π/4] and its quadrant. */
export const circular: WgslHelpers = {
  // x = q π/2 + r + tail, with q modulo 4.
  dn_Angle: {
    text: `struct dn_Angle_f64 { r: f64, tail: f64, q: u32 }`,
  },
  dn_payne_hanek: payneHanek,
  // Subtracts n π/2 part by part (Cody and Waite).
  dn_angle: {
    needs: ["dn_keep", "dn_payne_hanek", "dn_two_sum"],
    text: `fn dn_angle_f64(x: f64) -> dn_Angle_f64 {
  if (!(abs(x) <= ${lf(2 ** 20)})) { return dn_payne_hanek_f64(x); }
  let n = floor(x * ${lf(2 / Math.PI)} + 0.5lf);
  let first = dn_two_sum_f64(dn_keep_f64(x - n * ${lf(HALF_PI[0])}), n * ${lf(-HALF_PI[1])});
  let second = dn_two_sum_f64(first.x, n * ${lf(-HALF_PI[2])});
  let rest = (first.y + second.y) - n * ${lf(HALF_PI[3])};
  let r = dn_keep_f64(second.x + rest);
  let q = u32(bitcast<u64>(n + ${lf(1.5 * 2 ** 52)}) & 3lu);
  return dn_Angle_f64(r, (second.x - r) + rest, q);
}`,
  },
  // sin(r + t) = r + r^3 S + t (1 - r^2/2)
  dn_sin_part: {
    needs: ["dn_Angle"],
    text: `fn dn_sin_part_f64(a: dn_Angle_f64) -> f64 {
  let z = a.r * a.r;
  return a.r + ((a.r * z) * ${polynomial("z", SIN)} + a.tail * (1.0lf - 0.5lf * z));
}`,
  },
  // cos(r + t) = 1 - r^2/2 + r^4 C - r t with what 1 - r^2/2 loses.
  dn_cos_part: {
    needs: ["dn_Angle", "dn_keep"],
    text: `fn dn_cos_part_f64(a: dn_Angle_f64) -> f64 {
  let z = a.r * a.r;
  let half = 0.5lf * z;
  let base = dn_keep_f64(1.0lf - half);
  return base + (((1.0lf - base) - half) + ((z * z) * ${polynomial("z", COS)} - a.r * a.tail));
}`,
  },
  dn_sin: {
    needs: ["dn_angle", "dn_cos_part", "dn_sin_part"],
    text: `fn dn_sin_f64(x: f64) -> f64 {
  let a = dn_angle_f64(x);
  let value = select(dn_sin_part_f64(a), dn_cos_part_f64(a), (a.q & 1u) == 1u);
  return select(select(value, -value, a.q >= 2u), x, x == 0.0lf);
}`,
  },
  dn_cos: {
    needs: ["dn_angle", "dn_cos_part", "dn_sin_part"],
    text: `fn dn_cos_f64(x: f64) -> f64 {
  let a = dn_angle_f64(x);
  let value = select(dn_cos_part_f64(a), dn_sin_part_f64(a), (a.q & 1u) == 1u);
  return select(value, -value, a.q == 1u || a.q == 2u);
}`,
  },
  dn_tan: {
    needs: ["dn_angle", "dn_cos_part", "dn_sin_part"],
    text: `fn dn_tan_f64(x: f64) -> f64 {
  let a = dn_angle_f64(x);
  let s = dn_sin_part_f64(a);
  let c = dn_cos_part_f64(a);
  let odd = (a.q & 1u) == 1u;
  return select(select(s, -c, odd) / select(c, s, odd), x, x == 0.0lf);
}`,
  },
};
