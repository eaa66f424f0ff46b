/**
 * The point of the simplex {p ≥ 0, Σ p = 1} that is nearest to x: max(x − τ, 0) with τ from the sorted numbers (Held, Wolfe and Crowder 1974).
 */
export function projectOnSimplex(x: readonly number[]): number[] {
  const sorted = [...x].sort((a, b) => b - a);
  let sum = 0, tau = 0;
  for (let k = 0; k < sorted.length; k++) {
    sum += sorted[k];
    const candidate = (sum - 1) / (k + 1);
    if (sorted[k] > candidate) tau = candidate;
  }
  return x.map((v) => Math.max(v - tau, 0));
}
