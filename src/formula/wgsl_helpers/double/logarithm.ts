import { LN2 } from "../../wasm/math/exponential.ts";
import { LOG10_2, LOG_TAIL, ROOT_HALF } from "../../wasm/math/logarithm.ts";
import { LOG2_TAIL, LOG2E, TWO_THIRDS } from "../../wasm/math/power.ts";
import type { WgslHelpers } from "../helper.ts";
import { lf, polynomial } from "./write.ts";

const ONE = 0x3ff0000000000000n;
const ROOT = ROOT_HALF.double;

/** A logarithm from the parts of x: `value` is an expression of `e`, `p.f` and `p.tail`. */
function logarithm(name: string, value: string): string {
  return `fn ${name}(x: f64) -> f64 {
  let p = dn_log_parts_f64(x);
  let e = p.e;
  return dn_log_ends_f64(x, ${value});
}`;
}

/** Logarithms: x = 2^e (1 + f) with √½ ≤ 1 + f < √2, and log(1 + f) = 2 atanh(s) with s = f / (2 + f). */
export const logarithmic: WgslHelpers = {
  // log(1 + f) = f + tail: the leading term is exact. Below the normal numbers x is scaled.
  dn_LogParts: {
    text: `struct dn_LogParts_f64 { e: f64, f: f64, tail: f64 }`,
  },
  dn_log_parts: {
    needs: ["dn_LogParts"],
    text: `fn dn_log_parts_f64(x: f64) -> dn_LogParts_f64 {
  let tiny = x < ${lf(2 ** -1022)};
  let shifted = bitcast<u64>(select(x, x * ${lf(2 ** 54)}, tiny)) + ${ONE - ROOT}lu;
  let e = bitcast<f64>((shifted >> 52u) | 0x4330000000000000lu) - select(${lf(2 ** 52 + 1023)}, ${
      lf(2 ** 52 + 1077)
    }, tiny);
  let f = bitcast<f64>((shifted & 0xffffffffffffflu) + ${ROOT}lu) - 1.0lf;
  let s = f / (f + 2.0lf);
  let z = s * s;
  let half = (f * f) * 0.5lf;
  return dn_LogParts_f64(e, f, s * (half + z * ${polynomial("z", LOG_TAIL.double)}) - half);
}`,
  },
  // 0 gives -Infinity, Infinity itself, and what is negative or NaN gives NaN.
  dn_log_ends: {
    needs: ["dn_inf", "dn_nan"],
    text: `fn dn_log_ends_f64(x: f64, value: f64) -> f64 {
  let bits = bitcast<u64>(x);
  let end = select(dn_nan_f64(), dn_inf_f64(), bits == 0x7ff0000000000000lu);
  return select(select(value, end, bits >= 0x7ff0000000000000lu), -dn_inf_f64(), (bits << 1u) == 0lu);
}`,
  },
  dn_log: {
    needs: ["dn_log_ends", "dn_log_parts"],
    text: logarithm("dn_log_f64", `e * ${lf(LN2.double[0])} + (p.f + (e * ${lf(LN2.double[1])} + p.tail))`),
  },
  // Powers of 2 are exact.
  dn_log2: {
    needs: ["dn_log_ends", "dn_log_parts"],
    text: logarithm("dn_log2_f64", `e + (p.f + p.tail) * ${lf(Math.LOG2E)}`),
  },
  dn_log10: {
    needs: ["dn_log_ends", "dn_log_parts"],
    text: logarithm(
      "dn_log10_f64",
      `e * ${lf(LOG10_2.double[0])} + ((p.f + p.tail) * ${lf(Math.LOG10E)} + e * ${lf(LOG10_2.double[1])})`,
    ),
  },
  // log(u) with u = 1 + x rounded, and what the rounding lost divided by u.
  dn_log1p: {
    needs: ["dn_isnan", "dn_keep", "dn_log"],
    text: `fn dn_log1p_f64(x: f64) -> f64 {
  let u = dn_keep_f64(x + 1.0lf);
  let lost = (x - (u - 1.0lf)) / u;
  let correction = select(0.0lf, lost, u > 0.0lf && u <= ${lf(Number.MAX_VALUE)});
  return select(dn_log_f64(u) + correction, x, abs(x) < ${lf(2 ** -60)} || dn_isnan_f64(x));
}`,
  },
  // log2 of a magnitude to about 2^-65, as a sum of two: 2 s + 2/3 s^3 + s^5 tail(s^2).
  dn_log2_sum: {
    needs: ["dn_inf", "dn_keep", "dn_log_parts", "dn_multiply", "dn_two_sum"],
    text: `fn dn_log2_sum_f64(x: f64) -> vec2<f64> {
  if (bitcast<u64>(x) >= 0x7ff0000000000000lu) { return vec2<f64>(x, 0.0lf); }
  if (x == 0.0lf) { return vec2<f64>(-dn_inf_f64(), 0.0lf); }
  let p = dn_log_parts_f64(x);
  let divisor = dn_two_sum_f64(2.0lf, p.f);
  let quotient = p.f / divisor.x;
  let back = dn_two_product_f64(quotient, divisor.x);
  let residue = (dn_keep_f64(p.f - back.x) - back.y) - quotient * divisor.y;
  let s = vec2<f64>(quotient, residue / divisor.x);
  let square = dn_multiply_f64(s, s);
  let cube = dn_multiply_f64(square, s);
  let third = dn_multiply_f64(cube, vec2<f64>(${lf(TWO_THIRDS[0])}, ${lf(TWO_THIRDS[1])}));
  let z = square.x;
  let fifth = (cube.x * z) * ${polynomial("z", LOG2_TAIL)};
  let sum = dn_two_sum_f64(s.x + s.x, third.x);
  let low = (sum.y + (s.y + s.y)) + (third.y + fifth);
  let scaled = dn_multiply_f64(vec2<f64>(sum.x, low), vec2<f64>(${lf(LOG2E[0])}, ${lf(LOG2E[1])}));
  let total = dn_two_sum_f64(p.e, scaled.x);
  return vec2<f64>(total.x, total.y + scaled.y);
}`,
  },
};
