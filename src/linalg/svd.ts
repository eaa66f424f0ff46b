import type { FloatArray, Lapack } from "../device/mod.ts";
import { type Range, stopGradient, type Tensor, withVjp } from "../tensor/mod.ts";
import { fitsDeviceSvd, svdOnDevice } from "./device/svd.ts";
import { runsOnAdapter, svdWork } from "./device/work.ts";
import { ConvergenceError } from "./errors.ts";
import { type Degenerate, requireDegenerate } from "./gradients/coincident.ts";
import { gradientOfValues, svdPullback } from "./gradients/svd.ts";
import { inGeneralPosition } from "./gradients/generic_basis.ts";
import { inRange, unlessOutOfRange } from "./in_range.ts";
import { loadMlMatrix, type MlMatrix, svdByMlMatrix } from "./loops/ml_matrix.ts";
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
} from "./matrix_stack.ts";
import type { PlaceOptions } from "./place.ts";

/** A = u·diag(s)·vᵀ, of the first k singular values: k = min(m, n), or the `rank` that was asked for. */
export interface Svd {
  /** Left singular vectors in columns, `[..., m, k]` (`[..., m, m]` if full). */
  readonly u: Tensor;
  /** Singular values, descending, `[..., k]`. */
  readonly s: Tensor;
  /** Right singular vectors in columns, `[..., n, k]` (`[..., n, n]` if full). */
  readonly v: Tensor;
}

/** Options of {@linkcode svd}. */
export interface SvdOptions extends PlaceOptions {
  /** Gives orthogonal bases of the whole spaces instead of the first k vectors. Default false. */
  full?: boolean;
  /**
   * Keeps the first so many singular values and vectors: of all matrices of that rank the nearest, in the 2-norm and in Frobenius's
   * (Eckart & Young 1936). From 0 to min(m, n). All are computed; see `randomizedSvd` for few of many. Default: all.
   */
  rank?: number;
  /** What its gradient does where singular values coincide, see there. Default `refuse`. */
  degenerate?: Degenerate;
}

/**
 * Singular value decomposition of each matrix of `[..., m, n]`, in the matrix's own precision, by divide and conquer (LAPACK's
 * `gesdd`, and `gesvd` should that fail); without a LAPACK by bidiagonal QR in f64 (ml-matrix). Values below about u·s₀ are rounding
 * errors. Throws a `TypeError` for other types than f32 and f64, a `RangeError` if an element is not finite or `rank` not a rank of such
 * a matrix, and a {@linkcode ConvergenceError}.
 *
 * Singular vectors change by 1/(s_j − s_i), without bound as values approach each other. Values within 4√max(m, n)·u·s₀ count as one, and
 * those up to that as zero; a loss has a gradient there only if it does not depend on the choice of their vectors: of sums over them, of
 * projections onto all of them, or of u·diag(f(s))·vᵀ with f(s) ≠ 0. Any other is refused with a {@linkcode DegenerateError}; or, with
 * `degenerate: "zero"`, that part is left out. So is one that depends on the vectors that `full` adds by more than their span. A loss of singular
 * values alone is never refused: where it has a kink its gradient is that at a matrix nearby. While they are differentiated, vectors that
 * are not determined are turned into general position. Forward mode needs the change of the vectors themselves, and refuses where values
 * coincide whatever the loss; not so of {@linkcode svdvals}.
 *
 * On a hardware adapter large matrices and large stacks are decomposed there, by one-sided block Jacobi after a QR decomposition (Drmač &
 * Veselić 2008), which finds small singular values of matrices whose columns differ in size to more digits; see {@linkcode PlaceOptions}.
 */
export async function svd(a: Tensor, options: SvdOptions = {}): Promise<Svd> {
  requireMatrix(a, "svd");
  const [m, n] = a.shape.slice(-2), k = Math.min(m, n), { full = false, rank = k, degenerate = "refuse" } = options;
  if (full && options.rank !== undefined) {
    throw new TypeError('Cannot give bases of the whole spaces ("full") of a "rank"');
  }
  if (!Number.isInteger(rank) || rank < 0 || rank > k) {
    throw new RangeError(`Expected "rank" to be a whole number from 0 to ${k}, got ${rank}`);
  }
  requireDegenerate(degenerate);
  const factors = await factored(a, full, options), { s: values } = factors;
  let { u: left, v: right } = factors;
  if (a.tracks) [left, right] = await inGeneralPosition(values, [left, right], Math.max(m, n));
  const outputs = { u: left, s: values, v: right };
  const all = await withVjp("svd", { a }, outputs, (call) => svdPullback(call, degenerate));
  if (rank === k) return all;
  // All of them have a part in the gradient of the first ones.
  const first = (t: Tensor) => t.slice(...t.shape.map((_, axis): Range => axis === t.rank - 1 ? [0, rank] : null));
  using u = all.u;
  using s = all.s;
  using v = all.v;
  return { u: first(u), s: first(s), v: first(v) };
}

async function factored(a: Tensor, full: boolean, options: PlaceOptions): Promise<Svd> {
  if (runsOnAdapter("svd", a, svdWork(a, full), fitsDeviceSvd(a, full), options)) {
    using constant = stopGradient(a);
    const found = await unlessOutOfRange(svdOnDevice(constant, full ? "full" : "reduced"));
    if (found) return found;
  }
  const stack = await readMatrices(a, "svd"), { rows: m, columns: n, count } = stack, k = Math.min(m, n);
  const [p, q] = full ? [m, n] : [k, k];
  const { u, s, vt } = await inRange("svd", a, stack, async (stack) => {
    const { dtype } = stack;
    const u = floats(dtype, count * m * p), s = floats(dtype, count * k), vt = floats(dtype, count * q * n);
    await eachSvd(stack, full ? "A" : "S", (i) => ({ u: nth(u, i, m * p), s: nth(s, i, k), vt: nth(vt, i, q * n) }));
    return { u, s, vt };
  });
  return { u: toTensor(stack, u, [m, p]), s: toTensor(stack, s, [k]), v: toTransposed(stack, vt, [n, q]) };
}

/** The singular values alone, `[..., k]`, descending; faster than {@linkcode svd}. */
export async function svdvals(a: Tensor, options: PlaceOptions = {}): Promise<Tensor> {
  const { s: values } = await withVjp("svdvals", { a }, { s: await valuesOf(a, options) }, async (call) => ({
    a: call.cotangents.s && await gradientOfValues(call.inputs.a, call.cotangents.s),
  }));
  return values;
}

async function valuesOf(a: Tensor, options: PlaceOptions): Promise<Tensor> {
  requireMatrix(a, "svdvals");
  if (runsOnAdapter("svdvals", a, svdWork(a, false), fitsDeviceSvd(a, false), options)) {
    using constant = stopGradient(a);
    const found = await unlessOutOfRange(svdOnDevice(constant, "none"));
    if (found) {
      found.u.dispose();
      found.v.dispose();
      return found.s;
    }
  }
  const stack = await readMatrices(a, "svdvals"), { rows, columns, count } = stack, k = Math.min(rows, columns);
  const { s } = await inRange("svdvals", a, stack, async (stack) => {
    const s = floats(stack.dtype, count * k), none = floats(stack.dtype, 0);
    await eachSvd(stack, "N", (i) => ({ u: none, s: nth(s, i, k), vt: none }));
    return { s };
  });
  return toTensor(stack, s, [k]);
}

/** Where the parts of one decomposition go: u `[m, p]`, s `[k]`, vᵀ `[q, n]`. */
export interface SvdParts {
  readonly u: FloatArray;
  readonly s: FloatArray;
  readonly vt: FloatArray;
}

async function eachSvd(stack: MatrixStack, job: "N" | "S" | "A", partsOf: (i: number) => SvdParts): Promise<void> {
  const { device, data, rows: m, columns: n, count } = stack, lapack = lapackWith(device, "gesdd");
  const loops = lapack ? undefined : await loadMlMatrix();
  onHost(device, lapack ? "svd/lapack" : "svd/loops", () => {
    for (let i = 0; i < count; i++) {
      const a = nth(data, i, m * n), parts = partsOf(i);
      if (m * n === 0) {
        // No singular values; any orthogonal basis will do.
        for (const [basis, size] of [[parts.u, m], [parts.vt, n]] as const) {
          for (let k = 0; k < basis.length; k += size + 1) basis[k] = 1;
        }
      } else if (lapack) svdByLapack(lapack, job, a, m, n, parts);
      else svdByMlMatrix(loops as MlMatrix, job, a, m, n, parts);
    }
  });
}

/**
 * LAPACK sees Aᵀ = V Σ Uᵀ: where it writes its left vectors, by columns, is where our vᵀ lies by rows. Divide and conquer has been seen to
 * fail where QR does not: then that is tried, on a copy of the matrix, which both overwrite.
 */
export function svdByLapack(
  lapack: Lapack,
  job: "N" | "S" | "A",
  a: FloatArray,
  m: number,
  n: number,
  { u, s, vt }: SvdParts,
): void {
  const again = lapack.has("gesvd") ? a.slice() : undefined;
  let info = lapack.gesdd(job, n, m, a, s, vt, u);
  requireArguments("gesdd", info);
  if (info > 0 && again) {
    info = lapack.gesvd(job, n, m, again, s, vt, u);
    requireArguments("gesvd", info);
  }
  if (info > 0) throw new ConvergenceError(`The singular values of a matrix [${m}, ${n}] did not converge`);
}
