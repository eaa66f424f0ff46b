import type { Device } from "../device/mod.ts";
import { showShape, sizeOf } from "../ops/value.ts";
import { Tensor } from "../tensor/mod.ts";
import { frobenius, type HostMatrix, hostMatrix, multiply } from "./host_product.ts";
import { nth } from "./matrix_stack.ts";

/** The larger of two errors; NaN is the largest. */
export function worse(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}

/** An error in relation to a size; no error is none, whatever the size. */
export function ratio(error: number, size: number): number {
  return error === 0 ? 0 : error / size;
}

/** The tensors of a result as lists of matrices in f64; vectors become rows. */
export async function partsOf(
  result: object,
  batch: readonly number[],
): Promise<Record<string, (q: number) => HostMatrix>> {
  const parts: Record<string, (q: number) => HostMatrix> = {};
  for (const [name, tensor] of Object.entries(result)) {
    // What a randomized factorization says of itself.
    if (typeof tensor === "number" || typeof tensor === "boolean") continue;
    if (!(tensor instanceof Tensor)) {
      throw new TypeError(`Expected tensors in the result, got ${typeof tensor} in "${name}"`);
    }
    const vector = name === "s" || name === "values", { shape } = tensor, own = shape.length - (vector ? 1 : 2);
    if (own !== batch.length || batch.some((size, k) => size !== shape[k])) {
      throw new TypeError(
        `Expected ${name} of a stack ${showShape(batch)} of matrices, got the shape ${showShape(shape)}`,
      );
    }
    const data = Float64Array.from(await tensor.data()), [rows, columns] = vector ? [1, shape[own]] : shape.slice(-2);
    parts[name] = (q) => hostMatrix(rows, columns, nth(data, q, sizeOf([rows, columns])));
  }
  return parts;
}

/** ‖QᵀQ − I‖. */
export function deviation(device: Device, basis: HostMatrix): number {
  const gram = multiply(device, basis, basis, { transposeA: true });
  for (let k = 0; k < gram.columns; k++) gram.data[k * gram.columns + k] -= 1;
  return frobenius(gram.data);
}
