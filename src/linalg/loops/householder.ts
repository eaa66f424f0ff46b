/** Factors of a matrix `[m, n]` in row-major order. */
export interface QrFactors {
  /** Orthonormal columns, `[m, p]`. */
  readonly q: Float64Array;
  /** Upper triangular, `[p, n]`. */
  readonly r: Float64Array;
}

/**
 * A = Q R by reflectors I − τ v vᵀ (Golub & Van Loan, Matrix Computations, §5.1), with the first p columns of Q, where p is at least
 * min(m, n) and at most m. Columns are kept as rows, so that the loops run along memory.
 */
export function householder(a: ArrayLike<number>, m: number, n: number, p: number): QrFactors {
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from({ length: m }, (_, i) => a[i * n + j]));
  const reflectors: { v: Float64Array; tau: number }[] = [];
  for (let j = 0; j < Math.min(m, n); j++) {
    const reflector = reflectorOf(columns[j], j);
    reflectors.push(reflector);
    for (let c = j; c < n; c++) reflect(reflector, columns[c], j);
    columns[j].fill(0, j + 1);
  }
  const r = new Float64Array(p * n), q = new Float64Array(m * p);
  columns.forEach((column, j) => {
    for (let i = 0; i < p; i++) r[i * n + j] = column[i];
  });
  for (let j = 0; j < p; j++) {
    const column = new Float64Array(m);
    column[j] = 1;
    for (let k = Math.min(j, reflectors.length - 1); k >= 0; k--) reflect(reflectors[k], column, k);
    for (let i = 0; i < m; i++) q[i * p + j] = column[i];
  }
  return { q, r };
}

/** The reflector that sends the part of `x` from `first` on to a multiple of the first unit vector. */
function reflectorOf(x: Float64Array, first: number): { v: Float64Array; tau: number } {
  const v = x.slice();
  v.fill(0, 0, first);
  let largest = 0;
  for (let i = first; i < v.length; i++) largest = Math.max(largest, Math.abs(v[i]));
  if (largest === 0) return { v, tau: 0 };
  let squares = 0, below = 0;
  for (let i = first; i < v.length; i++) {
    v[i] /= largest;
    squares += v[i] ** 2;
    if (i > first) below += v[i] ** 2;
  }
  // A column that is a multiple of the unit vector stays as it is, sign and all: as LAPACK does.
  if (below === 0) return { v, tau: 0 };
  v[first] += v[first] < 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  return { v, tau: 2 / (v[first] ** 2 + below) };
}

/** x − τ v (vᵀ x); v is zero before `first`. */
function reflect({ v, tau }: { v: Float64Array; tau: number }, x: Float64Array, first: number): void {
  if (tau === 0) return;
  let dot = 0;
  for (let i = first; i < x.length; i++) dot += v[i] * x[i];
  dot *= tau;
  for (let i = first; i < x.length; i++) x[i] -= dot * v[i];
}

/** An orthogonal matrix `[m, m]` whose first columns are the k orthonormal ones given, `[m, k]`. */
export function completeBasis(u: Float64Array, m: number, k: number): Float64Array {
  const { q } = householder(u, m, k, m);
  for (let i = 0; i < m; i++) for (let j = 0; j < k; j++) q[i * m + j] = u[i * k + j];
  return q;
}
