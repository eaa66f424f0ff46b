import type { HostDual, HostPotentials } from "./newton_system.ts";

/** Row potentials that meet the row weights exactly, from those of the columns: f = ε (log a − log Σ_j exp((g_j − C_ij)/ε)), in place. */
export function rowStep({ n, m, C, a, epsilon, floor }: HostDual, { f, g }: HostPotentials): void {
  for (let i = 0; i < n; i++) {
    if (a[i] === 0) continue;
    // The largest term becomes a_i at most. What stays below the floor then needs no exponential: for small ε, nearly all.
    const reach = epsilon * (floor - Math.log(a[i]));
    let top = -Infinity, s = 0;
    for (let j = 0, k = i * m; j < m; j++, k++) {
      const v = g[j] - C[k];
      if (v > top) top = v;
    }
    for (let j = 0, k = i * m; j < m; j++, k++) {
      const v = g[j] - C[k] - top;
      if (v > reach) s += Math.exp(v / epsilon);
    }
    f[i] = epsilon * (Math.log(a[i]) - Math.log(s)) - top;
  }
}

/**
 * The same for the columns, row by row too, in the order in which the costs lie; its exponentials are the plan, but for a factor of each
 * column. Fills in the plan and its sums as `fillPlan` does, and returns the error, ‖P·1 − a‖₁.
 */
export function columnStep({ n, m, C, a, b, epsilon, floor, P, r, c }: HostDual, { f, g }: HostPotentials): number {
  const top = new Float64Array(m).fill(-Infinity), s = new Float64Array(m);
  const reach = b.map((w) => epsilon * (floor - Math.log(w)));
  for (let i = 0; i < n; i++) {
    const own = f[i];
    for (let j = 0, k = i * m; j < m; j++, k++) {
      const v = own - C[k];
      if (v > top[j]) top[j] = v;
    }
  }
  P.fill(0);
  for (let i = 0; i < n; i++) {
    const own = f[i];
    for (let j = 0, k = i * m; j < m; j++, k++) {
      const v = own - C[k] - top[j];
      if (v > reach[j]) s[j] += P[k] = Math.exp(v / epsilon);
    }
  }
  for (let j = 0; j < m; j++) {
    if (b[j] > 0) g[j] = epsilon * (Math.log(b[j]) - Math.log(s[j])) - top[j];
    s[j] = b[j] / s[j];
    c[j] = b[j];
  }
  let error = 0;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0, k = i * m; j < m; j++, k++) if (P[k] > 0) sum += P[k] *= s[j];
    r[i] = sum;
    error += Math.abs(sum - a[i]);
  }
  return error;
}
