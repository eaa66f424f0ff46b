/** Added to the diagonal, relative to the mean of it, so that equal cuts can be told apart by nothing and are still solved for. */
const RIDGE = 1e-13;

/**
 * min ½ λᵀGλ + ⟨e, λ⟩ over λ ≥ 0 with Σλ = 1, for G `[n, n]` positive semidefinite: an active-set method that solves for the entries that are not 0 and
 * takes in the one of steepest descent. Source: Wolfe, "Finding the Nearest Point in a Polytope" (1976), for G a Gram matrix.
 */
export function simplexQp(G: readonly Float64Array[], e: ArrayLike<number>): Float64Array {
  const n = e.length, lambda = new Float64Array(n);
  let first = 0;
  for (let i = 1; i < n; i++) if (G[i][i] / 2 + e[i] < G[first][first] / 2 + e[first]) first = i;
  lambda[first] = 1;
  let support = [first];
  const ridge = RIDGE * G.reduce((s, row, i) => s + row[i], 0) / n;
  for (let round = 0; round < 10 * n; round++) {
    let least = Infinity, at = -1, mean = 0, size = 0;
    for (let i = 0; i < n; i++) {
      let d = e[i];
      for (const j of support) d += G[i][j] * lambda[j];
      mean += lambda[i] * d;
      size = Math.max(size, Math.abs(d));
      if (d < least) [least, at] = [d, i];
    }
    if (least >= mean - 1e-14 * size || support.includes(at)) break;
    support.push(at);
    for (;;) {
      const mu = onSupport(G, e, support, ridge);
      let step = 1;
      support.forEach((i, s) => {
        if (mu[s] < 0) step = Math.min(step, lambda[i] / (lambda[i] - mu[s]));
      });
      support.forEach((i, s) => lambda[i] += step * (mu[s] - lambda[i]));
      if (step === 1) break;
      const kept = support.filter((i) => lambda[i] > 1e-15);
      for (const i of support) if (!(lambda[i] > 1e-15)) lambda[i] = 0;
      if (kept.length === support.length || kept.length === 0) break;
      support = kept;
    }
  }
  let sum = 0;
  for (let i = 0; i < n; i++) sum += lambda[i] = Math.max(0, lambda[i]);
  return lambda.map((v) => v / sum);
}

/** The minimum over all μ with Σμ = 1 on a support: (G + δ)μ = ν·1 − e, by Cholesky's factors. */
function onSupport(G: readonly Float64Array[], e: ArrayLike<number>, support: readonly number[], ridge: number) {
  const n = support.length, L = Array.from({ length: n }, () => new Float64Array(n));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let s = G[support[i]][support[j]] + (i === j ? ridge : 0);
      for (let k = 0; k < j; k++) s -= L[i][k] * L[j][k];
      L[i][j] = i === j ? Math.sqrt(Math.max(s, ridge, Number.MIN_VALUE)) : s / L[j][j];
    }
  }
  const solved = (b: (i: number) => number) => {
    const x = Float64Array.from(support, (_, i) => b(i));
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= L[i][k] * x[k];
      x[i] /= L[i][i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= L[k][i] * x[k];
      x[i] /= L[i][i];
    }
    return x;
  };
  const ones = solved(() => 1), slopes = solved((i) => -e[support[i]]);
  const total = (v: Float64Array) => v.reduce((s, x) => s + x, 0), nu = (1 - total(slopes)) / total(ones);
  return slopes.map((v, i) => v + nu * ones[i]);
}
