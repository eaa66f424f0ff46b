import type { WgslHelpers } from "./helper.ts";

/** Helpers of the 32-bit integers. */
export const integer: { readonly i32: WgslHelpers; readonly u32: WgslHelpers } = {
  i32: {
    dn_mod: {
      // The builtin is undefined for a divisor of 0 and for -2^31 % -1, and Vulkan's for negative numbers: some drivers take them for
      // unsigned ones. The quotient is towards zero everywhere.
      text: `fn dn_mod_i32(a: i32, b: i32) -> i32 {
  if (b == 0i || b == -1i) { return 0i; }
  let r = a - (a / b) * b;
  return select(r, r + b, r != 0i && ((r < 0i) != (b < 0i)));
}`,
    },
  },
  u32: {
    dn_mod: {
      text: `fn dn_mod_u32(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a % b;
}`,
    },
  },
};
