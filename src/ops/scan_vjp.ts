import { isFloat } from "../device/mod.ts";
import type { Calculus, VjpCall } from "./define.ts";
import type { ScanParams } from "./scan.ts";
import type { ArrayType } from "./value.ts";

/**
 * With h the inclusive result, "next" and "before" in the direction of the scan, and ḡ the cotangent that arrives at h (an exclusive
 * scan shows h one place later, so its cotangent comes from the next place):
 *   sum: x̄_t = Σ_{s ≥ t} ḡ_s, a sum in the other direction;
 *   linear: x̄_t = ḡ_t + a_next x̄_next, the recurrence in the other direction with the factors shifted, and ā_t = x̄_t h_before;
 *   max: each ḡ belongs to the last place before it that set the record. So G_t = ḡ_t + G_next where the next place sets none, and
 *   x̄_t = G_t where x_t = h_t, else 0.
 */
export function scanVjp<T extends ArrayType>(
  k: Calculus<T>,
  { inputs, outputs, cotangents, params }: VjpCall<T, ScanParams>,
): Record<string, T | undefined> {
  const { scan, axis, exclusive = false, reverse = false } = params, x = inputs.x as T;
  if (!cotangents.out || !isFloat(x.dtype)) return {};
  if (scan === "sum") {
    return { x: k.apply("scan", { x: cotangents.out }, { scan, axis, exclusive, reverse: !reverse }).out };
  }
  const before = (value: T) => shifted(k, value, axis, !reverse), next = (value: T) => shifted(k, value, axis, reverse);
  const back = (a: T, g: T) => k.apply("scan", { a, x: g }, { scan: "linear", axis, reverse: !reverse }).out;
  const g = exclusive ? next(cotangents.out) : cotangents.out;
  if (scan === "linear") {
    const gx = back(next(inputs.a as T), g);
    return { x: gx, a: k.map("g * h", { g: gx, h: exclusive ? outputs.out : before(outputs.out) }) };
  }
  const h = exclusive ? k.apply("scan", { x }, { scan, axis, reverse }).out : outputs.out;
  const record = k.map("x == h ? 1 : 0", { x, h });
  const total = back(k.map("1 - r", { r: next(record) }), g);
  return { x: k.map("r * t", { r: record, t: total }) };
}

/** The elements one place later along an axis (or earlier), with a zero where none comes from. */
export function shifted<T extends ArrayType>(k: Calculus<T>, value: T, axis: number, later: boolean): T {
  const { shape, dtype } = value;
  if (shape.some((s) => s === 0)) return value;
  const zero = k.apply("map", {}, { out: { formula: "0", dtype } }).out;
  const edge = k.broadcastTo(zero, shape.map((s, q) => q === axis ? 1 : s));
  const starts = shape.map((_, q) => q === axis && !later ? 1 : 0);
  const stops = shape.map((s, q) => q === axis && later ? s - 1 : s);
  const rest = k.slice(value, starts, stops);
  return k.apply("concatenate", later ? { x0: edge, x1: rest } : { x0: rest, x1: edge }, { axis }).out;
}
