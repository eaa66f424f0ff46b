import type { WgslHelpers } from "./helper.ts";

/** Helpers in terms of `isnan`, `isfinite` and `nan`, for either float type `T` and suffix `S`. */
function shared(type: "f32" | "f64"): WgslHelpers {
  const s = type === "f32" ? "" : "_f64";
  const lit = type === "f32" ? "f" : "lf";
  return {
    dn_times_zero: {
      needs: ["dn_isfinite", "dn_nan"],
      text: `fn dn_times_zero${s}(x: ${type}) -> ${type} {
  return select(dn_nan${s}(), 0.0${lit}, dn_isfinite${s}(x));
}`,
    },
    dn_max: {
      needs: ["dn_isnan", "dn_nan"],
      text: `fn dn_max${s}(a: ${type}, b: ${type}) -> ${type} {
  return select(select(b, a, a > b), dn_nan${s}(), dn_isnan${s}(a) | dn_isnan${s}(b));
}`,
    },
    dn_min: {
      needs: ["dn_isnan", "dn_nan"],
      text: `fn dn_min${s}(a: ${type}, b: ${type}) -> ${type} {
  return select(select(b, a, a < b), dn_nan${s}(), dn_isnan${s}(a) | dn_isnan${s}(b));
}`,
    },
    dn_sign: {
      needs: ["dn_isnan"],
      text: `fn dn_sign${s}(x: ${type}) -> ${type} {
  let s = select(0.0${lit}, 1.0${lit}, x > 0.0${lit}) - select(0.0${lit}, 1.0${lit}, x < 0.0${lit});
  return select(s, x, dn_isnan${s}(x));
}`,
    },
  };
}

/** NaN and ±Inf: tests that compilers cannot fold away and functions that keep them. */
export const float: { readonly f32: WgslHelpers; readonly f64: WgslHelpers } = {
  f32: {
    // Tests of bits, since compilers take x != x for false.
    dn_isnan: {
      text: `fn dn_isnan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
    },
    dn_isfinite: {
      text: `fn dn_isfinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}`,
    },
    // From a variable, since constant expressions must be finite.
    dn_nan: {
      text: `fn dn_nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}`,
    },
    dn_inf: {
      text: `fn dn_inf() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}`,
    },
    // x itself, but no compiler can know (the bits are those of another NaN), so that none takes (a b) c for a (b c).
    dn_keep: {
      text: `fn dn_keep(x: f32) -> f32 {
  return bitcast<f32>(min(bitcast<u32>(x), 0xfffffffeu));
}`,
    },
    ...shared("f32"),
    // Division is by the reciprocal on some adapters, which vanishes beyond 2^126.
    dn_quotient: {
      text: `fn dn_quotient(a: f32, b: f32) -> f32 {
  let scale = select(1.0f, 0.25f, abs(b) > 8.507059173023462e37f);
  return (a * scale) / (b * scale);
}`,
    },
    dn_div: {
      needs: ["dn_isnan", "dn_isfinite", "dn_nan", "dn_quotient"],
      text: `fn dn_div(a: f32, b: f32) -> f32 {
  let lost = dn_isnan(a) | dn_isnan(b) | ((a == 0.0f) & (b == 0.0f)) | !(dn_isfinite(a) | dn_isfinite(b));
  return select(dn_quotient(a, b), dn_nan(), lost);
}`,
    },
    dn_mod: {
      needs: ["dn_isfinite", "dn_isnan", "dn_nan", "dn_quotient"],
      text: `fn dn_mod(a: f32, b: f32) -> f32 {
  let first = fma(-floor(dn_quotient(a, b)), b, a);
  // The quotient was rounded, so the remainder can lie one divisor off.
  let second = select(first, first - b, abs(first) >= abs(b));
  // A dividend smaller than the divisor is its own remainder, whatever the sign of the quotient.
  let r = select(second, a, abs(a) < abs(b));
  let opposite = ((r < 0.0f) & (b > 0.0f)) | ((r > 0.0f) & (b < 0.0f));
  let m = select(r, r + b, opposite);
  // Where the quotient has more digits than f32 the remainder has none.
  let lost = !dn_isfinite(a) | dn_isnan(b) | (b == 0.0f);
  return select(select(0.0f, m, abs(m) <= abs(b)), dn_nan(), lost);
}`,
    },
    dn_hypot: {
      needs: ["dn_inf", "dn_isnan", "dn_nan", "dn_quotient"],
      text: `fn dn_hypot(a: f32, b: f32) -> f32 {
  let x = abs(a);
  let y = abs(b);
  let large = max(x, y);
  let ratio = dn_quotient(min(x, y), large);
  let r = select(large * sqrt(1.0f + ratio * ratio), 0.0f, large == 0.0f);
  // As IEEE 754 has it, the distance to infinity is infinite whatever the other component is.
  let infinite = (bitcast<u32>(x) == 0x7f800000u) | (bitcast<u32>(y) == 0x7f800000u);
  return select(select(r, dn_nan(), dn_isnan(x) | dn_isnan(y)), dn_inf(), infinite);
}`,
    },
  },
  f64: {
    ...shared("f64"),
    dn_div: {
      needs: ["dn_isnan", "dn_isfinite", "dn_nan"],
      text: `fn dn_div_f64(a: f64, b: f64) -> f64 {
  let lost = dn_isnan_f64(a) | dn_isnan_f64(b) | ((a == 0.0lf) & (b == 0.0lf))
    | !(dn_isfinite_f64(a) | dn_isfinite_f64(b));
  return select(a / b, dn_nan_f64(), lost);
}`,
    },
  },
};
