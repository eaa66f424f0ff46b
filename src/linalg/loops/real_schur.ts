/** Machine epsilon of f64. */
const EPSILON = 2 ** -52;

/** What is so much less than the matrix's largest element, which is near 1, counts for nothing: the square of anything larger is in range. */
const TINY = 2 ** -400;

/** A = Z·T·Zᵀ with an orthogonal Z and a T with 1×1 and 2×2 blocks on its diagonal, the latter with complex eigenvalues. */
export interface RealSchur {
  /** `[n, n]`, row-major. */
  readonly t: Float64Array;
  /** `[n, n]`, row-major. */
  readonly z: Float64Array;
}

/**
 * Real Schur decomposition of a matrix `[n, n]` in row-major order, which becomes T: reduction to Hessenberg form by reflectors, and Francis's QR steps
 * with two shifts at once (Golub & Van Loan, Matrix Computations, §7.4–7.5). Undefined if that takes over
 * 30 steps an eigenvalue; about two are usual.
 */
export function realSchur(h: Float64Array, n: number): RealSchur | undefined {
  const z = new Float64Array(n * n);
  for (let k = 0; k < n; k++) z[k * n + k] = 1;
  let size = 0;
  for (const x of h) size = Math.max(size, Math.abs(x));
  // To about 1, so that products stay in range: a power of two rounds nothing.
  const scale = size === 0 ? 1 : 2 ** Math.max(-1000, Math.min(1000, Math.round(Math.log2(size))));
  for (let k = 0; k < h.length; k++) h[k] /= scale;
  toHessenberg(h, z, n);
  for (let last = n - 1, steps = 0, left = 100 + 30 * n; last > 0;) {
    let first = last;
    for (; first > 0; first--) {
      const below = first * n + first - 1, near = Math.abs(h[below - n]) + Math.abs(h[below + 1]);
      if (Math.abs(h[below]) > Math.max(EPSILON * near, TINY)) continue;
      h[below] = 0;
      break;
    }
    if (first >= last - 1) {
      if (first === last - 1) splitPair(h, z, n, first);
      last = first - 1;
      steps = 0;
    } else if (left-- === 0) return undefined;
    else francisStep(h, z, n, first, last, ++steps);
  }
  for (let k = 0; k < h.length; k++) h[k] *= scale;
  return { t: h, z };
}

/** A reflector I − v vᵀ·τ that sends x to a multiple of the first unit vector; τ is 0 if it need do nothing. */
function reflector(x: Float64Array): { v: Float64Array; tau: number } {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return { v: x, tau: 0 };
  const v = x.map((value) => value / largest), length = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
  v[0] += v[0] < 0 ? -length : length;
  return { v, tau: 2 / v.reduce((sum, value) => sum + value * value, 0) };
}

/** Rows `first`… of columns `from`… become those of (I − τ v vᵀ)·H. */
function fromLeft(h: Float64Array, n: number, first: number, v: Float64Array, tau: number, from: number): void {
  const dots = new Float64Array(n);
  for (let i = 0; i < v.length; i++) {
    for (let j = from, at = (first + i) * n; j < n; j++) dots[j] += v[i] * h[at + j];
  }
  for (let i = 0; i < v.length; i++) {
    const factor = tau * v[i], at = (first + i) * n;
    for (let j = from; j < n; j++) h[at + j] -= factor * dots[j];
  }
}

/** Columns `first`… of the first `rows` rows become those of H·(I − τ v vᵀ). */
function fromRight(h: Float64Array, n: number, first: number, v: Float64Array, tau: number, rows: number): void {
  for (let i = 0; i < rows; i++) {
    const at = i * n + first;
    let dot = 0;
    for (let j = 0; j < v.length; j++) dot += h[at + j] * v[j];
    dot *= tau;
    for (let j = 0; j < v.length; j++) h[at + j] -= dot * v[j];
  }
}

function toHessenberg(h: Float64Array, z: Float64Array, n: number): void {
  for (let k = 0; k < n - 2; k++) {
    const column = Float64Array.from({ length: n - k - 1 }, (_, i) => h[(k + 1 + i) * n + k]);
    // A column that is in form already stays as it is.
    if (column.subarray(1).every((x) => x === 0)) continue;
    const { v, tau } = reflector(column);
    fromLeft(h, n, k + 1, v, tau, k);
    fromRight(h, n, k + 1, v, tau, n);
    fromRight(z, n, k + 1, v, tau, n);
    for (let i = k + 2; i < n; i++) h[i * n + k] = 0;
  }
}

/** One implicit QR step of the rows and columns `first`…`last`, at least three of them. */
function francisStep(
  h: Float64Array,
  z: Float64Array,
  n: number,
  first: number,
  last: number,
  steps: number,
): void {
  const at = (i: number, j: number) => h[i * n + j];
  // The shifts are the eigenvalues of the last 2×2 block, or of another where those lead nowhere.
  let a = at(last - 1, last - 1), d = at(last, last), bc = at(last - 1, last) * at(last, last - 1);
  if (steps % 10 === 0) {
    const other = Math.abs(at(last, last - 1)) + Math.abs(at(last - 1, last - 2));
    a = d = 0.75 * other + d;
    bc = -0.4375 * other * other;
  }
  // The first column of H² − (a + d)·H + (ad − bc)·I over the element below the diagonal, from differences: the sum itself would cancel.
  const p = at(first, first);
  let bulge = Float64Array.of(
    ((a - p) * (d - p) - bc) / at(first + 1, first) + at(first, first + 1),
    at(first + 1, first + 1) - p - (a - p) - (d - p),
    at(first + 2, first + 1),
  );
  for (let k = first; k < last; k++) {
    const { v, tau } = reflector(bulge);
    if (tau !== 0) {
      fromLeft(h, n, k, v, tau, Math.max(first, k - 1));
      fromRight(h, n, k, v, tau, Math.min(last, k + 3) + 1);
      fromRight(z, n, k, v, tau, n);
    }
    if (k > first) { for (let i = k + 1; i < Math.min(last + 1, k + 3); i++) h[i * n + k - 1] = 0; }
    const rows = Math.min(3, last - k);
    bulge = Float64Array.from({ length: rows }, (_, i) => at(k + 1 + i, k));
  }
}

/** Turns a 2×2 block with real eigenvalues into a triangular one (Golub & Van Loan, §7.4.2). */
function splitPair(h: Float64Array, z: Float64Array, n: number, k: number): void {
  const below = h[(k + 1) * n + k], half = (h[k * n + k] - h[(k + 1) * n + k + 1]) / 2;
  const square = half * half + below * h[k * n + k + 1];
  if (square < 0) return;
  // (rest, below) is an eigenvector of the block.
  const rest = half + (half < 0 ? -Math.sqrt(square) : Math.sqrt(square)), length = Math.hypot(rest, below);
  if (length === 0) return;
  const c = rest / length, s = below / length;
  for (let j = k; j < n; j++) {
    const [x, y] = [h[k * n + j], h[(k + 1) * n + j]];
    h[k * n + j] = c * x + s * y;
    h[(k + 1) * n + j] = c * y - s * x;
  }
  for (const [matrix, rows] of [[h, k + 2], [z, n]] as const) {
    for (let i = 0; i < rows; i++) {
      const [x, y] = [matrix[i * n + k], matrix[i * n + k + 1]];
      matrix[i * n + k] = c * x + s * y;
      matrix[i * n + k + 1] = c * y - s * x;
    }
  }
  h[(k + 1) * n + k] = 0;
}
