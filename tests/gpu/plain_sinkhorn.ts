/**
 * Sinkhorn's iterations as an oracle: plain loops in f64.
 *
 * @module
 */

/** |x_i − y_j|² of points in rows of d numbers. */
export function squaredDistances(x: ArrayLike<number>, y: ArrayLike<number>, d: number): Float64Array {
  const n = x.length / d, m = y.length / d, C = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) for (let k = 0; k < d; k++) C[i * m + j] += (x[i * d + k] - y[j * d + k]) ** 2;
  }
  return C;
}

/** What {@linkcode logDomainSinkhorn} found. */
export interface PlainSolution {
  f: Float64Array;
  g: Float64Array;
  plan: Float64Array;
  cost: number;
  dual: number;
  error: number;
}

/** The entropic problem solved in the log domain until the L1 error of the row marginal is below `tolerance`. */
export function logDomainSinkhorn(
  C: ArrayLike<number>,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  epsilon: number,
  tolerance: number,
  maxIterations: number,
): PlainSolution {
  const n = a.length, m = b.length, f = new Float64Array(n), g = new Float64Array(m);
  const entry = (i: number, j: number) => Math.exp((f[i] + g[j] - C[i * m + j]) / epsilon);
  const soft = (count: number, value: (k: number) => number) => {
    let top = -Infinity, sum = 0;
    for (let k = 0; k < count; k++) top = Math.max(top, value(k));
    for (let k = 0; k < count; k++) sum += Math.exp(value(k) - top);
    return top + Math.log(sum);
  };
  let error = Infinity;
  for (let iteration = 0; iteration < maxIterations && !(error <= tolerance); iteration++) {
    for (let i = 0; i < n; i++) {
      f[i] = a[i] > 0 ? epsilon * (Math.log(a[i]) - soft(m, (j) => (g[j] - C[i * m + j]) / epsilon)) : -Infinity;
    }
    for (let j = 0; j < m; j++) {
      g[j] = b[j] > 0 ? epsilon * (Math.log(b[j]) - soft(n, (i) => (f[i] - C[i * m + j]) / epsilon)) : -Infinity;
    }
    if (iteration % 10 !== 9) continue;
    error = 0;
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let j = 0; j < m; j++) s += entry(i, j);
      error += Math.abs(s - a[i]);
    }
  }
  const plan = Float64Array.from({ length: n * m }, (_, k) => entry(Math.floor(k / m), k % m));
  const dot = (w: ArrayLike<number>, v: Float64Array) => v.reduce((s, x, k) => w[k] > 0 ? s + w[k] * x : s, 0);
  const cost = plan.reduce((s, p, k) => s + p * C[k], 0), mass = plan.reduce((s, p) => s + p, 0);
  return { f, g, plan, cost, dual: dot(a, f) + dot(b, g) - epsilon * mass, error };
}
