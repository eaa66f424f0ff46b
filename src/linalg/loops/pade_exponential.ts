import type { Device } from "../../device/mod.ts";
import { type HostMatrix, hostMatrix, multiply } from "../host_product.ts";
import { factor } from "../host_solve.ts";
import { transposed } from "../matrix_stack.ts";

/** Coefficients of the numerator of the [m/m] Padé approximant of eˣ, up to xᵐ; the denominator has those of eˣ's at −x. */
function padeCoefficients(m: number): number[] {
  // (2m − k)! m! / ((2m)! k! (m − k)!), times (2m)!/m!: whole numbers.
  const b = [1];
  for (let k = m; k > 0; k--) b.unshift(b[0] * (2 * m - k + 1) * k / (m - k + 1));
  return b;
}

/** Degrees, and the norm up to which the backward error of each is below 2^−53 (Higham 2005, table 2.3; for 13 Al-Mohy & Higham 2009). */
const DEGREES = [
  [3, 1.495585217958292e-2],
  [5, 2.53939833006323e-1],
  [7, 9.504178996162932e-1],
  [9, 2.097847961257068],
  [
    13,
    4.25,
  ],
] as const;

/**
 * e^A of a square matrix in f64 by scaling and squaring of Padé approximants (Higham 2005), with the norms of the powers of A in place of
 * the powers of its norm, so that a matrix far from normal is not scaled more than it needs (Al-Mohy & Higham 2009, algorithms 5.1 and 6.1). Elements of the
 * result may be out of range, and NaN after that.
 */
export function padeExponential(device: Device, a: HostMatrix): HostMatrix {
  const n = a.columns;
  if (n === 0) return hostMatrix(0, 0);
  if (isUpper(a)) return scaleAndSquare(device, a, true);
  const turned = hostMatrix(n, n, transposed(a.data, n, n));
  if (!isUpper(turned)) return scaleAndSquare(device, a, false);
  return hostMatrix(n, n, transposed(scaleAndSquare(device, turned, true).data, n, n));
}

function scaleAndSquare(device: Device, a: HostMatrix, upper: boolean): HostMatrix {
  const size = columnNorm(a.data, a.columns);
  // First to norms up to 1, so that no power is out of range; a power of two rounds nothing.
  const shift = size > 1 ? Math.ceil(Math.log2(size)) : 0, base = scaled(a, -shift);
  const a2 = multiply(device, base, base), a4 = multiply(device, a2, a2), a6 = multiply(device, a4, a2);
  const root = (x: HostMatrix, p: number) => columnNorm(x.data, x.columns) ** (1 / p) * 2 ** shift;
  const [d4, d6] = [root(a4, 4), root(a6, 6)], extra = (m: number) => extraSquarings(base, shift, m);
  const powers = [base, a2, a4, a6];
  let d8 = NaN;
  for (const [m, limit] of DEGREES.slice(0, -1)) {
    if (m === 7) {
      powers.push(multiply(device, a4, a4));
      d8 = root(powers[4], 8);
    }
    // Only for small matrices, whose powers were not scaled.
    if ((m < 7 ? Math.max(d4, d6) : Math.max(d6, d8)) < limit && extra(m) === 0) {
      return unscaled(device, powers.map((x, k) => scaled(x, shift * Math.max(1, 2 * k))), m, 0, a, upper);
    }
  }
  const d10 = root(multiply(device, a4, a6), 10), norm = Math.min(Math.max(d6, d8), Math.max(d8, d10));
  let s = norm === 0 ? 0 : Math.max(0, Math.ceil(Math.log2(norm / DEGREES[4][1])));
  s += extraSquarings(base, shift - s, 13);
  return unscaled(device, powers.map((x, k) => scaled(x, (shift - s) * Math.max(1, 2 * k))), 13, s, a, upper);
}

/**
 * How often more A·2^shift is to be halved so that rounding errors, which go with |A|, stay small too: the first term of the series of the
 * backward error, in norms of powers of |A| (Al-Mohy & Higham 2009, eq. 5.1 and §5).
 */
function extraSquarings({ columns: n, data }: HostMatrix, shift: number, m: number): number {
  let sums = new Float64Array(n).fill(1), log2Norm = 0;
  // ‖|A|^p‖₁ is the largest element of 1ᵀ|A|^p.
  for (let power = 0; power < 2 * m + 1; power++) {
    const next = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) next[j] += sums[i] * Math.abs(data[i * n + j]);
    const largest = next.reduce((x, y) => Math.max(x, y), 0);
    if (largest === 0) return 0;
    log2Norm += Math.log2(largest);
    sums = next.map((x) => x / largest);
  }
  let log2Coefficient = 0; // of m!² / ((2m)! (2m + 1)!)
  for (let k = 1; k <= 2 * m + 1; k++) log2Coefficient -= Math.log2(k) * (k <= m ? 0 : k <= 2 * m ? 2 : 1);
  const log2Alpha = log2Norm - Math.log2(columnNorm(data, n)) + log2Coefficient + 2 * m * shift;
  return Math.max(0, Math.ceil((log2Alpha + 53) / (2 * m)));
}

/** r(A)^(2^s) with the approximant r of degree m and the powers A, A², A⁴, A⁶, A⁸; of a triangular matrix with an exact diagonal. */
function unscaled(
  device: Device,
  [a, a2, a4, a6, a8]: readonly HostMatrix[],
  m: number,
  s: number,
  original: HostMatrix,
  upper: boolean,
): HostMatrix {
  const b = padeCoefficients(m), even = [a2, a4, a6, a8].slice(0, m === 13 ? 3 : (m - 1) / 2);
  const series = (first: number, constant = 0) => combination(even, even.map((_, k) => b[first + 2 * k]), constant);
  let odd: HostMatrix, v: HostMatrix;
  if (m === 13) {
    odd = multiply(device, a6, combination(even, [b[9], b[11], b[13]], 0));
    v = multiply(device, a6, combination(even, [b[8], b[10], b[12]], 0));
    add(odd, series(3, b[1]));
    add(v, series(2, b[0]));
  } else {
    odd = series(3, b[1]);
    v = series(2, b[0]);
  }
  const u = multiply(device, a, odd), n = a.columns;
  const numerator = hostMatrix(n, n, v.data.map((x, k) => x + u.data[k]));
  const denominator = hostMatrix(n, n, v.data.map((x, k) => x - u.data[k]));
  // Polynomials in one matrix commute. The denominator is well conditioned at such norms (Higham 2005, table 2.2).
  let x = factor(device, denominator)?.divideRows(numerator) ?? hostMatrix(n, n, numerator.data.fill(NaN));
  if (upper) fillDiagonals(x, original, -s);
  for (let k = s - 1; k >= 0; k--) {
    x = multiply(device, x, x);
    if (upper) fillDiagonals(x, original, -k);
  }
  return x;
}

/**
 * Sets the diagonal and the one above it of X = exp(2^shift·T) of an upper triangular T to what they are in closed form (Al-Mohy & Higham 2009,
 * code fragment 2.1; Higham 2008, eq. 10.42), and what is below to zero.
 */
function fillDiagonals({ columns: n, data: x }: HostMatrix, { data: t }: HostMatrix, shift: number): void {
  const factor = 2 ** shift;
  for (let i = 0; i < n; i++) {
    x.fill(0, i * n, i * n + i);
    const p = t[i * n + i] * factor;
    x[i * n + i] = Math.exp(p);
    if (i + 1 === n) continue;
    // (e^p − e^q)/(p − q), from the larger of them, so that nothing is lost and nothing out of range on the way.
    const q = t[(i + 1) * n + i + 1] * factor, apart = -Math.abs(p - q);
    const slope = apart === 0 ? 1 : Math.expm1(apart) / apart;
    x[i * n + i + 1] = t[i * n + i + 1] * factor * (Math.exp(Math.max(p, q)) * slope);
  }
}

/** Σ cₖ·Aₖ + constant·I. */
function combination(matrices: readonly HostMatrix[], c: readonly number[], constant: number): HostMatrix {
  const n = matrices[0].columns, sum = hostMatrix(n, n);
  matrices.forEach(({ data }, q) => {
    for (let k = 0; k < data.length; k++) sum.data[k] += c[q] * data[k];
  });
  for (let k = 0; k < n; k++) sum.data[k * n + k] += constant;
  return sum;
}

function add(a: HostMatrix, b: HostMatrix): void {
  for (let k = 0; k < a.data.length; k++) a.data[k] += b.data[k];
}

/** A·2^shift, in two steps: 2^shift alone may be out of range. */
function scaled(a: HostMatrix, shift: number): HostMatrix {
  if (shift === 0) return a;
  const half = Math.trunc(shift / 2), [f, g] = [2 ** half, 2 ** (shift - half)];
  return hostMatrix(a.rows, a.columns, a.data.map((x) => x * f * g));
}

function isUpper({ columns: n, data }: HostMatrix): boolean {
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) if (data[i * n + j] !== 0) return false;
  return true;
}

/** The 1-norm: the largest sum of magnitudes of a column. */
export function columnNorm(data: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let k = 0; k < data.length; k++) sums[k % n] += Math.abs(data[k]);
  return sums.reduce((x, y) => Math.max(x, y), 0);
}
