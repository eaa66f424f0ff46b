import type { FloatArray } from "../device/mod.ts";
import { floats, type MatrixStack, nth, readMatrices } from "./matrix_stack.ts";
import type { Tensor } from "../tensor/mod.ts";

/** A result that its type cannot hold, of a matrix that it can. */
export class OutOfRangeError extends RangeError {}

/** What an adapter found; undefined where numbers are out of its range, and the host is to go on. */
export async function unlessOutOfRange<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof OutOfRangeError) return undefined;
    throw error;
  }
}

/** A stack of matrices in f64. */
export function widened(stack: MatrixStack): MatrixStack {
  return { ...stack, dtype: "f64", data: Float64Array.from(stack.data) };
}

/** Whether all elements are numbers, and finite. */
export function isInRange(data: FloatArray): boolean {
  for (let k = 0; k < data.length; k++) if (!Number.isFinite(data[k])) return false;
  return true;
}

/** Refuses results of a stack with elements that are not finite. Throws an {@linkcode OutOfRangeError}. */
export function requireInRange(
  operation: string,
  { dtype, count }: Pick<MatrixStack, "dtype" | "count">,
  parts: Readonly<Record<string, FloatArray>>,
): void {
  for (const [name, data] of Object.entries(parts)) {
    if (isInRange(data)) continue;
    const which = Array.from({ length: count }, (_, i) => i).find((i) => !isInRange(nth(data, i, data.length / count)));
    throw new OutOfRangeError(
      `Cannot compute ${operation}: "${name}" of ${
        count > 1 ? `matrix ${which}` : "the matrix"
      }, or a number on the way ` +
        `to it, is out of the range of ${dtype}; multiply by a power of two${dtype === "f32" ? ", or use f64" : ""}`,
    );
  }
}

/**
 * What `run` makes of the matrices, which it may overwrite. Where f32 cannot hold what comes up on the way (inverses of subnormal pivots, sums of
 * elements near its limit), it is run in f64, and rounded. Throws an {@linkcode OutOfRangeError} where the result is out of range too.
 */
export async function inRange<P extends Readonly<Record<string, FloatArray>>>(
  operation: string,
  a: Tensor,
  stack: MatrixStack,
  run: (stack: MatrixStack) => P | Promise<P>,
): Promise<P> {
  const found = await run(stack);
  if (stack.dtype === "f64" || Object.values(found).every(isInRange)) {
    requireInRange(operation, stack, found);
    return found;
  }
  // The matrices may have been overwritten.
  const wide = await run(widened(await readMatrices(a, operation)));
  const rounded = Object.fromEntries(
    Object.entries(wide).map(([name, data]) => {
      const narrow = floats("f32", data.length);
      narrow.set(data);
      return [name, narrow];
    }),
  ) as unknown as P;
  requireInRange(operation, stack, rounded);
  return rounded;
}
