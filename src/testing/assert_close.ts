/** How far an element may be from what is expected. */
export interface Tolerance {
  /** Absolute bound: one for all elements, or one per element. Default 0. */
  atol?: number | ArrayLike<number>;
  /** Bound relative to |expected|. Default 0. */
  rtol?: number;
}

/** The worst element of a comparison. */
export interface Comparison {
  /** True if every element is within its bound. */
  ok: boolean;
  /** Flat index of the element that is worst in units of its bound. */
  index: number;
  /** |actual − expected| over the bound there; 0 if all are equal. */
  ratio: number;
  /** What happened at that element, in words. */
  message: string;
}

/**
 * Compares numbers element by element. NaN, +∞ and −∞ compare by identity: NaN only equals NaN, an infinity only itself.
 */
export function compare(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}): Comparison {
  if (actual.length !== expected.length) {
    return {
      ok: false,
      index: -1,
      ratio: Infinity,
      message: `Expected ${expected.length} elements, got ${actual.length}`,
    };
  }
  const { atol = 0, rtol = 0 } = tolerance;
  // No relative part without rtol: 0 · ∞ would be NaN.
  const boundAt = (k: number, e: number) =>
    (typeof atol === "number" ? atol : atol[k]) + (rtol > 0 ? rtol * Math.abs(e) : 0);
  let index = -1, ratio = 0, bad = 0;
  for (let k = 0; k < actual.length; k++) {
    const a = actual[k], e = expected[k];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const bound = boundAt(k, e);
    if (bound === Infinity) continue;
    const here = Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) / bound : Infinity;
    if (!(here <= 1)) bad++;
    if (index < 0 || here > ratio || Number.isNaN(here)) [index, ratio] = [k, Number.isNaN(here) ? Infinity : here];
  }
  const bound = index < 0 ? 0 : boundAt(index, expected[index]);
  const message = index < 0
    ? "equal"
    : `${bad} of ${actual.length} elements are out of bounds; worst at ${index}: got ${actual[index]}, expected ${
      expected[index]
    } ± ${bound.toExponential(2)}`;
  return { ok: bad === 0, index, ratio, message };
}

/** Throws an `Error` that shows the worst element unless every element is within its bound; see {@linkcode compare}. */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}): void {
  const result = compare(actual, expected, tolerance);
  if (!result.ok) throw new Error(result.message);
}
