import type { Scalar } from "../formula/mod.ts";
import { wgslHelpers } from "../formula/mod.ts";

/** WGSL of what depends on a float type, for code around formulas. */
export interface FloatText {
  /** The unsigned integer of as many bits. */
  readonly bits: "u32" | "u64";
  /** Literals of it: all bits but the sign's, those of infinity, and the one that makes that NaN. */
  readonly magnitude: string;
  readonly infinity: string;
  readonly quiet: string;
  /** Literals of the largest number, and of one so small that it counts for nothing beside 1. */
  readonly largest: string;
  readonly tiny: string;
  /** The exponential and the logarithm, which no driver has for doubles. */
  readonly exp: string;
  readonly log: string;
}

const TEXTS: Readonly<Record<"f32" | "f64", FloatText>> = {
  f32: {
    bits: "u32",
    magnitude: "0x7fffffffu",
    infinity: "0x7f800000u",
    quiet: "0x400000u",
    largest: "3.4028234e38f",
    tiny: "1e-38f",
    exp: "exp",
    log: "log",
  },
  f64: {
    bits: "u64",
    magnitude: "0x7ffffffffffffffflu",
    infinity: "0x7ff0000000000000lu",
    quiet: "0x8000000000000lu",
    largest: "1.7976931348623157e308lf",
    tiny: "1e-300lf",
    exp: "dn_exp_f64",
    log: "dn_log_f64",
  },
};

/** Whether a scalar type is a float. */
export function isFloatScalar(scalar: Scalar): scalar is "f32" | "f64" {
  return scalar === "f32" || scalar === "f64";
}

/** The texts of a float type. */
export function floatText(scalar: Scalar): FloatText {
  if (!isFloatScalar(scalar)) throw new TypeError(`Expected a float type, got ${scalar}`);
  return TEXTS[scalar];
}

/** A literal of a whole number. */
export function whole(scalar: Scalar, value: number): string {
  return scalar === "f32" ? `${value}.0f` : scalar === "f64" ? `${value}.0lf` : `${scalar}(${value})`;
}

/**
 * Functions `isNan(x)`, a test of bits since comparing NaN with itself is optimized away by some drivers, and `infinity()`, from bits
 * that the compiler cannot fold since WGSL refuses it as a constant.
 */
export function floatTests(scalar: Scalar): Map<string, string> {
  const { bits, magnitude, infinity } = floatText(scalar);
  return new Map([
    [
      "infinity",
      `var<private> infinity_bits: ${bits} = ${infinity};
fn infinity() -> ${scalar} { return bitcast<${scalar}>(infinity_bits); }`,
    ],
    [
      "isNan",
      `fn isNan(x: ${scalar}) -> bool { return (bitcast<${bits}>(x) & ${magnitude}) > ${infinity}; }`,
    ],
  ]);
}

/** What `exp` and `log` of a float type call. */
export function floatHelpers(scalar: Scalar): Map<string, string> {
  return scalar === "f64" ? wgslHelpers("f64", "dn_exp", "dn_log") : new Map();
}
