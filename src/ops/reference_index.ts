import type { HostArray } from "./define.ts";
import { denseStrides } from "./value.ts";

/** Reads a host array (or number) as if it were broadcast to `shape`: `f(k)` is the element at flat index `k` of that shape. */
export function broadcastIndex(operand: HostArray | number, shape: readonly number[]): (k: number) => number {
  if (typeof operand === "number") return () => operand;
  const { data } = operand;
  if (data.length === 1) return () => data[0];
  if (operand.shape.length === shape.length && operand.shape.every((s, k) => s === shape[k])) return (k) => data[k];
  const lead = shape.length - operand.shape.length, own = denseStrides(operand.shape);
  const strides = shape.map((_, k) => k < lead || operand.shape[k - lead] === 1 ? 0 : own[k - lead]);
  const steps = denseStrides(shape);
  return (k) => {
    let at = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      at += (Math.floor(k / steps[axis]) % shape[axis]) * strides[axis];
    }
    return data[at];
  };
}
