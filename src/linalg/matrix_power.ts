import { Tensor } from "../tensor/mod.ts";
import { inv } from "./inverse.ts";
import { requireSquare } from "./matrix_stack.ts";

/**
 * Whole power of each matrix of `[..., n, n]`, by repeated squaring: at most 2·log₂|power| products on the device, which read nothing; a
 * negative one is that of the {@linkcode inv}erse, which is computed on the host. Rounding errors are those of the powers of |A|, as with NumPy's
 * `matrix_power`; what leaves the range of numbers becomes infinite or NaN, as in products. Throws a `TypeError` for other types than f32 and f64 and matrices that are not square, a `RangeError` for a `power` that is
 * not whole, and for a negative one a {@linkcode SingularMatrixError}.
 */
export async function matrixPower(a: Tensor, power: number): Promise<Tensor> {
  requireSquare(a, "matrixPower");
  if (!Number.isSafeInteger(power)) throw new RangeError(`Expected "power" to be a whole number, got ${power}`);
  if (power === 0) {
    using one = identity(a);
    using all = one.broadcastTo(a.shape);
    return Tensor.map("x", { x: all });
  }
  using base = power < 0 ? await inv(a) : a.slice();
  let rest = Math.abs(power), square = base.slice(), product: Tensor | undefined;
  for (;;) {
    if (rest % 2 === 1) product = replace(product, product ? product.matmul(square) : square.slice());
    rest = Math.floor(rest / 2);
    if (rest === 0) break;
    square = replace(square, square.matmul(square));
  }
  square.dispose();
  return product!;
}

function replace(old: Tensor | undefined, next: Tensor): Tensor {
  old?.dispose();
  return next;
}

/** The identity matrix of the size, type and device of a matrix. */
export function identity(a: Tensor): Tensor {
  const n = a.shape.at(-1)!, data = new (a.dtype === "f64" ? Float64Array : Float32Array)(n * n);
  for (let k = 0; k < n; k++) data[k * n + k] = 1;
  return Tensor.of(a.device, data, [n, n], a.dtype);
}
