/** A derivative by differences and how far it may be off. */
export interface Slope {
  readonly value: number;
  readonly error: number;
}

/** The ratio of the two steps. It is irrational, so that the jumps of a saw-tooth cannot give both the same slope. */
const RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * The derivative of `f` at `x` by central differences with two steps, extrapolated (Richardson). The error is what the two
 * steps differ by, and the rounding error of `f` (`noise`, absolute) divided by the step; infinite where `f` is not smooth
 * at the scale of the steps.
 */
export function slope(f: (x: number) => number, x: number, noise: number): Slope {
  const h = 1e-3 * Math.max(1, Math.abs(x));
  const [wide, narrow] = [h, h * RATIO].map((h) => (f(x + h) - f(x - h)) / (2 * h));
  const value = (narrow - RATIO ** 2 * wide) / (1 - RATIO ** 2);
  // A peak between the points shows in the curvature only.
  const bend = Math.abs(f(x + h) - 2 * f(x) + f(x - h)) / h;
  if (!(bend < 0.1 * (1 + Math.abs(value)))) return { value, error: Infinity };
  return { value, error: Math.abs(narrow - wide) + 4 * noise / h };
}
