import type { WgslHelpers } from "../helper.ts";
import { lf } from "./write.ts";

/** Doubles by their bits, and sums and products with what rounding loses. */
export const bits: WgslHelpers = {
  // Tests of bits, since compilers take x != x for false.
  dn_isnan: {
    text: `fn dn_isnan_f64(x: f64) -> bool {
  return (bitcast<u64>(x) & 0x7ffffffffffffffflu) > 0x7ff0000000000000lu;
}`,
  },
  dn_isfinite: {
    text: `fn dn_isfinite_f64(x: f64) -> bool {
  return (bitcast<u64>(x) & 0x7ff0000000000000lu) != 0x7ff0000000000000lu;
}`,
  },
  // From a variable, since constant expressions must be finite.
  dn_nan: {
    text: `fn dn_nan_f64() -> f64 {
  var bits = 0x7ff8000000000000lu;
  return bitcast<f64>(bits);
}`,
  },
  dn_inf: {
    text: `fn dn_inf_f64() -> f64 {
  var bits = 0x7ff0000000000000lu;
  return bitcast<f64>(bits);
}`,
  },
  // The magnitude of the first with the sign of the second.
  dn_copysign: {
    text: `fn dn_copysign_f64(x: f64, s: f64) -> f64 {
  return bitcast<f64>((bitcast<u64>(x) & 0x7ffffffffffffffflu) | (bitcast<u64>(s) & 0x8000000000000000lu));
}`,
  },
  // To the nearest whole number, halves to even. The builtins go by way of 32-bit integers on some drivers; 2^52 has no room for a
  // fraction.
  dn_round: {
    needs: ["dn_copysign", "dn_keep"],
    text: `fn dn_round_f64(x: f64) -> f64 {
  let a = abs(x);
  let r = dn_keep_f64(a + ${lf(2 ** 52)}) - ${lf(2 ** 52)};
  return dn_copysign_f64(select(a, r, a < ${lf(2 ** 52)}), x);
}`,
  },
  dn_floor: {
    needs: ["dn_copysign", "dn_round"],
    text: `fn dn_floor_f64(x: f64) -> f64 {
  let r = dn_round_f64(x);
  return dn_copysign_f64(select(r, r - 1.0lf, r > x), x);
}`,
  },
  dn_ceil: {
    needs: ["dn_floor"],
    text: `fn dn_ceil_f64(x: f64) -> f64 {
  return -dn_floor_f64(-x);
}`,
  },
  dn_trunc: {
    needs: ["dn_copysign", "dn_floor"],
    text: `fn dn_trunc_f64(x: f64) -> f64 {
  return dn_copysign_f64(dn_floor_f64(abs(x)), x);
}`,
  },
  // x itself, but no compiler can know (the bits are those of another NaN), so that none cancels (a + b) - a to b.
  dn_keep: {
    text: `fn dn_keep_f64(x: f64) -> f64 {
  return bitcast<f64>(min(bitcast<u64>(x), 0xfffffffffffffffelu));
}`,
  },
  // a + b and what rounding loses, whichever is larger (Knuth).
  dn_two_sum: {
    needs: ["dn_keep"],
    text: `fn dn_two_sum_f64(a: f64, b: f64) -> vec2<f64> {
  let high = dn_keep_f64(a + b);
  let part = dn_keep_f64(high - a);
  return vec2<f64>(high, (a - dn_keep_f64(high - part)) + (b - part));
}`,
  },
  // a b and what rounding loses (Dekker), by products of halves, which are exact.
  dn_two_product: {
    needs: ["dn_keep"],
    text: `fn dn_two_product_f64(a: f64, b: f64) -> vec2<f64> {
  let a1 = bitcast<f64>(bitcast<u64>(a) & 0xfffffffff8000000lu);
  let b1 = bitcast<f64>(bitcast<u64>(b) & 0xfffffffff8000000lu);
  let a2 = a - a1;
  let b2 = b - b1;
  let high = dn_keep_f64(a * b);
  return vec2<f64>(high, ((dn_keep_f64(a1 * b1 - high) + a1 * b2) + a2 * b1) + a2 * b2);
}`,
  },
  // (a.x + a.y) (b.x + b.y) to about 2^-104.
  dn_multiply: {
    needs: ["dn_two_product"],
    text: `fn dn_multiply_f64(a: vec2<f64>, b: vec2<f64>) -> vec2<f64> {
  let p = dn_two_product_f64(a.x, b.x);
  return vec2<f64>(p.x, p.y + (a.x * b.y + a.y * b.x));
}`,
  },
};
