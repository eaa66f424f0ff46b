import type { FloatArray, Lapack } from "../device/mod.ts";
import { stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { fitsDeviceQr, qrOnDevice } from "./device/qr.ts";
import { qrWork, runsOnAdapter } from "./device/work.ts";
import { qrPullback } from "./gradients/qr.ts";
import { inRange, unlessOutOfRange } from "./in_range.ts";
import { householder } from "./loops/householder.ts";
import {
  floats,
  lapackWith,
  type MatrixStack,
  nth,
  onHost,
  readMatrices,
  requireArguments,
  requireMatrix,
  toTensor,
  toTransposed,
  transposed,
} from "./matrix_stack.ts";
import type { PlaceOptions } from "./place.ts";

/** A = q·r. */
export interface Qr {
  /** Orthonormal columns, `[..., m, k]` with k = min(m, n) (`[..., m, m]` if complete). */
  readonly q: Tensor;
  /** Upper triangular, `[..., k, n]` (`[..., m, n]` if complete). */
  readonly r: Tensor;
}

/** Options of {@linkcode qr}. */
export interface QrOptions extends PlaceOptions {
  /** `reduced` (the default) gives k = min(m, n) columns, `complete` an orthogonal matrix. */
  mode?: "reduced" | "complete";
}

/**
 * QR decomposition of each matrix of `[..., m, n]`, in the matrix's own precision, by Householder reflectors (LAPACK's `geqrf`, `orgqr`);
 * without a LAPACK by the same in f64. The diagonal of r may be negative. Throws a `TypeError` for other types than f32 and f64,
 * and a `RangeError` if an element is not finite.
 *
 * Its gradient needs the first k columns of the matrix to be independent, else it throws a {@linkcode SingularMatrixError}; and a loss
 * of the columns that complete q to depend on nothing but their span, else a {@linkcode DegenerateError}.
 *
 * On a hardware adapter large matrices and large stacks are factored there by blocks of reflectors in compact WY form (Schreiber & Van Loan
 * 1989), and tall ones by blocks of rows (TSQR: Demmel, Grigori, Hoemmen & Langou 2012); see {@linkcode PlaceOptions}.
 */
export async function qr(a: Tensor, options: QrOptions = {}): Promise<Qr> {
  return await withVjp("qr", { a }, { ...await factored(a, options) }, qrPullback);
}

async function factored(a: Tensor, options: QrOptions): Promise<Qr> {
  const { mode = "reduced" } = options;
  if (mode !== "reduced" && mode !== "complete") {
    throw new TypeError(`Expected "mode" to be "reduced" or "complete", got ${JSON.stringify(mode)}`);
  }
  requireMatrix(a, "qr");
  const [rows, columns] = a.shape.slice(-2), work = qrWork(a, mode === "complete" ? rows : Math.min(rows, columns));
  if (runsOnAdapter("qr", a, work, fitsDeviceQr(rows, columns, mode), options)) {
    using constant = stopGradient(a);
    const found = await unlessOutOfRange(qrOnDevice(constant, mode));
    if (found) return found;
  }
  const stack = await readMatrices(a, "qr"), { rows: m, columns: n } = stack;
  const p = mode === "complete" ? m : Math.min(m, n);
  const { qt, r } = await inRange("qr", a, stack, (stack) => factoredOnHost(stack, p));
  return { q: toTransposed(stack, qt, [m, p]), r: toTensor(stack, r, [p, n]) };
}

function factoredOnHost({ device, dtype, data, rows: m, columns: n, count }: MatrixStack, p: number): Parts {
  const qt = floats(dtype, count * p * m),
    r = floats(dtype, count * p * n),
    lapack = lapackWith(device, "geqrf", "orgqr");
  onHost(device, lapack ? "qr/lapack" : "qr/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, m * n), parts = { qt: nth(qt, i, p * m), r: nth(r, i, p * n) };
      if (lapack) byLapack(lapack, matrix, m, n, p, parts);
      else {
        const found = householder(matrix, m, n, p);
        transposed(found.q, m, p, parts.qt);
        parts.r.set(found.r);
      }
    }
  });
  return { qt, r };
}

/** Where qᵀ and r go. */
type Parts = { readonly qt: FloatArray; readonly r: FloatArray };

function byLapack(
  lapack: Lapack,
  a: FloatArray,
  m: number,
  n: number,
  p: number,
  { qt, r }: Parts,
): void {
  // By columns, as LAPACK wants it.
  const columns = transposed(a, m, n), tau = columns.slice(0, Math.min(m, n));
  requireArguments("geqrf", lapack.geqrf(m, n, columns, tau));
  for (let i = 0; i < p; i++) for (let j = i; j < n; j++) r[i * n + j] = columns[j * m + i];
  qt.set(columns.subarray(0, Math.min(n, p) * m));
  requireArguments("orgqr", lapack.orgqr(m, p, tau.length, qt, tau));
}
