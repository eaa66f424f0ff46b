import { typedArray } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import type { LinearOperator } from "./linear_operator.ts";

/** Columns of the identity that the diagonal is probed with at once. */
const PROBES = 256;

/** Columns `first` to `last` of the identity of order n, `[n, last − first]`. */
export function identityColumns(
  { device, dtype }: Pick<LinearOperator, "device" | "dtype">,
  n: number,
  first: number,
  last: number,
): Tensor {
  const width = last - first, data = typedArray(dtype, n * width);
  for (let j = 0; j < width; j++) data[(first + j) * width + j] = 1;
  return Tensor.of(device, data, [n, width], dtype);
}

/** The diagonal from products with columns of the identity, a block of them at a time. */
export function probedDiagonal(
  self: Pick<LinearOperator, "shape" | "device" | "dtype">,
  apply: (x: Tensor) => Tensor,
): Tensor {
  const [m, n] = self.shape, length = Math.min(m, n), found: Tensor[] = [];
  for (let first = 0; first < length; first += PROBES) {
    const last = Math.min(length, first + PROBES), width = last - first;
    using probes = identityColumns(self, n, first, last);
    using products = apply(probes);
    using flat = products.reshape([m * width]);
    found.push(flat.take(Array.from({ length: width }, (_, j) => (first + j) * width + j)));
  }
  if (found.length === 0) return Tensor.of(self.device, typedArray(self.dtype, 0), [0], self.dtype);
  if (found.length === 1) return found[0];
  const { out } = Tensor.apply("concatenate", Object.fromEntries(found.map((t, q) => [`x${q}`, t])), { axis: 0 });
  for (const part of found) part.dispose();
  return out;
}
