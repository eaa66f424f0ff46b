import type { Scalar } from "./emitted.ts";

/**
 * A literal of the scalar type in WGSL, or undefined where WGSL has none: NaN and infinities cannot be written, nor
 * numbers that round to them.
 */
export function wgslLiteral(value: number, scalar: Scalar): string | undefined {
  switch (scalar) {
    case "f32": {
      const single = Math.fround(value);
      return Number.isFinite(single) ? signed(single, `${decimal(single)}f`) : undefined;
    }
    case "f64":
      return Number.isFinite(value) ? signed(value, `${decimal(value)}lf`) : undefined;
    case "i32": {
      const wrapped = value | 0;
      if (wrapped === -(2 ** 31)) return "(-2147483647i - 1i)"; // 2147483648i is out of range
      return signed(wrapped, `${Math.abs(wrapped)}i`);
    }
    case "u32":
      return `${value >>> 0}u`;
  }
}

/** The magnitude with a point or exponent, so that it is no integer literal. */
function decimal(value: number): string {
  const text = String(Math.abs(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function signed(value: number, magnitude: string): string {
  return value < 0 || Object.is(value, -0) ? `(-${magnitude})` : magnitude;
}
