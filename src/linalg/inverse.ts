import { type Tensor, withVjp } from "../tensor/mod.ts";
import { detPullback, invPullback, slogdetPullback } from "./gradients/inverse.ts";
import { exchangeRows } from "./host_solve.ts";
import { eliminate, substitute } from "./loops/elimination.ts";
import {
  floats,
  lapackWith,
  type MatrixStack,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireSquare,
  toTensor,
} from "./matrix_stack.ts";
import { requirePivots } from "./solve.ts";

/**
 * The inverse of each matrix of `[..., n, n]`, in the matrix's own precision (LAPACK's `getri`); without a LAPACK in f64. To solve a system,
 * {@linkcode solve} is faster and more accurate. Throws a {@linkcode SingularMatrixError} at a pivot of zero, a `TypeError` for
 * other types than f32 and f64 and matrices that are not square, and a `RangeError` if an element is not finite.
 */
export async function inv(a: Tensor): Promise<Tensor> {
  return (await withVjp("inv", { a }, { inverse: await inverted(a) }, invPullback)).inverse;
}

async function inverted(a: Tensor): Promise<Tensor> {
  requireSquare(a, "inv");
  const stack = await readMatrices(a, "inv"), { device, data, rows: n, count } = stack;
  const pivots = new Int32Array(n), lapack = lapackWith(device, "getrf", "getri");
  onHost(device, lapack ? "inv/lapack" : "inv/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n);
      if (lapack) {
        // The inverse of the transpose is the transpose of the inverse.
        const info = lapack.getrf(n, n, matrix, pivots);
        requireArguments("getrf", info);
        requirePivots(info, n, i, count);
        requireArguments("getri", lapack.getri(n, matrix, pivots));
      } else {
        const work = Float64Array.from(matrix), columns = new Float64Array(n * n);
        requirePivots(eliminate(work, n, n, pivots), n, i, count);
        for (let k = 0; k < n; k++) columns[k * n + k] = 1;
        exchangeRows(columns, n, pivots);
        substitute(work, n, columns, n, { lower: true, transpose: false, unitDiagonal: true });
        substitute(work, n, columns, n, { lower: false, transpose: false, unitDiagonal: false });
        matrix.set(columns);
      }
    }
  });
  return toTensor(stack, data, [n, n]);
}

/**
 * The determinant of each matrix of `[..., n, n]`, `[...]`; it over- or underflows easily, see {@linkcode slogdet}. Throws a `TypeError` for
 * other types than f32 and f64 and matrices that are not square, and a `RangeError` if an element is not finite.
 */
export async function det(a: Tensor): Promise<Tensor> {
  const { stack, diagonals } = await eliminated(a, "det"), values = floats(stack.dtype, stack.count);
  diagonals.forEach(({ sign, pivots }, i) => values[i] = sign * scaledProduct(pivots) + 0); // not -0
  return (await withVjp("det", { a }, { det: toTensor(stack, values, []) }, detPullback)).det;
}

/** Sign and logarithm of the magnitude of a determinant. */
export interface Slogdet {
  /** 1, −1, or 0 for a singular matrix, `[...]`. */
  readonly sign: Tensor;
  /** log |det A|, −∞ for a singular matrix, `[...]`. */
  readonly logAbsDet: Tensor;
}

/**
 * Sign and logarithm of the determinant of each matrix of `[..., n, n]`. Throws a `TypeError` for other types than f32 and f64 and matrices
 * that are not square, and a `RangeError` if an element is not finite; its gradient a {@linkcode SingularMatrixError} where the logarithm is −∞.
 */
export async function slogdet(a: Tensor): Promise<Slogdet> {
  const { stack, diagonals } = await eliminated(a, "slogdet");
  const sign = floats(stack.dtype, stack.count), logAbsDet = floats(stack.dtype, stack.count);
  diagonals.forEach((d, i) => {
    sign[i] = d.pivots.reduce((s, x) => s * Math.sign(x), d.sign) + 0; // not -0
    logAbsDet[i] = d.pivots.reduce((sum, x) => sum + Math.log(Math.abs(x)), 0);
  });
  const found = { sign: toTensor(stack, sign, []), logAbsDet: toTensor(stack, logAbsDet, []) };
  return await withVjp("slogdet", { a }, found, slogdetPullback);
}

/** The diagonal of U of an elimination, and the sign of its row exchanges. */
interface Diagonal {
  readonly sign: number;
  readonly pivots: readonly number[];
}

async function eliminated(a: Tensor, operation: string): Promise<{ stack: MatrixStack; diagonals: Diagonal[] }> {
  requireSquare(a, operation);
  const stack = await readMatrices(a, operation), { device, data, rows: n, count } = stack;
  const exchanges = new Int32Array(n), lapack = lapackWith(device, "getrf"), diagonals: Diagonal[] = [];
  onHost(device, lapack ? `${operation}/lapack` : `${operation}/loops`, () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), work = lapack ? matrix : Float64Array.from(matrix);
      // A matrix and its transpose have one determinant.
      if (lapack) requireArguments("getrf", lapack.getrf(n, n, matrix, exchanges));
      else eliminate(work as Float64Array, n, n, exchanges);
      diagonals.push({
        sign: exchanges.reduce((s, row, k) => row === k + 1 ? s : -s, 1),
        pivots: Array.from({ length: n }, (_, k) => work[k * n + k]),
      });
    }
  });
  return { stack, diagonals };
}

/** A product whose partial products may leave the range of numbers although the whole does not. */
function scaledProduct(factors: readonly number[]): number {
  let mantissa = 1, exponent = 0;
  for (const x of factors) {
    mantissa *= x;
    if (mantissa === 0) return 0;
    const shift = Math.floor(Math.log2(Math.abs(mantissa)));
    // In two steps: 2^shift alone may be out of range.
    mantissa = mantissa / 2 ** Math.trunc(shift / 2) / 2 ** (shift - Math.trunc(shift / 2));
    exponent += shift;
  }
  const half = Math.trunc(exponent / 2);
  return mantissa * 2 ** Math.max(-1074, Math.min(1023, half)) * 2 ** Math.max(-1074, Math.min(1023, exponent - half));
}
