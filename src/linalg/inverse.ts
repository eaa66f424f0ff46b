import type { FloatArray } from "../device/mod.ts";
import { Tensor, withVjp } from "../tensor/mod.ts";
import { eliminateOnAdapter, indices, luWork, solveEliminated, together, triangularWork } from "./device/eliminate.ts";
import { detPullback, invPullback, slogdetPullback } from "./gradients/inverse.ts";
import { exchangeRows } from "./host_solve.ts";
import { inRange, OutOfRangeError, widened } from "./in_range.ts";
import { eliminate, substitute } from "./loops/elimination.ts";
import {
  floats,
  type FloatType,
  lapackWith,
  type MatrixStack,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireSquare,
  toTensor,
} from "./matrix_stack.ts";
import { placeOf, type PlaceOptions } from "./place.ts";
import { requirePivots } from "./solve.ts";

/**
 * The inverse of each matrix of `[..., n, n]`, in the matrix's own precision (LAPACK's `getri`); without a LAPACK in f64. To solve a system,
 * {@linkcode solve} is faster and more accurate. Throws a {@linkcode SingularMatrixError} at a pivot of zero, a `TypeError` for
 * other types than f32 and f64 and matrices that are not square, and a `RangeError` if an element is not finite.
 *
 * On a hardware adapter large matrices and large stacks are inverted there; see {@linkcode PlaceOptions}.
 */
export async function inv(a: Tensor, options: PlaceOptions = {}): Promise<Tensor> {
  return (await withVjp("inv", { a }, { inverse: await inverted(a, options) }, invPullback)).inverse;
}

async function inverted(a: Tensor, options: PlaceOptions): Promise<Tensor> {
  requireSquare(a, "inv");
  const size = a.shape[a.rank - 1], work = together(luWork(a), triangularWork(size, 2 * size, a.size / size ** 2 || 0));
  if (placeOf("inv", [a], work, options) === "adapter") {
    const inverse = await invertOnAdapter(a);
    if (inverse) return inverse;
  }
  const stack = await readMatrices(a, "inv"), n = stack.rows;
  const { inverse } = await inRange("inv", a, stack, invertedOnHost);
  return toTensor(stack, inverse, [n, n]);
}

/** The inverses, which take the place of the matrices. */
function invertedOnHost({ device, data, rows: n, count }: MatrixStack): { inverse: FloatArray } {
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
  return { inverse: data };
}

/** Undefined if an element of the matrix or of its inverse is not finite: the host says which, or finds another. */
async function invertOnAdapter(a: Tensor): Promise<Tensor | undefined> {
  const n = a.shape[a.rank - 1];
  using factors = eliminateOnAdapter(a), rows = indices(a, [n, 1]), columns = indices(a, [n]);
  using identity = Tensor.map("i == j ? 1 : 0", { i: rows, j: columns }, a.dtype);
  const { x, info, left } = await solveEliminated(factors, identity);
  if (!left) return x;
  x.dispose();
  if (info.every((k) => k >= 0)) info.forEach((k, i) => requirePivots(k, n, i, info.length));
}

/**
 * The determinant of each matrix of `[..., n, n]`, `[...]`; it over- or underflows easily, see {@linkcode slogdet}. Throws a `TypeError` for
 * other types than f32 and f64 and matrices that are not square, and a `RangeError` if an element is not finite.
 */
export async function det(a: Tensor, options: PlaceOptions = {}): Promise<Tensor> {
  const { stack, diagonals } = await eliminated(a, "det", options), values = floats(stack.dtype, stack.count);
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
export async function slogdet(a: Tensor, options: PlaceOptions = {}): Promise<Slogdet> {
  const { stack, diagonals } = await eliminated(a, "slogdet", options);
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

/** What determinants take from an elimination, of a stack of which the elements are not asked for. */
interface Diagonals {
  readonly stack: Pick<MatrixStack, "device" | "dtype" | "batch" | "count">;
  readonly diagonals: readonly Diagonal[];
}

async function eliminated(a: Tensor, operation: string, options: PlaceOptions): Promise<Diagonals> {
  requireSquare(a, operation);
  if (placeOf(operation, [a], { ...luWork(a), results: 0 }, options) === "adapter") {
    const found = await eliminatedOnAdapter(a);
    if (found) return found;
  }
  const stack = await readMatrices(a, operation), found = eliminatedOnHost(stack, operation);
  const held = (d: Diagonal) => d.pivots.every(Number.isFinite);
  // What f32 cannot hold on the way f64 can.
  const diagonals = stack.dtype === "f64" || found.every(held)
    ? found
    : eliminatedOnHost(widened(await readMatrices(a, operation)), operation);
  const which = diagonals.findIndex((d) => !held(d));
  if (which >= 0) {
    throw new OutOfRangeError(
      `Cannot compute ${operation}: pivots of ${
        stack.count > 1 ? `matrix ${which}` : "the matrix"
      } are out of the range of f64`,
    );
  }
  return { stack, diagonals };
}

function eliminatedOnHost({ device, data, rows: n, count }: MatrixStack, operation: string): Diagonal[] {
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
  return diagonals;
}

/** Undefined if an element of the matrix or of its factors is not finite: the host says which, or goes on with them. */
async function eliminatedOnAdapter(a: Tensor): Promise<Diagonals | undefined> {
  using factors = eliminateOnAdapter(a);
  const n = a.shape[a.rank - 1], batch = a.shape.slice(0, -2), { lu, pivots, info } = factors;
  using flat = lu.reshape([...batch, n * n]);
  using diagonal = flat.slice(...batch.map(() => null), [null, null, n + 1]);
  // One wait for all.
  const [d, exchanges, found] = await Promise.all([diagonal, pivots, info].map((t) => t.data()));
  if (found.some((k) => k < 0)) return undefined;
  const diagonals = Array.from({ length: found.length }, (_, i): Diagonal => ({
    sign: (exchanges as Int32Array).subarray(i * n, (i + 1) * n).reduce((s, row, k) => row === k ? s : -s, 1),
    pivots: [...d.subarray(i * n, (i + 1) * n)],
  }));
  return { stack: { device: a.device, dtype: a.dtype as FloatType, batch, count: found.length }, diagonals };
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
