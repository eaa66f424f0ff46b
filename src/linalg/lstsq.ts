import { type Device, type FloatArray, type Lapack, roundoff } from "../device/mod.ts";
import { sizeOf } from "../ops/value.ts";
import { stopGradient, Tensor, withVjp } from "../tensor/mod.ts";
import { lstsqOnDevice } from "./device/lstsq.ts";
import { fitsDeviceSvd } from "./device/svd.ts";
import { lstsqWork, runsOnAdapter } from "./device/work.ts";
import { ConvergenceError } from "./errors.ts";
import { lstsqPullback } from "./gradients/lstsq.ts";
import { hostMatrix, multiply } from "./host_product.ts";
import { requireInRange } from "./in_range.ts";
import { loadMlMatrix, type MlMatrix, svdByMlMatrix } from "./loops/ml_matrix.ts";
import {
  floats,
  lapackWith,
  nth,
  onHost,
  readSystem,
  requireArguments,
  requireSystem,
  toSolution,
  toTensor,
  transposed,
} from "./matrix_stack.ts";
import type { PlaceOptions } from "./place.ts";
import type { RefineOptions } from "./refine.ts";
import { refineLeastSquares } from "./refine_least_squares.ts";

/** The solution of a least-squares problem. */
export interface Lstsq {
  /** The x of least norm among those that minimize ‖A·x − b‖₂: `[n]`, or `[..., n, r]`. */
  readonly x: Tensor;
  /** ‖A·x − b‖₂² of each right-hand side, computed in f64 but on adapters without it: `[]`, or `[..., r]`. */
  readonly residuals: Tensor;
  /** How many singular values are above `rcond`·s₀: i32 `[...]`. */
  readonly rank: Tensor;
  /** Singular values of A, descending, `[..., min(m, n)]`. */
  readonly singularValues: Tensor;
}

/** Options of {@linkcode lstsq}. */
export interface LstsqOptions extends RefineOptions, PlaceOptions {
  /** Singular values below this multiple of the largest count as zero. Default: max(m, n) times the distance from 1 to the next number. */
  rcond?: number;
}

/**
 * Least squares for each matrix of `[..., m, n]`, of any rank, in their own precision, by the singular value decomposition (LAPACK's
 * `gelsd`); without a LAPACK in f64 (ml-matrix). `b` is a vector `[m]`, or `[..., m, r]` with leading axes broadcast. Throws a
 * `TypeError` for other types than f32 and f64 and shapes that do not fit, a `RangeError` if an element is not finite, and a
 * {@linkcode ConvergenceError}. To `refine` helps where the rank is full, and is left out where it is not.
 *
 * The gradient is that among matrices of the same rank (Golub & Pereyra 1973): x jumps where the rank changes.
 *
 * On a hardware adapter large problems and large stacks are solved there, unless they are to be refined, see {@linkcode PlaceOptions}; by
 * the decomposition that {@linkcode svd} has there.
 */
export async function lstsq(a: Tensor, b: Tensor, options: LstsqOptions = {}): Promise<Lstsq> {
  const { batch, vector } = requireSystem(a, b, "lstsq"), [m, n] = a.shape.slice(-2);
  const rcond = options.rcond ?? 2 * roundoff(a.dtype) * Math.max(m, n);
  if (!(rcond >= 0 && rcond < 1)) throw new RangeError(`Expected "rcond" to be from 0 to 1, got ${rcond}`);
  if (options.refine && options.on === "adapter") {
    throw new TypeError("Cannot refine on an adapter: residuals are computed on the host");
  }
  const found = await onAdapter(a, b, { batch, vector, rcond, options }) ?? await solvedOnHost(a, b, rcond, options);
  return await withVjp("lstsq", { a, b }, { ...found }, (call) => lstsqPullback(call, { ...options, rcond }));
}

/** Undefined where the problem is for the host, or an element is not finite: the host says which. */
async function onAdapter(
  a: Tensor,
  b: Tensor,
  { batch, vector, rcond, options }: { batch: number[]; vector: boolean; rcond: number; options: LstsqOptions },
): Promise<Lstsq | undefined> {
  const [m, n] = a.shape.slice(-2), r = vector ? 1 : b.shape[b.rank - 1], count = sizeOf(batch);
  const place = options.refine ? { on: "host" as const } : options;
  if (!runsOnAdapter("lstsq", a, lstsqWork(a, r, count), fitsDeviceSvd(a, false), place) || r * count === 0) {
    return undefined;
  }
  // What runs here is not recorded.
  using matrix = stopGradient(a);
  using side = stopGradient(b);
  using columns = vector ? side.expandDims(1) : side.slice();
  using whole = matrix.broadcastTo([...batch, m, n]);
  using right = columns.broadcastTo([...batch, m, r]);
  using flat = whole.reshape([count, m, n]);
  using sides = right.reshape([count, m, r]);
  const found = await lstsqOnDevice(flat, sides, rcond);
  if (!found) return undefined;
  const shaped = (t: Tensor, shape: number[]) => {
    using held = t;
    return held.reshape(shape);
  };
  return {
    x: shaped(found.x, vector ? [...batch, n] : [...batch, n, r]),
    residuals: shaped(found.residuals, vector ? batch : [...batch, r]),
    rank: shaped(found.rank, batch),
    singularValues: shaped(found.singularValues, [...batch, Math.min(m, n)]),
  };
}

async function solvedOnHost(a: Tensor, b: Tensor, rcond: number, options: LstsqOptions): Promise<Lstsq> {
  const system = await readSystem(a, b, "lstsq"), { device, dtype, batch, data, rows: m, columns: n, count } = system.a;
  const r = system.b.columns, k = Math.min(m, n);
  const x = floats(dtype, count * n * r), s = floats(dtype, count * k), residuals = floats(dtype, count * r);
  const ranks = new Int32Array(count),
    lapack = lapackWith(device, "gelsd"),
    loops = lapack ? undefined : await loadMlMatrix();
  onHost(device, lapack ? "lstsq/lapack" : "lstsq/loops", () => {
    for (let i = 0; i < count; i++) {
      const problem: Problem = { a: nth(data, i, m * n), b: nth(system.b.data, i, m * r), m, n, r, rcond };
      const parts = { xt: nth(x, i, n * r), s: nth(s, i, k) };
      if (k > 0 && r > 0) {
        ranks[i] = lapack ? byLapack(lapack, problem, parts) : byLoops(device, loops as MlMatrix, problem, parts);
      }
      if (options.refine && k > 0 && r > 0 && ranks[i] === k) {
        refineLeastSquares(device, hostMatrix(m, n, Float64Array.from(problem.a)), problem.b, parts.xt);
      }
      nth(residuals, i, r).set(squaredResiduals(device, problem, parts.xt));
    }
  });
  requireInRange("lstsq", system.a, { x, singularValues: s });
  return {
    x: toSolution(system, x),
    residuals: toTensor(system.a, residuals, system.vector ? [] : [r]),
    rank: Tensor.of(device, ranks, batch, "i32"),
    singularValues: toTensor(system.a, s, [k]),
  };
}

interface Problem {
  readonly a: FloatArray;
  readonly b: FloatArray;
  readonly m: number;
  readonly n: number;
  readonly r: number;
  readonly rcond: number;
}

/** Where the columns of x and the singular values go. */
interface Parts {
  readonly xt: FloatArray;
  readonly s: FloatArray;
}

function byLapack(lapack: Lapack, { a, b, m, n, r, rcond }: Problem, { xt, s }: Parts): number {
  const rows = Math.max(m, n),
    right = a instanceof Float32Array ? new Float32Array(rows * r) : new Float64Array(rows * r);
  for (let i = 0; i < m; i++) for (let c = 0; c < r; c++) right[c * rows + i] = b[i * r + c];
  const { info, rank } = lapack.gelsd(m, n, r, transposed(a, m, n), right, s, rcond);
  requireArguments("gelsd", info);
  if (info > 0) throw new ConvergenceError(`The singular values of a matrix [${m}, ${n}] did not converge`);
  for (let c = 0; c < r; c++) xt.set(right.subarray(c * rows, c * rows + n), c * n);
  return rank;
}

/** x = V Σ⁺ Uᵀ b. */
function byLoops(device: Device, loops: MlMatrix, { a, b, m, n, r, rcond }: Problem, { xt, s }: Parts): number {
  const k = Math.min(m, n), u = hostMatrix(m, k), values = new Float64Array(k), vt = hostMatrix(k, n);
  svdByMlMatrix(loops, "S", a, m, n, { u: u.data, s: values, vt: vt.data });
  s.set(values);
  const rank = values.filter((value) => value > rcond * values[0]).length;
  const parts = multiply(device, u, hostMatrix(m, r, Float64Array.from(b)), { transposeA: true });
  for (let i = 0; i < k; i++) {
    for (let c = 0; c < r; c++) parts.data[i * r + c] = i < rank ? parts.data[i * r + c] / values[i] : 0;
  }
  xt.set(multiply(device, parts, vt, { transposeA: true }).data);
  return rank;
}

function squaredResiduals(device: Device, { a, b, m, n, r }: Problem, xt: FloatArray): Float64Array {
  const f64 = (x: FloatArray) => Float64Array.from(x), found = new Float64Array(r);
  const product = multiply(device, hostMatrix(m, n, f64(a)), hostMatrix(r, n, f64(xt)), { transposeB: true });
  for (let i = 0; i < m; i++) for (let c = 0; c < r; c++) found[c] += (product.data[i * r + c] - b[i * r + c]) ** 2;
  return found;
}
