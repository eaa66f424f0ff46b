import type { Device, TypedArray } from "../../device/mod.ts";
import { Tensor, type TensorLike } from "../../tensor/mod.ts";
import { nextSeed, runScope } from "../../tensor/scope.ts";
import type { FloatType } from "../matrix_stack.ts";

/** Products ⟨x, y⟩ of the columns of `[..., n, k]`: `[..., 1, k]`. */
export function dots(x: Tensor, y: Tensor): Tensor {
  return Tensor.reduce("sum", "x * y", { x, y }, -2, { keepDims: true });
}

/**
 * Norms of the columns of `[..., n, k]`: `[..., 1, k]`; or along another axis. Over the largest element, as squares leave the range of f32
 * below 1e-19 and above 1e19, and a norm of 0 would be taken for a certificate.
 */
export function norms(x: Tensor, axis = -2): Tensor {
  const options = { keepDims: true };
  if (x.size === 0) return Tensor.reduce("sum", "abs(x)", { x }, axis, options);
  using largest = Tensor.reduce("max", "abs(x)", { x }, axis, options);
  using squares = Tensor.reduce("sum", "m > 0 ? (x / m)^2 : 0 * x", { x, m: largest }, axis, options);
  return computed(Tensor.map("m * s ^ 0.5", { m: largest, s: squares }));
}

/** √(x² + y²) of columns' numbers, without squares that leave the range of f32. */
export function hypot(x: Tensor, y: Tensor | number): Tensor {
  using most = computed(Tensor.map("max(abs(x), abs(y))", { x, y }));
  return computed(Tensor.map("m > 0 ? m * ((x / m)^2 + (y / m)^2) ^ 0.5 : 0 * m", { m: most, x, y }));
}

/** Several formulas over the same inputs, in one pass over them. */
export function maps<K extends string>(
  formulas: Readonly<Record<K, string>>,
  inputs: Readonly<Record<string, TensorLike>>,
): Record<K, Tensor> {
  const params = Object.fromEntries(Object.entries(formulas).map(([name, formula]) => [name, { formula }]));
  return Tensor.apply("map", inputs, params) as Record<K, Tensor>;
}

/** The tensor with its elements computed: a chain of delayed work would grow with the iterations. */
export function computed(t: Tensor): Tensor {
  void t.value;
  return t;
}

/** All zeros. */
export function zeros(device: Device, shape: readonly number[], dtype: FloatType): Tensor {
  const data: TypedArray = dtype === "f64" ? new Float64Array(1) : new Float32Array(1);
  using one = Tensor.of(device, data, [], dtype);
  return one.broadcastTo(shape);
}

/** A tensor of f64 numbers from the host, rounded to the type. */
export function fromHost(device: Device, data: ArrayLike<number>, shape: readonly number[], dtype: FloatType): Tensor {
  const made = dtype === "f64" ? Float64Array.from(data) : Float32Array.from(data);
  return Tensor.of(device, made, shape, dtype);
}

/** The elements in f64. */
export async function toHost(t: Tensor): Promise<Float64Array<ArrayBuffer>> {
  return Float64Array.from(await t.data());
}

/** Arrays of tensors joined along an axis. */
export function joined(parts: readonly Tensor[], axis: number): Tensor {
  return Tensor.apply("concatenate", Object.fromEntries(parts.map((t, q) => [`x${q}`, t])), { axis }).out;
}

/** Random numbers, the same on every device. */
export function drawn(
  device: Device,
  distribution: "normal" | "rademacher" | "uniform",
  shape: readonly number[],
  seed: number,
  dtype: FloatType,
): Tensor {
  const { out } = Tensor.apply("random", {}, { distribution, shape, seed }, device);
  if (dtype === "f32") return out;
  using narrow = out;
  return computed(narrow.astype(dtype));
}

/** A seed that was given, checked, or a new one. */
export function seedOf(seed: number | undefined): number {
  if (seed === undefined) return nextSeed();
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new RangeError(`Expected "seed" to be a whole number from 0 to 2^53 − 1, got ${seed}`);
}

/** The state after a step; everything else that the step made and the state before it are freed. */
export async function advance<S extends Readonly<Record<string, Tensor>>>(
  state: S,
  step: (state: S) => S | Promise<S>,
): Promise<S> {
  const next = await runScope(async () => {
    const made = await step(state);
    for (const t of Object.values(made)) computed(t);
    return made;
  });
  const kept = new Set<Tensor>(Object.values(next));
  for (const t of Object.values(state)) if (!kept.has(t)) t.dispose();
  return next;
}

/** Frees tensors. */
export function free(tensors: Readonly<Record<string, Tensor>>): void {
  for (const t of Object.values(tensors)) t.dispose();
}
