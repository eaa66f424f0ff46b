import { type Complex, type LinearOperator, monarch } from "../operators/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { requireMatrix } from "./matrix_stack.ts";
import { relativeDistance } from "./relative_distance.ts";
import { svd } from "./svd.ts";

/** How rows and columns of a Monarch matrix `[s·q, k·p]` are divided. */
export interface MonarchSizes {
  /** `[s, q]`: a row is q·c + i with c < s, i < q. Default: as square as the number allows, q ≤ s. */
  rows?: readonly [s: number, q: number];
  /** `[k, p]`: a column is p·b + j with b < k, j < p. Default: as square as the number allows, k ≤ p. */
  columns?: readonly [k: number, p: number];
}

/** The Monarch matrix that is nearest to a given one. */
export interface NearestMonarch {
  /** The Monarch matrix; it owns its factors. */
  readonly operator: LinearOperator;
  /** Blocks of the left factor, `[q, s, k]`. */
  readonly left: Tensor;
  /** Blocks of the right factor, `[k, q, p]`. */
  readonly right: Tensor;
  /** ‖A − M‖/‖A‖ in Frobenius norms, measured; 0 for A = 0. */
  readonly relativeError: number;
}

/** The complex Monarch matrix that is nearest to a given one. */
export interface NearestComplexMonarch {
  /** Blocks of the left factor, `[q, s, k]`. */
  readonly left: Complex;
  /** Blocks of the right factor, `[k, q, p]`. */
  readonly right: Complex;
  /** ‖A − M‖/‖A‖ in Frobenius norms, measured. */
  readonly relativeError: number;
}

/**
 * The Monarch matrix nearest to A `[s·q, k·p]` in the Frobenius norm, in closed form (Dao et al. 2022, "Monarch",
 * theorem 1 and algorithm 1): with rows (c, i) and columns (b, j), M = left[i, c, b]·right[b, i, j] has rank 1 for each
 * (i, b), so the best is the first singular pair of each of the q·k matrices A[:, i, b, :] `[s, p]`. Exact for Monarch
 * matrices, such as Hadamard's, and for Fourier's with its columns transposed, see {@linkcode nearestComplexMonarch}.
 * Throws a `TypeError` for what is no matrix of f32 or f64, a `RangeError` for sizes that do not divide it or elements
 * that are not finite.
 *
 * @example
 * ```ts
 * import { linalg, open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const h = operators.hadamard(gpu, 16).toDense();
 * const { left, relativeError } = await linalg.nearestMonarch(h);
 * console.log(left.shape, relativeError < 1e-6); // [4, 4, 4] true
 * ```
 */
export async function nearestMonarch(a: Tensor, sizes: MonarchSizes = {}): Promise<NearestMonarch> {
  const { s, q, k, p } = sizesOf(a, "nearestMonarch", sizes);
  using slices = slicesOf(a, s, q, k, p);
  const { u, s: values, v } = await svd(slices, { rank: Math.min(1, s, p) });
  using _u = u;
  using _s = values;
  using _v = v;
  const left = leftBlocks(u, values, [q, k, s]), right = rightBlocks(v, values, [q, k, p]);
  const operator = monarch(left, right, { owns: true });
  using dense = operator.toDense({ maxBytes: Infinity });
  return { operator, left, right, relativeError: await relativeDistance(a, dense) };
}

/**
 * {@linkcode nearestMonarch} of a complex matrix. The discrete Fourier transform of n = m² points with columns in the
 * order of the transposed m × m table is one exactly: that is the four-step FFT.
 */
export async function nearestComplexMonarch(
  a: Complex,
  sizes: MonarchSizes = {},
): Promise<NearestComplexMonarch> {
  const { s, q, k, p } = sizesOf(a?.re, "nearestComplexMonarch", sizes);
  sizesOf(a.im, "nearestComplexMonarch", sizes);
  if (a.re.shape.join() !== a.im.shape.join() || a.re.dtype !== a.im.dtype) {
    throw new TypeError("Expected real and imaginary parts of one shape and dtype for nearestComplexMonarch");
  }
  using re = slicesOf(a.re, s, q, k, p);
  using im = slicesOf(a.im, s, q, k, p);
  // [[Re, −Im], [Im, Re]] has each singular value twice, and (Re u, Im u) is a vector of it if u is one of the complex
  // matrix.
  using negative = im.neg();
  using upper = Tensor.apply("concatenate", { x0: re, x1: negative }, { axis: 3 }).out;
  using lower = Tensor.apply("concatenate", { x0: im, x1: re }, { axis: 3 }).out;
  using real = Tensor.apply("concatenate", { x0: upper, x1: lower }, { axis: 2 }).out;
  const { u, s: values, v } = await svd(real, { rank: Math.min(1, s, p) });
  using _u = u;
  using _s = values;
  using _v = v;
  const part = (vectors: Tensor, first: number, count: number) => vectors.slice(null, null, [first, first + count]);
  using ur = part(u, 0, s);
  using ui = part(u, s, s);
  using vr = part(v, 0, p);
  using vi = part(v, p, p);
  const left = { re: leftBlocks(ur, values, [q, k, s]), im: leftBlocks(ui, values, [q, k, s]) };
  // A ≈ σ·u·vᴴ: the right factor has the conjugate.
  using vc = vi.neg();
  const right = { re: rightBlocks(vr, values, [q, k, p]), im: rightBlocks(vc, values, [q, k, p]) };
  using denseRe = products(left, right, "re");
  using denseIm = products(left, right, "im");
  using given = Tensor.apply("concatenate", { x0: a.re, x1: a.im }, { axis: 0 }).out;
  using found = Tensor.apply("concatenate", { x0: denseRe, x1: denseIm }, { axis: 0 }).out;
  return { left, right, relativeError: await relativeDistance(given, found) };
}

/** Real or imaginary part of the matrix of complex factors: the difference or sum of two real ones. */
function products(left: Complex, right: Complex, part: "re" | "im"): Tensor {
  const dense = (l: Tensor, r: Tensor) => {
    using operator = monarch(l, r);
    return operator.toDense({ maxBytes: Infinity });
  };
  using p = dense(left.re, part === "re" ? right.re : right.im);
  using q = dense(left.im, part === "re" ? right.im : right.re);
  return part === "re" ? p.sub(q) : p.add(q);
}

/** A[:, i, b, :] for each (i, b), `[q, k, s, p]`. */
function slicesOf(a: Tensor, s: number, q: number, k: number, p: number): Tensor {
  using parts = a.reshape([s, q, k, p]);
  return parts.transpose([1, 2, 0, 3]);
}

/** √σ·u as blocks `[q, s, k]`. */
function leftBlocks(u: Tensor, values: Tensor, [q, k, s]: readonly number[]): Tensor {
  using vectors = u.reshape([q, k, s]);
  using sigma = values.reshape([q, k, 1]);
  using scaled = Tensor.map("sqrt(s) * u", { s: sigma, u: vectors });
  return scaled.transpose([0, 2, 1]);
}

/** √σ·v as blocks `[k, q, p]`. */
function rightBlocks(v: Tensor, values: Tensor, [q, k, p]: readonly number[]): Tensor {
  using vectors = v.reshape([q, k, p]);
  using sigma = values.reshape([q, k, 1]);
  using scaled = Tensor.map("sqrt(s) * v", { s: sigma, v: vectors });
  return scaled.transpose([1, 0, 2]);
}

function sizesOf(
  a: Tensor,
  operation: string,
  sizes: MonarchSizes,
): { s: number; q: number; k: number; p: number } {
  requireMatrix(a, operation);
  if (a.rank !== 2 || a.size === 0) {
    throw new TypeError(`Expected a matrix with elements for ${operation}, got the shape [${a.shape.join(", ")}]`);
  }
  const [m, n] = a.shape,
    least = (size: number) => {
      let d = Math.floor(Math.sqrt(size));
      while (size % d !== 0) d--;
      return d;
    };
  const [s, q] = sizes.rows ?? [m / least(m), least(m)], [k, p] = sizes.columns ?? [least(n), n / least(n)];
  if ([s, q, k, p].some((v) => !Number.isInteger(v) || v < 1) || s * q !== m || k * p !== n) {
    throw new RangeError(
      `Expected sizes whose products are ${m} rows and ${n} columns for ${operation}, got [${s}, ${q}] and [${k}, ${p}]`,
    );
  }
  return { s, q, k, p };
}
