/** A derivative by differences and how far it may be off. */
export interface Slope {
  readonly value: number;
  readonly error: number;
}

/**
 * The derivative of `f` at `x` by central differences with two steps, extrapolated (Richardson). The error is what the two
 * steps differ by, and the rounding error of `f` (`noise`, absolute) divided by the step.
 */
export function slope(f: (x: number) => number, x: number, noise: number): Slope {
  const h = 1e-3 * Math.max(1, Math.abs(x));
  const [wide, narrow] = [h, h / 2].map((h) => (f(x + h) - f(x - h)) / (2 * h));
  return { value: (4 * narrow - wide) / 3, error: Math.abs(narrow - wide) + 4 * noise / h };
}
