import { type DType, roundoff } from "../../device/mod.ts";

/** Relative change of the plan's entries by rounding of the costs that is still a solution. */
const ENTRIES = 2 ** -6;

/**
 * The smallest ε that costs of a dtype can carry: rounding changes a cost C by 2uC (u the unit roundoff) and the plan's entry exp((f + g − C)/ε) by
 * a factor exp(2uC/ε), which is to be within 1 ± 2⁻⁶ up to the largest cost. In f32 about 8e-6 of it, in f64 1.4e-14.
 */
export function smallestEpsilon(magnitude: number, dtype: DType): number {
  return 2 * roundoff(dtype === "f64" ? "f64" : "f32") * magnitude / ENTRIES;
}

/** What `epsilon` is multiplied by to be in the cost's unit: the largest cost if it is relative to that; `of` says whose that is. */
export function costUnit(relative: boolean, largest: number, of = ""): number {
  if (relative && largest < 0) {
    throw new RangeError(
      `Cannot take "epsilon" relative to the largest cost ${largest}${of}: use epsilonScale: "absolute"`,
    );
  }
  return relative && largest > 0 ? largest : 1;
}

/** Refuses an ε that the dtype cannot carry, naming the smallest that it can; both in units of `unit`. */
export function requireCarried(epsilon: number, magnitude: number, dtype: DType, unit: number): void {
  const smallest = smallestEpsilon(magnitude, dtype);
  if (epsilon >= smallest) return;
  // Rounded up, so that what is named works.
  const digit = 10 ** (Math.floor(Math.log10(smallest / unit)) - 2), named = Math.ceil(smallest / unit / digit) * digit;
  throw new RangeError(
    `Expected "epsilon" of ${named.toPrecision(3)} or more, got ${(epsilon / unit).toPrecision(3)}: for costs up to ${
      magnitude.toPrecision(3)
    } in ${dtype === "f64" ? "f64" : "f32"} rounding would change the plan`,
  );
}

/**
 * How far a marginal error measured in floating point may be from that of the same potentials in exact arithmetic, in L1. Each entry P has
 * the relative error k u C/ε of its cost, of k roundings, and a few u for its exponent, of size log P, and its exponential; sums over pairs add
 * a few u.
 *
 * @param cost ⟨P, |C|⟩ or more.
 * @param roundings Roundings in a cost.
 */
export function marginalRounding(
  { cost, epsilon, total, pairs, roundings, dtype }: {
    cost: number;
    epsilon: number;
    total: number;
    pairs: number;
    roundings: number;
    dtype: DType;
  },
): number {
  const u = roundoff(dtype === "f64" ? "f64" : "f32");
  return u * (roundings * cost / epsilon + total * (32 + 4 * (8 + Math.log(pairs))));
}
