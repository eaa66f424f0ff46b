import { roundoff } from "../device/mod.ts";
import { stopGradient, Tensor, withVjp } from "../tensor/mod.ts";
import { eigh } from "./eigh.ts";
import { pinvPullback } from "./gradients/pinv.ts";
import { requireMatrix, requireSquare } from "./matrix_stack.ts";
import { svd, svdvals } from "./svd.ts";

/** Options of {@linkcode pinv}. */
export interface PinvOptions {
  /** Singular values up to this multiple of the largest count as zero. Default: max(m, n) times the distance from 1 to the next number. */
  rcond?: number;
  /** Takes the matrices for symmetric, reads their lower triangles and uses {@linkcode eigh}, which is faster. Default false. */
  hermitian?: boolean;
}

/**
 * Pseudoinverse (Moore 1920, Penrose 1955) of each matrix of `[..., m, n]`, `[..., n, m]`: v·diag(1/s)·uᵀ with the singular values that are
 * not taken for zero, by {@linkcode svd}, which is read on the host, and a product on the device. {@linkcode certificate} measures by how
 * much Penrose's four conditions fail. Throws a `TypeError` for other types than f32 and f64, a `RangeError` if an element is
 * not finite, `rcond` out of range or the result out of the range of the type, and a {@linkcode ConvergenceError}. The gradient is that among matrices of the same rank.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[2, 0], [0, 0], [0, 0]]);
 * console.log(await (await linalg.pinv(a)).array()); // [[0.5, 0, 0], [0, 0, 0]]
 * ```
 */
export async function pinv(a: Tensor, options: PinvOptions = {}): Promise<Tensor> {
  const { hermitian = false } = options;
  (hermitian ? requireSquare : requireMatrix)(a, "pinv");
  using point = stopGradient(a);
  const outputs = { pinv: await pseudoinverse(point, options) };
  return (await withVjp("pinv", { a }, outputs, (call) => pinvPullback(call, hermitian))).pinv;
}

async function pseudoinverse(a: Tensor, options: PinvOptions): Promise<Tensor> {
  const { hermitian = false } = options;
  const [m, n] = a.shape.slice(-2), rcond = options.rcond ?? 2 * roundoff(a.dtype) * Math.max(m, n);
  if (!(rcond >= 0 && rcond < 1)) throw new RangeError(`Expected "rcond" to be from 0 to 1, got ${rcond}`);
  if (a.size === 0) {
    const empty = new (a.dtype === "f32" ? Float32Array : Float64Array)(0);
    return Tensor.of(a.device, empty, [...a.shape.slice(0, -2), n, m], a.dtype);
  }
  if (hermitian) {
    const { values, vectors } = await eigh(a);
    return await byFactors(vectors, values, vectors, rcond);
  }
  const { u, s, v } = await svd(a);
  return await byFactors(u, s, v, rcond);
}

/** v·diag(1/s)·uᵀ with zero for the inverse of what is small; takes over the factors. */
async function byFactors(u: Tensor, s: Tensor, v: Tensor, rcond: number): Promise<Tensor> {
  using _u = u, _s = s, _v = v;
  using largest = Tensor.reduce("max", "abs(s)", { s }, -1, { keepDims: true });
  using inverses = Tensor.map("abs(s) > c * m ? 1 / s : 0", { s, c: rcond, m: largest });
  using finite = Tensor.reduce("all", "isfinite(x)", { x: inverses }, -1);
  const found = await finite.data(), which = found.indexOf(0);
  if (which >= 0) {
    const whose = found.length > 1 ? `matrix ${which}` : "the matrix";
    throw new RangeError(`The pseudoinverse of ${whose} is out of the range of ${s.dtype}`);
  }
  using row = inverses.expandDims(-2);
  using scaled = v.mul(row);
  using turned = u.T;
  return scaled.matmul(turned);
}

/** Options of {@linkcode matrixRank}. */
export interface MatrixRankOptions {
  /** Singular values up to this number count as zero. Default: `rtol` times the largest. */
  tol?: number;
  /** The same as a multiple of the largest singular value. Default: max(m, n) times the distance from 1 to the next number. */
  rtol?: number;
  /** Takes the matrices for symmetric, and the magnitudes of their eigenvalues for the singular values. Default false. */
  hermitian?: boolean;
}

/**
 * How many singular values of each matrix of `[..., m, n]` are not taken for zero, as an i32 tensor `[...]`. Throws a `TypeError` for other
 * types than f32 and f64, a `RangeError` if an element is not finite or a limit negative, and a {@linkcode ConvergenceError}.
 */
export async function matrixRank(a: Tensor, options: MatrixRankOptions = {}): Promise<Tensor> {
  const { tol, rtol, hermitian = false } = options;
  (hermitian ? requireSquare : requireMatrix)(a, "matrixRank");
  if (tol !== undefined && rtol !== undefined) throw new TypeError('Expected "tol" or "rtol", got both');
  for (const [name, value] of Object.entries({ tol, rtol })) {
    if (value !== undefined && !(value >= 0)) {
      throw new RangeError(`Expected "${name}" to be a number from 0 on, got ${value}`);
    }
  }
  using s = await valuesOf(a, hermitian);
  if (s.shape.at(-1) === 0) {
    using none = s.sum(-1);
    return none.astype("i32");
  }
  if (tol !== undefined) return Tensor.reduce("sum", "abs(s) > t", { s, t: tol }, -1);
  using largest = Tensor.reduce("max", "abs(s)", { s }, -1, { keepDims: true });
  const factor = rtol ?? 2 * roundoff(a.dtype) * Math.max(...a.shape.slice(-2));
  return Tensor.reduce("sum", "abs(s) > c * m", { s, c: factor, m: largest }, -1);
}

async function valuesOf(a: Tensor, hermitian: boolean): Promise<Tensor> {
  if (!hermitian) return await svdvals(a);
  const { values, vectors } = await eigh(a);
  vectors.dispose();
  return values;
}
