import { Tensor } from "../tensor/mod.ts";
import { showShape, sizeOf } from "../ops/value.ts";
import { SingularMatrixError } from "./errors.ts";
import { OutOfRangeError } from "./in_range.ts";
import { inv } from "./inverse.ts";
import { requireMatrix, requireSquare } from "./matrix_stack.ts";
import { norm, type NormOrder } from "./norm.ts";
import { svdvals } from "./svd.ts";

/** Options of {@linkcode cond}. */
export interface CondOptions {
  /** In which norm of matrices; see {@linkcode NormOrder}. Default 2. */
  ord?: NormOrder | null;
}

/**
 * Condition number of each matrix of `[..., m, n]`, `[...]`: ‖A‖·‖A⁻¹‖ in a norm, by
 * {@linkcode inv}; for 2 and −2 the ratio of the extreme singular values, and then of matrices that need not be square. A singular matrix
 * has the number `Infinity` (0 for −2, unless it is all zeros). Throws a `TypeError` for other types than f32 and f64 and matrices that do not
 * fit, and a `RangeError` if an element is not finite, for a norm that is none, and for matrices without elements.
 */
export async function cond(a: Tensor, options: CondOptions = {}): Promise<Tensor> {
  const p = options.ord ?? 2;
  (p === 2 || p === -2 ? requireMatrix : requireSquare)(a, "cond");
  const [m, n] = a.shape.slice(-2), batch = a.shape.slice(0, -2);
  if (m * n === 0) {
    throw new RangeError(`The condition of matrices without elements is undefined, shape ${showShape(a.shape)}`);
  }
  if (p === 2 || p === -2) {
    using s = await svdvals(a);
    using largest = s.max(-1);
    using smallest = s.min(-1);
    const [x, y] = p === 2 ? [largest, smallest] : [smallest, largest];
    // A quotient by zero is no number on some devices.
    return Tensor.map("y == 0 ? inf : x / y", { x, y });
  }
  try {
    return await byInverse(a, p);
  } catch (error) {
    if (!(error instanceof SingularMatrixError || error instanceof OutOfRangeError)) throw error;
  }
  // At least one is singular: one after the other.
  using list = a.reshape([sizeOf(batch), n, n]);
  const found = new (a.dtype === "f32" ? Float32Array : Float64Array)(list.shape[0]);
  for (let i = 0; i < found.length; i++) {
    using matrix = list.at(i);
    found[i] = await one(matrix, p);
  }
  return Tensor.of(a.device, found, batch, a.dtype);
}

async function one(matrix: Tensor, ord: NormOrder): Promise<number> {
  try {
    using found = await byInverse(matrix, ord);
    return await found.item();
  } catch (error) {
    if (error instanceof SingularMatrixError || error instanceof OutOfRangeError) return Infinity;
    throw error;
  }
}

async function byInverse(a: Tensor, ord: NormOrder): Promise<Tensor> {
  using inverse = await inv(a);
  using size = await norm(a, { ord, axis: [-2, -1] });
  using other = await norm(inverse, { ord, axis: [-2, -1] });
  // An inverse out of the range of numbers is that of a matrix that is singular for them.
  return Tensor.map("isfinite(y) ? x * y : inf", { x: size, y: other });
}
