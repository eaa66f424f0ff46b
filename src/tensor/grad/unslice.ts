import { typedArray } from "../../device/mod.ts";
import { Tensor } from "../tensor.ts";
import { type Range, resolveRange } from "../views.ts";

/** The adjoint of a slice: zeros of `shape` with `g` in the places that `ranges` takes. */
export function unslice(g: Tensor, shape: readonly number[], ranges: readonly Range[]): Tensor {
  const parts = shape.map((size, k): readonly [start: number, count: number, step: number] => {
    const range = ranges[k] ?? null;
    return typeof range === "number" ? [range < 0 ? range + size : range, 1, 1] : resolveRange(range ?? [null], size);
  });
  let out = g.reshape(parts.map(([, count]) => count));
  parts.forEach(([start, count, step], axis) => {
    if (count === shape[axis] && step === 1) return;
    if (step < 0) out = out.flip(axis);
    const first = step < 0 ? start + (count - 1) * step : start, gap = Math.abs(step);
    if (gap > 1 && count > 1) out = spread(out, axis, gap);
    const after = shape[axis] - first - out.shape[axis];
    out = joined(axis, [zeros(out, axis, first), out, zeros(out, axis, after)]);
  });
  return out;
}

/** The elements along an axis with `gap − 1` zeros between them. */
function spread(x: Tensor, axis: number, gap: number): Tensor {
  const apart = x.expandDims(axis + 1), count = x.shape[axis];
  const wide = joined(axis + 1, [apart, zeros(apart, axis + 1, gap - 1)]);
  const long = wide.reshape(x.shape.map((s, k) => k === axis ? s * gap : s));
  return long.slice(...x.shape.map((_, k): Range => k === axis ? [0, (count - 1) * gap + 1] : null));
}

/** Zeros like `x`, but `count` along an axis; they take the memory of one element. */
function zeros(x: Tensor, axis: number, count: number): Tensor {
  const one = Tensor.of(x.device, typedArray(x.dtype, 1), [], x.dtype);
  return one.broadcastTo(x.shape.map((s, k) => k === axis ? count : s));
}

function joined(axis: number, parts: Tensor[]): Tensor {
  const filled = parts.filter((t) => t.shape[axis] > 0);
  if (filled.length < 2) return filled[0] ?? parts[1];
  return Tensor.apply("concatenate", Object.fromEntries(filled.map((t, k) => [`x${k}`, t])), { axis }).out;
}
