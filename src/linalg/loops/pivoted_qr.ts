/** R of A·P = Q·R with the columns in the order of their pivots. */
export interface PivotedQr {
  /** Which column of A comes where. */
  readonly order: Int32Array;
  /** Upper trapezoidal `[min(m, n), n]`, with rows of falling size. */
  readonly r: Float64Array;
}

/**
 * Householder QR with column pivoting of a matrix `[m, n]`, row-major: at each step the column with the largest rest comes next (Businger &
 * Golub 1965). Norms are brought up to date and computed anew where that cancels, as LAPACK's `geqp3` does (Drmač & Bujanović 2008).
 */
export function pivotedQr(a: Float64Array, m: number, n: number): PivotedQr {
  const k = Math.min(m, n), columns = new Float64Array(m * n), order = Int32Array.from({ length: n }, (_, j) => j);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) columns[j * m + i] = a[i * n + j];
  const norm = (j: number, from: number): number => {
    let largest = 0, sum = 0;
    for (let i = from; i < m; i++) largest = Math.max(largest, Math.abs(columns[j * m + i]));
    if (largest === 0) return 0;
    for (let i = from; i < m; i++) sum += (columns[j * m + i] / largest) ** 2;
    return largest * Math.sqrt(sum);
  };
  const norms = Float64Array.from({ length: n }, (_, j) => norm(j, 0)), known = norms.slice();
  const swap = (i: number, j: number): void => {
    if (i === j) return;
    const column = columns.slice(i * m, (i + 1) * m);
    columns.copyWithin(i * m, j * m, (j + 1) * m);
    columns.set(column, j * m);
    for (const list of [norms, known, order]) [list[i], list[j]] = [list[j], list[i]];
  };
  for (let s = 0; s < k; s++) {
    let best = s;
    for (let j = s + 1; j < n; j++) if (norms[j] > norms[best]) best = j;
    swap(s, best);
    const at = s * m, length = norm(s, s);
    if (length === 0) break;
    // v = x + sign(x₀)‖x‖e₁, with v₀ = 1: H = I − τ·v·vᵀ.
    const head = columns[at + s],
      beta = head >= 0 ? -length : length,
      tau = (beta - head) / beta,
      scale = 1 / (head - beta);
    for (let i = s + 1; i < m; i++) columns[at + i] *= scale;
    columns[at + s] = beta;
    for (let j = s + 1; j < n; j++) {
      const to = j * m;
      let sum = columns[to + s];
      for (let i = s + 1; i < m; i++) sum += columns[at + i] * columns[to + i];
      sum *= tau;
      columns[to + s] -= sum;
      for (let i = s + 1; i < m; i++) columns[to + i] -= sum * columns[at + i];
      if (norms[j] === 0) continue;
      const left = Math.max(0, 1 - (columns[to + s] / norms[j]) ** 2);
      if (left * (norms[j] / known[j]) ** 2 <= 2 ** -26) norms[j] = known[j] = norm(j, s + 1);
      else norms[j] *= Math.sqrt(left);
    }
  }
  const r = new Float64Array(k * n);
  for (let j = 0; j < n; j++) for (let i = 0; i <= Math.min(j, k - 1); i++) r[i * n + j] = columns[j * m + i];
  return { order, r };
}
