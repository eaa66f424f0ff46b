import { ASIN, ATAN, HALF_PI } from "../../wasm/math/arc.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

const HALF = lf(HALF_PI[0]);
const HALF_REST = lf(HALF_PI[1]);
const PI = lf(2 * HALF_PI[0]);
const PI_REST = lf(2 * HALF_PI[1]);

/** Inverse circular functions. */
export const arc: WgslHelpers = {
  // atan(y / x) of magnitudes: y / x where that is below tan(π/8), π/4 + (y - x) / (y + x) below tan(3π/8), else
  // π/2 - x / y.
  dn_arctangent: {
    text: `fn dn_arctangent_f64(y: f64, x: f64) -> f64 {
  let far = y > x * ${lf(Math.SQRT2 + 1)};
  let middle = y > x * ${lf(Math.SQRT2 - 1)} && !far;
  let t = select(select(y, y - x, middle), -x, far) / select(select(x, y + x, middle), y, far);
  let quarter = select(select(0.0lf, 0.5lf, middle), 1.0lf, far);
  let z = t * t;
  let tail = (t * z) * ${polynomial("z", ATAN)};
  return quarter * ${HALF} + (t + (quarter * ${HALF_REST} + tail));
}`,
  },
  dn_atan: {
    needs: ["dn_arctangent", "dn_copysign"],
    text: `fn dn_atan_f64(x: f64) -> f64 {
  return dn_copysign_f64(dn_arctangent_f64(abs(x), 1.0lf), x);
}`,
  },
  // The sign of zeros and infinite coordinates count: both infinite is as both 1, both zero as 0 / 1.
  dn_atan2: {
    needs: ["dn_arctangent", "dn_copysign", "dn_isnan", "dn_nan"],
    text: `fn dn_atan2_f64(y: f64, x: f64) -> f64 {
  if (dn_isnan_f64(x) || dn_isnan_f64(y)) { return dn_nan_f64(); }
  let a = abs(y);
  let b = abs(x);
  let infinite = min(a, b) > ${lf(Number.MAX_VALUE)};
  // The sum must not overflow.
  let factor = select(1.0lf, ${lf(2 ** -60)}, max(a, b) > ${lf(2 ** 1000)});
  let angle = dn_arctangent_f64(
    select(a * factor, 1.0lf, infinite),
    select(b * factor, 1.0lf, infinite || max(a, b) == 0.0lf),
  );
  // π - angle, to the digits that π lacks.
  let beyond = ${PI} - (angle - ${PI_REST});
  return dn_copysign_f64(select(angle, beyond, (bitcast<u64>(x) >> 63u) == 1lu), y);
}`,
  },
  // asin on [0, 1/2].
  dn_asin_small: {
    text: `fn dn_asin_small_f64(x: f64) -> f64 {
  let z = x * x;
  return x + (x * z) * ${polynomial("z", ASIN)};
}`,
  },
  // Beyond 1/2 it is π/2 - 2 asin(√((1 - x) / 2)).
  dn_asin: {
    needs: ["dn_asin_small", "dn_copysign", "dn_nan"],
    text: `fn dn_asin_f64(x: f64) -> f64 {
  let a = abs(x);
  if (!(a <= 1.0lf)) { return dn_nan_f64(); }
  let far = a > 0.5lf;
  let value = dn_asin_small_f64(select(a, sqrt(0.5lf * (1.0lf - a)), far));
  return dn_copysign_f64(select(value, ${HALF} - ((value + value) - ${HALF_REST}), far), x);
}`,
  },
  // π/2 - asin(x); beyond 1/2 2 asin(√((1 - x) / 2)), below -1/2 π minus that of -x.
  dn_acos: {
    needs: ["dn_asin_small", "dn_copysign", "dn_nan"],
    text: `fn dn_acos_f64(x: f64) -> f64 {
  let a = abs(x);
  if (!(a <= 1.0lf)) { return dn_nan_f64(); }
  let far = a > 0.5lf;
  let value = dn_asin_small_f64(select(a, sqrt(0.5lf * (1.0lf - a)), far));
  let twice = value + value;
  let beyond = select(twice, ${PI} - (twice - ${PI_REST}), x < 0.0lf);
  return select(${HALF} - (dn_copysign_f64(value, x) - ${HALF_REST}), beyond, far);
}`,
  },
};
