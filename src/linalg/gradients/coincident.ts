import { type FloatArray, roundoff } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { DegenerateError } from "../errors.ts";

/**
 * What to do where vectors are arbitrary, because their (singular) values coincide, and the loss depends on the choice: `refuse`
 * throws, `zero` takes the part of the gradient that is not determined for zero.
 */
export type Degenerate = "refuse" | "zero";

/** Refuses other words. */
export function requireDegenerate(degenerate: string): void {
  if (degenerate === "refuse" || degenerate === "zero") return;
  throw new TypeError(`Expected "degenerate" to be "refuse" or "zero", got ${JSON.stringify(degenerate)}`);
}

/** The sizes below which differences are rounding errors, or are taken for such. */
export interface Limits {
  /** Relative rounding error of inner products of n numbers, and of eigenvalues to ‖A‖₂: 4√n·u. */
  readonly rounding: number;
  /**
   * Cotangents that differ by less than this, relatively, where they must agree, are taken to agree: √u. Rounding errors of the loss
   * are far below, and a loss that does depend on the choice is rarely that weak.
   */
  readonly agreement: number;
}

/** The limits for matrices whose larger side is `n`. */
export function limitsOf(dtype: Tensor["dtype"], n: number): Limits {
  const u = roundoff(dtype);
  return { rounding: 4 * Math.sqrt(n) * u, agreement: Math.sqrt(u) };
}

/**
 * Refuses cotangents Q̄ of an arbitrary orthonormal basis Q by which the loss changes when the basis turns within its span: to first
 * order that is the antisymmetric part of QᵀQ̄ (`product`).
 */
export async function requireInvariant(product: Tensor, cotangent: Tensor, what: string, which: string): Promise<void> {
  const n = product.shape.at(-1)!, { agreement } = limitsOf(product.dtype, n);
  const [m, norms] = await Promise.all([product.data(), columnNorms(cotangent)]) as [FloatArray, FloatArray];
  for (let base = 0, q = 0; base < m.length; base += n * n, q++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const turn = Math.abs(m[base + i * n + j] - m[base + j * n + i]), size = norms[q * n + i] + norms[q * n + j];
        if (turn > agreement * size) throw arbitrary(what, which);
      }
    }
  }
}

/** The error for a loss that depends on an arbitrary choice of vectors; `why` says why it is arbitrary. */
export function arbitrary(what: string, vectors: string, why = ""): DegenerateError {
  return new DegenerateError(
    `Cannot differentiate ${what}: the loss depends on the choice of ${vectors}, ${why}but only the space that they span is determined`,
  );
}

/** The error for a loss whose gradient the cotangents do not determine, at values that coincide. */
export function undetermined(what: string, values: string, why: string): DegenerateError {
  return new DegenerateError(
    `Cannot differentiate ${what}: the loss depends on vectors and on how ${values}, ${why}, come apart. For functions of a matrix see ` +
      `expm, sqrtm, matrixSign, polar and pinv; degenerate: "zero" leaves out what is not determined`,
  );
}

/** ‖x_j‖₂ of each column of a stack of matrices, on the host, without squares that leave the range of numbers. */
export async function columnNorms(x: Tensor): Promise<Float64Array> {
  const [m, n] = x.shape.slice(-2),
    data = await x.data() as FloatArray,
    norms = new Float64Array(m === 0 ? 0 : data.length / m);
  for (let c = 0; c < norms.length; c++) {
    const base = Math.floor(c / n) * m * n + c % n;
    let largest = 0, squares = 0;
    for (let i = 0; i < m; i++) largest = Math.max(largest, Math.abs(data[base + i * n]));
    if (largest > 0) { for (let i = 0; i < m; i++) squares += (data[base + i * n] / largest) ** 2; }
    norms[c] = largest * Math.sqrt(squares);
  }
  return norms;
}

/**
 * Whether cotangents are constants, whose values may decide what is done with them: a product that is differentiated again, or transposed
 * to get tangents (then its cotangents are placeholders), must be linear in them.
 */
export function areConstants(...cotangents: readonly (Tensor | undefined)[]): boolean {
  return cotangents.every((x) => x?.tracks === undefined);
}
