/** What emitted JavaScript calls beside `Math`: functions that JavaScript lacks or that differ from IEEE 754. */
export const jsHelpers = { erf, gelu, mod, modInteger, modUnsigned, pow, roundEven, rsqrt };

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
/** Below it the Taylor series of erf, above it the continued fraction of erfc converges in few terms. */
const SERIES_END = 2.25;

/** The error function, 2/√π ∫₀ˣ exp(-t²) dt. */
function erf(x: number): number {
  if (x === 0) return x;
  const a = Math.abs(x);
  const value = a < SERIES_END ? erfSeries(a) : 1 - erfcFraction(a);
  return x < 0 ? -value : value;
}

/** The complementary error function 1 - erf(x), which keeps its digits where erf(x) is near 1. */
function erfc(x: number): number {
  return x < 1 ? 1 - erf(x) : erfcFraction(x);
}

/** erf(x) = 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)), whose terms are all positive (DLMF 7.6.2). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
}

/** erfc(x) = exp(-x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))), evaluated from the end (DLMF 7.9.1). */
function erfcFraction(x: number): number {
  if (Number.isNaN(x)) return NaN;
  let tail = x;
  for (let n = Math.ceil(20 + 300 / (x * x)); n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** x Φ(x) with the normal distribution function Φ. */
function gelu(x: number): number {
  return 0.5 * x * erfc(-x * Math.SQRT1_2);
}

/** The remainder with the sign of the divisor. */
function mod(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && (r < 0) !== (b < 0) ? r + b : r;
}

/** The same in i32; 0 where the divisor is 0. */
function modInteger(a: number, b: number): number {
  return b === 0 ? 0 : mod(a, b) | 0;
}

/** The same in u32. */
function modUnsigned(a: number, b: number): number {
  return b === 0 ? 0 : a % b;
}

/** The power of IEEE 754: 1 to any power is 1, and so is -1 to ±Inf, where `Math.pow` gives NaN. */
function pow(x: number, y: number): number {
  if (x === 1) return 1;
  return x === -1 && Math.abs(y) === Infinity ? 1 : Math.pow(x, y);
}

/** 1 / √x; of both zeros Infinity. */
function rsqrt(x: number): number {
  return x === 0 ? Infinity : 1 / Math.sqrt(x);
}

/** The nearest integer; halves go to the even neighbour. */
function roundEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
