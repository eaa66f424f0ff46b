import { map } from "../../ops/map.ts";
import { sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { OutOfRangeError } from "../in_range.ts";
import { type FloatType, readMatrices } from "../matrix_stack.ts";
import { runOnAdapter } from "../run_on_adapter.ts";

/** The tensor itself if it lies on the adapter, else a copy there: work with it stays on the adapter. */
export function onAdapter(x: Tensor): Tensor {
  return x.value.storage.onHost ? runOnAdapter(map, { x }, { out: { formula: "x", dtype: x.dtype } }).out : x;
}

/** One number of the type of another tensor, on the adapter. */
export function constantLike(like: Tensor, value: number): Tensor {
  const data = like.dtype === "f64" ? Float64Array.of(value) : Float32Array.of(value);
  return onAdapter(Tensor.of(like.device, data, [], like.dtype));
}

/** Zeros of the type of another tensor, as a view of one element. */
export function zerosLike(like: Tensor, shape: readonly number[]): Tensor {
  return constantLike(like, 0).broadcastTo(shape);
}

/** The numbers 0 … n − 1 (i32). */
export function positions(like: Tensor, n: number): Tensor {
  return Tensor.of(like.device, Int32Array.from({ length: n }, (_, k) => k), [n], "i32");
}

/** The identity `[n, m]` of the type of another tensor. */
export function eyeLike(like: Tensor, n: number, m: number = n): Tensor {
  const i = positions(like, n).reshape([n, 1]), j = positions(like, m);
  return Tensor.map("i == j ? one : zero", { i, j, one: constantLike(like, 1), zero: constantLike(like, 0) });
}

/** Tensors one after the other along an axis. */
export function joined(tensors: readonly Tensor[], axis: number): Tensor {
  const some = tensors.filter((t) => t.shape[axis] > 0);
  if (some.length <= 1) return some[0] ?? tensors[0];
  return Tensor.apply("concatenate", Object.fromEntries(some.map((t, k) => [`x${k}`, t])), { axis }).out;
}

/** A stack `[count, m, n]` of matrices of moderate size, and what is known of the originals. */
export interface ScaledStack {
  /** The matrices, each divided by its largest element where that is very large or very small, so that squares are in range. */
  readonly x: Tensor;
  /** What they were multiplied by, `[count, 1, 1]`. */
  readonly scale: Tensor;
  /** Whether all elements are finite, and neither too small nor too large for an adapter. It waits for it. */
  readonly isFinite: () => Promise<boolean>;
  /** Throws the `RangeError` of the host's routines where one is not finite, and an {@linkcode OutOfRangeError} where the host is to go on. */
  readonly requireFinite: () => Promise<void>;
}

/**
 * Sizes of the largest element that are left as they are; the smallest that has a reciprocal; and the size from which that would be no
 * number that every adapter knows, with what is taken in its place.
 */
const RANGE = {
  f32: { large: 1e3, small: 1e-3, least: 1e-37, huge: 1e35, tiny: 1e-36 },
  f64: { large: 1e10, small: 1e-10, least: 1e-300, huge: 1e300, tiny: 1e-300 },
};

/** Flattens leading axes and scales: for kernels that square elements. */
export function scaledStack(a: Tensor, operation: string): ScaledStack {
  const [m, n] = a.shape.slice(-2), count = sizeOf(a.shape.slice(0, -2)), flat = onAdapter(a.reshape([count, m, n]));
  const peaks = Tensor.reduce("max", "abs(x)", { x: flat }, [1, 2], { keepDims: true });
  const { large, small, least, huge, tiny } = RANGE[a.dtype as FloatType];
  const scale = Tensor.map(
    `p > ${huge} ? tiny : p > ${large} || (p < ${small} && p > ${least}) ? one / p : one`,
    { p: peaks, one: constantLike(a, 1), tiny: constantLike(a, tiny) },
  );
  const x = flat.mul(scale);
  // Stored, lest a compiler squares elements before it scales them.
  void x.value;
  // Adapters take subnormal numbers for zero; and norms are to be numbers too.
  const most = (a.dtype === "f32" ? 3.4e38 : Number.MAX_VALUE) / Math.sqrt(m * n);
  const isFinite = async () =>
    (await peaks.data() as Float32Array | Float64Array).every((p) => p === 0 || p >= least && p < most);
  return {
    x,
    scale,
    isFinite,
    requireFinite: async () => {
      if (await isFinite()) return;
      await readMatrices(a, operation);
      throw new OutOfRangeError(`Cannot compute ${operation} on the adapter: elements are too small or too large`);
    },
  };
}

/** A stack `[count, …]` with the leading axes of the matrices that it came from. */
export function unflattened(x: Tensor, from: Tensor): Tensor {
  return x.reshape([...from.shape.slice(0, -2), ...x.shape.slice(1)]);
}

/** Rows `[count, n, m]` that are nearly orthonormal, after a step of Newton–Schulz, which squares how far they are from it. */
export function orthonormalRows(x: Tensor): Tensor {
  return Tensor.map("x + 0.5 * (x - y)", { x, y: x.matmul(x.T).matmul(x) });
}
