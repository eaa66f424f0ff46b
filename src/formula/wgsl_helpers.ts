import type { Scalar } from "./emitted.ts";
import type { WgslHelpers } from "./wgsl_helpers/helper.ts";
import { arc } from "./wgsl_helpers/double/arc.ts";
import { bits } from "./wgsl_helpers/double/bits.ts";
import { circular } from "./wgsl_helpers/double/circular.ts";
import { exponential as doubleExponential } from "./wgsl_helpers/double/exponential.ts";
import { hyperbolic as doubleHyperbolic } from "./wgsl_helpers/double/hyperbolic.ts";
import { logarithmic } from "./wgsl_helpers/double/logarithm.ts";
import { normal as doubleNormal } from "./wgsl_helpers/double/normal.ts";
import { power } from "./wgsl_helpers/double/power.ts";
import { remainder } from "./wgsl_helpers/double/remainder.ts";
import { float } from "./wgsl_helpers/float.ts";
import { exponential } from "./wgsl_helpers/exponential.ts";
import { hyperbolic } from "./wgsl_helpers/hyperbolic.ts";
import { integer } from "./wgsl_helpers/integer.ts";
import { normal } from "./wgsl_helpers/normal.ts";
import { trigonometric } from "./wgsl_helpers/trigonometric.ts";

const single: WgslHelpers = { ...float.f32, ...exponential, ...hyperbolic, ...normal, ...trigonometric };
/** No driver's exp, log, sin, … knows doubles: all but arithmetic, square roots and rounding is written out. */
const double: WgslHelpers = {
  ...float.f64,
  ...bits,
  ...arc,
  ...circular,
  ...doubleExponential,
  ...doubleHyperbolic,
  ...logarithmic,
  ...doubleNormal,
  ...power,
  ...remainder,
};
const tables: Readonly<Record<Scalar, WgslHelpers>> = {
  f32: single,
  f64: double,
  i32: integer.i32,
  u32: integer.u32,
};

/** The definitions of helper functions, with all that they call, by name: for code around formulas. */
export function wgslHelpers(scalar: Scalar, ...names: string[]): Map<string, string> {
  const helpers = new Map<string, string>();
  for (const name of names) requireHelper(name, scalar, helpers);
  return helpers;
}

/**
 * Adds the helper `name` and all that it needs to `helpers`, callees first, and returns the name to call it by: helpers
 * of other types than f32 carry the type, so that a module may hold both.
 */
export function requireHelper(name: string, scalar: Scalar, helpers: Map<string, string>): string {
  const full = scalar === "f32" ? name : `${name}_${scalar}`;
  if (!helpers.has(full)) {
    const { needs = [], text } = tables[scalar][name];
    for (const other of needs) requireHelper(other, scalar, helpers);
    helpers.set(full, text);
  }
  return full;
}
