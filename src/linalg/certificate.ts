import type { Tensor } from "../tensor/mod.ts";
import { deviation, partsOf, ratio, worse } from "./certificate_parts.ts";
import { certifyFunction, type MatrixFunction } from "./certify_functions.ts";
import type { Eigh } from "./eigh.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import type { Lu } from "./lu.ts";
import { nth, readMatrices, readSystem } from "./matrix_stack.ts";
import type { Qr } from "./qr.ts";
import type { Svd } from "./svd.ts";

/** How far a result is from being that of the matrix: the worst of a stack. */
export interface Certificate {
  /**
   * Relative backward error in Frobenius norms: the result is exact for a matrix that is no further away, relatively. A stable method
   * stays below a small multiple of √n·u, with the unit roundoff u of the result's type.
   */
  readonly backwardError: number;
  /** ‖QᵀQ − I‖ of the factor that is furthest from being orthonormal; absent where there is none. */
  readonly orthogonality?: number;
  /**
   * Of a pseudoinverse X by how much Penrose's conditions fail: ‖AXA − A‖/(‖A‖²‖X‖), ‖XAX − X‖/(‖X‖²‖A‖), and the asymmetry of AX and of XA over
   * ‖A‖‖X‖. The largest is its `backwardError`.
   */
  readonly penrose?: readonly [number, number, number, number];
}

/** A solution of A·x = b; with the `rank` that `lstsq` gives, one in the sense of least squares. */
export interface Solution {
  /** The solution, `[n]` or `[..., n, r]`. */
  readonly x: Tensor;
  /** The right-hand side. */
  readonly b: Tensor;
  /** Rank that was found, of a least-squares solution. */
  readonly rank?: Tensor;
}

/** What can be certified; a Cholesky factor is given as `{ l }`, a square root as `{ sqrt }`, a pseudoinverse as `{ pinv }`, an inverse as `{ inverse }`. */
export type Factorization = Svd | Eigh | Qr | Lu | { readonly l: Tensor } | Solution | MatrixFunction;

/**
 * Multiplies the parts of a result together, in f64 on the host, and compares with the matrix: `await certificate(a, await svd(a))`,
 * `await certificate(a, { x, b })`. It costs a few matrix products, and says nothing of how sensitive the result is. In f64 the
 * comparison itself has rounding errors of a like size.
 *
 * For solutions the backward error is ‖b − A·x‖ / (‖A‖‖x‖ + ‖b‖) (Rigal & Gaches 1967); for those of least squares it is that or
 * ‖Aᵀr‖ / (‖A‖‖r‖) with the residual r, whichever is smaller (Paige & Saunders 1982): an upper bound, not sharp where x is large and
 * the residual small. A rank below min(m, n) means that singular values were taken for zero, and counts as an error.
 *
 * Of a polar decomposition and of the sign of singular values the error is that of A = u·p, or what p lacks of symmetry, or its most negative eigenvalue, over
 * ‖A‖, whichever is largest. Of the sign of eigenvalues and of a square root, of X² = I or X² = A (over ‖A‖: it may exceed rounding
 * errors by ‖X‖²/‖A‖, as it must), of A·X = X·A, and what real parts of the eigenvalues have the wrong sign. Of an inverse it is
 * ‖A·X − I‖/(‖A‖‖X‖).
 *
 * Throws a `TypeError` if the shapes are not those of a result for this matrix.
 */
export async function certificate(a: Tensor, result: Factorization): Promise<Certificate> {
  if ("x" in result) return await certifySolution(a, result);
  if (
    "pinv" in result || "sqrt" in result || "sign" in result || "inverse" in result || "p" in result && !("l" in result)
  ) {
    return await certifyFunction(a, result);
  }
  const stack = await readMatrices(a, "certificate"), { device, rows: m, columns: n, count } = stack;
  const parts = await partsOf(result, stack.batch);
  let backwardError = 0, orthogonality: number | undefined;
  for (let q = 0; q < count; q++) {
    const matrix = hostMatrix(m, n, Float64Array.from(nth(stack.data, q, m * n)));
    const part = (name: string) => {
      if (parts[name]) return parts[name](q);
      throw new TypeError(`Expected "${name}" in the result, got ${Object.keys(parts).join(", ") || "nothing"}`);
    };
    let product: HostMatrix, bases: HostMatrix[] = [];
    if ("s" in result) {
      const u = part("u"), v = part("v");
      product = multiply(device, scaledColumns(u, part("s").data), leading(v, part("s").data.length), {
        transposeB: true,
      });
      bases = [u, v];
    } else if ("vectors" in result) {
      const vectors = part("vectors");
      product = multiply(device, scaledColumns(vectors, part("values").data), vectors, { transposeB: true });
      bases = [vectors];
      mirrorLower(matrix);
    } else if ("q" in result) {
      bases = [part("q")];
      product = multiply(device, bases[0], triangle(part("r"), "upper"));
    } else if ("p" in result) {
      const lower = triangle(part("l"), "lower"), upper = triangle(part("u"), "upper");
      product = multiply(device, part("p"), multiply(device, lower, upper));
    } else {
      const lower = triangle(part("l"), "lower");
      product = multiply(device, lower, lower, { transposeB: true });
      mirrorLower(matrix);
    }
    if (product.rows !== m || product.columns !== n) {
      throw new TypeError(`The result is for matrices [${product.rows}, ${product.columns}], not [${m}, ${n}]`);
    }
    const size = frobenius(matrix.data), apart = frobenius(matrix.data.map((x, k) => x - product.data[k]));
    backwardError = worse(backwardError, ratio(apart, size));
    for (const basis of bases) orthogonality = worse(orthogonality ?? 0, deviation(device, basis));
  }
  return orthogonality === undefined ? { backwardError } : { backwardError, orthogonality };
}

/** A triangle alone: what is elsewhere is no part of such a factor, and so becomes an error. */
function triangle({ rows, columns, data }: HostMatrix, which: "lower" | "upper"): HostMatrix {
  const out = hostMatrix(rows, columns);
  for (let i = 0; i < rows; i++) {
    const [from, to] = which === "lower" ? [0, Math.min(i + 1, columns)] : [Math.min(i, columns), columns];
    out.data.set(data.subarray(i * columns + from, i * columns + to), i * columns + from);
  }
  return out;
}

/** The first columns, each times a number; there may be more columns than numbers. */
function scaledColumns(a: HostMatrix, factors: Float64Array): HostMatrix {
  const out = leading(a, factors.length);
  for (let k = 0; k < out.data.length; k++) out.data[k] *= factors[k % factors.length];
  return out;
}

/** The first `count` columns. */
function leading({ rows, columns, data }: HostMatrix, count: number): HostMatrix {
  if (count > columns) throw new TypeError(`Expected at least ${count} vectors, got ${columns}`);
  const out = hostMatrix(rows, count);
  for (let i = 0; i < rows; i++) out.data.set(data.subarray(i * columns, i * columns + count), i * count);
  return out;
}

/** Copies the lower triangle, which is all that was read, to the upper one. */
function mirrorLower({ columns: n, data }: HostMatrix): void {
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) data[j * n + i] = data[i * n + j];
}

async function certifySolution(a: Tensor, { x, b, rank }: Solution): Promise<Certificate> {
  const { a: matrices, b: right, vector } = await readSystem(a, b, "certificate");
  const { device, rows: m, columns: n, count, batch } = matrices, r = right.columns;
  const shape = vector && batch.length === 0 ? [n] : vector ? [...batch, n] : [...batch, n, r];
  if (x.shape.join() !== shape.join()) {
    throw new TypeError(`Expected a solution of shape [${shape.join(", ")}], got [${x.shape.join(", ")}]`);
  }
  const solution = Float64Array.from(await x.data());
  let backwardError = 0;
  for (let q = 0; q < count; q++) {
    const matrix = hostMatrix(m, n, Float64Array.from(nth(matrices.data, q, m * n)));
    const xs = hostMatrix(n, r, nth(solution, q, n * r)), bs = nth(right.data, q, m * r);
    const residual = multiply(device, matrix, xs);
    for (let k = 0; k < m * r; k++) residual.data[k] -= bs[k];
    const normal = rank && multiply(device, matrix, residual, { transposeA: true }), size = frobenius(matrix.data);
    const column = (data: ArrayLike<number>, rows: number, c: number) =>
      frobenius(Float64Array.from({ length: rows }, (_, i) => data[i * r + c]));
    for (let c = 0; c < r; c++) {
      const apart = column(residual.data, m, c);
      let error = ratio(apart, size * column(xs.data, n, c) + column(bs, m, c));
      if (normal) error = Math.min(error, ratio(column(normal.data, n, c), size * apart));
      backwardError = worse(backwardError, error);
    }
  }
  return { backwardError };
}
