import { showShape } from "../../ops/value.ts";
import { Tensor, type WithVjpCall } from "../../tensor/mod.ts";
import { floats, type FloatType } from "../matrix_stack.ts";

/** What a pullback of a function with the outputs `O` is given. */
export type PullbackCall<O extends string> = WithVjpCall<Readonly<Record<O, Tensor>>>;

/** (X + Xᵀ)/2. */
export function symmetricPart(x: Tensor): Tensor {
  return Tensor.map("(x + y) / 2", { x, y: x.T });
}

/** The symmetric matrix whose lower triangle is that of X. */
export function symmetricFromLower(x: Tensor): Tensor {
  return weighTriangles(x, { below: 1, diagonal: 1 }).add(weighTriangles(x, { below: 1 }).T);
}

/** X − Xᵀ. */
export function lessTransposed(x: Tensor): Tensor {
  return x.sub(x.T);
}

/** X·diag(s): columns of X `[..., m, k]` times the numbers of `s` `[..., k]`. */
export function scaleColumns(x: Tensor, s: Tensor): Tensor {
  return x.mul(s.expandDims(-2));
}

/** A constant of the type and on the device of another tensor, with `value(i, j)` at row i and column j. */
export function constantMatrix(like: Tensor, m: number, n: number, value: (i: number, j: number) => number): Tensor {
  const data = floats(like.dtype as FloatType, m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) data[i * n + j] = value(i, j);
  return constant(like, data, [m, n]);
}

/** A constant of the type and on the device of another tensor. */
export function constant(like: Tensor, data: Float32Array | Float64Array, shape: readonly number[]): Tensor {
  return Tensor.of(like.device, data as Parameters<typeof Tensor.of>[1], shape, like.dtype);
}

/** Weights of the elements of a matrix below, on and above its diagonal. */
export interface TriangleWeights {
  /** Of those below the diagonal. Default 0. */
  readonly below?: number;
  /** Of those on it. Default 0. */
  readonly diagonal?: number;
  /** Of those above it. Default 0. */
  readonly above?: number;
}

/** The elements of X `[..., m, n]` times their weights. */
export function weighTriangles(x: Tensor, { below = 0, diagonal = 0, above = 0 }: TriangleWeights): Tensor {
  const [m, n] = x.shape.slice(-2);
  return x.mul(constantMatrix(x, m, n, (i, j) => i > j ? below : i < j ? above : diagonal));
}

/** Zeros of the type and on the device of another tensor, in the memory of one. */
export function zerosLike(x: Tensor, shape: readonly number[] = x.shape): Tensor {
  return constant(x, floats(x.dtype as FloatType, 1), []).broadcastTo(shape);
}

/** The sum over the axes along which an input of shape `shape` was broadcast. */
export function unbroadcast(x: Tensor, shape: readonly number[]): Tensor {
  const lead = x.rank - shape.length;
  if (lead < 0) throw new TypeError(`Cannot sum the shape ${showShape(x.shape)} to ${showShape(shape)}`);
  const axes = x.shape.flatMap((s, k) => k < lead || (shape[k - lead] === 1 && s !== 1) ? [k] : []);
  return axes.length === 0 ? x.slice() : x.sum(axes).reshape(shape);
}

/** The sum of those that are there, undefined if none is. */
export function sumOf(...terms: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [first, ...rest] = terms.filter((t) => t !== undefined);
  return rest.reduce((sum, t) => sum?.add(t), first);
}

/** Tensors joined along an axis, which may count from the end. */
export function concatenate(tensors: readonly Tensor[], axis: number): Tensor {
  const inputs = Object.fromEntries(tensors.map((t, q) => [`x${q}`, t]));
  return Tensor.apply("concatenate", inputs, { axis: axis < 0 ? axis + tensors[0].rank : axis }).out;
}
