import { stopGradient, Tensor } from "../tensor/mod.ts";
import { showShape } from "../ops/value.ts";
import { requireFloat } from "./matrix_stack.ts";
import { svdvals } from "./svd.ts";

/**
 * Which norm, as NumPy counts them. Of vectors: a number p, Σ(|x|^p)^(1/p), with 0 (how many are not zero), `Infinity` and `-Infinity`
 * (the largest and smallest magnitude) as its limits. Of matrices: `fro` (Frobenius), `nuc` (sum of the singular values), 2 and −2 (the
 * largest and smallest of them), 1 and −1 (the largest and smallest sum of magnitudes of a column), `Infinity` and `-Infinity` (of a row).
 */
export type NormOrder = number | "fro" | "nuc";

/** Options of {@linkcode norm}. */
export interface NormOptions {
  /** Which norm. Default: the Euclidean one of vectors and Frobenius's of matrices, which are one and the same. */
  ord?: NormOrder | null;
  /** An axis: norms of vectors; two: of matrices with rows along the first of them and columns along the second. Default: all axes. */
  axis?: number | readonly [number, number] | null;
  /** Keeps reduced axes with size 1. Default false. */
  keepDims?: boolean;
}

/**
 * Norm of vectors or matrices, as NumPy's `linalg.norm`: of a tensor of any shape as one vector if neither `ord` nor `axis` is given; with
 * an `ord` alone, of a vector or a matrix. Squares and powers are taken of scaled elements, so that a norm overflows only if it is itself out of range.
 *
 * All but 2, −2 and `nuc` of matrices are tensor operations on the device and read nothing: a NaN among the elements gives NaN there, an
 * infinity what it is worth. Those three need singular values, which are found on the host (see {@linkcode svdvals}): they throw a `RangeError` if an
 * element is not finite. Throws a `TypeError` for other types than f32 and f64 and axes that do not fit, and a `RangeError` for
 * an `ord` that is none, and for the smallest of nothing.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[3, 0], [0, -4]]);
 * console.log(await (await linalg.norm(a)).item()); // 5
 * console.log(await (await linalg.norm(a, { ord: 2 })).item()); // 4
 * console.log(await (await linalg.norm(a, { ord: 1, axis: 1 })).array()); // [3, 4]
 * ```
 */
export async function norm(a: Tensor, options: NormOptions = {}): Promise<Tensor> {
  if (!(a instanceof Tensor)) throw new TypeError(`Expected a tensor for norm, got ${typeof a}`);
  requireFloat(a, "norm");
  const { keepDims = false } = options, ord = options.ord ?? null, axis = options.axis ?? null;
  if (ord !== null && ord !== "fro" && ord !== "nuc" && (typeof ord !== "number" || Number.isNaN(ord))) {
    throw new RangeError(`Expected "ord" to be a number, "fro" or "nuc", got ${JSON.stringify(ord) ?? typeof ord}`);
  }
  if (axis === null && ord === null) return vectorNorm(a, 2, null, keepDims);
  const axes = axesOf(a, axis);
  if (axes.length === 1) {
    if (typeof ord === "string") throw new RangeError(`Expected "ord" of vectors to be a number, got "${ord}"`);
    return vectorNorm(a, ord ?? 2, axes, keepDims);
  }
  return await matrixNorm(a, ord ?? "fro", axes as [number, number], keepDims);
}

/** One axis or two, counted from the front. */
function axesOf(a: Tensor, axis: number | readonly number[] | null): readonly number[] {
  const given = axis === null ? [...a.shape.keys()] : typeof axis === "number" ? [axis] : axis;
  if (axis === null && given.length !== 1 && given.length !== 2) {
    throw new TypeError(
      `Expected a vector or a matrix for an "ord" without "axis", got the shape ${showShape(a.shape)}`,
    );
  }
  if (given.length !== 1 && given.length !== 2) {
    throw new TypeError(`Expected "axis" to be one axis or two, got ${showShape(given)}`);
  }
  const axes = given.map((k) => k < 0 ? k + a.rank : k);
  if (axes.some((k) => !Number.isInteger(k) || k < 0 || k >= a.rank) || axes[0] === axes[1]) {
    throw new TypeError(`Axes ${showShape(given)} do not fit the shape ${showShape(a.shape)}`);
  }
  return axes;
}

/** A power of two near a magnitude: a scale that rounds nothing. */
const SCALE = {
  f32: "m > 0 && isfinite(m) ? exp2(clamp(floor(log2(m)), -126, 126)) : 1",
  f64: "m > 0 && isfinite(m) ? exp2(clamp(floor(log2(m)), -1022, 1022)) : 1",
} as const;

/** The p-norm over axes, all if `null`. */
function vectorNorm(x: Tensor, p: number, axis: readonly number[] | null, keepDims: boolean): Tensor {
  const magnitudes = (reduction: "sum" | "max" | "min", keep = keepDims, of = x) =>
    Tensor.reduce(reduction, "abs(x)", { x: of }, axis, { keepDims: keep });
  if ((axis ?? [...x.shape.keys()]).some((k) => x.shape[k] === 0)) {
    if (p === -Infinity) throw smallestOfNothing(x);
    using zero = magnitudes("sum");
    return zero.add(p < 0 ? Infinity : 0);
  }
  if (p === 1) return magnitudes("sum");
  if (p === Infinity) return magnitudes("max");
  if (p === -Infinity) return magnitudes("min");
  if (p === 0) {
    using count = Tensor.reduce("sum", "x != 0 ? 1 : 0", { x }, axis, { keepDims });
    return count.astype(x.dtype);
  }
  // The magnitude that counts most; where it is 0 or infinite it is the norm, and nothing is scaled by it.
  // The scale cancels out of the norm, and so is a constant for its derivative.
  using point = stopGradient(x);
  using extreme = magnitudes(p > 0 ? "max" : "min", true, point);
  // From one power to the next the largest square changes by less than 4; other powers may be too high for that.
  const formula = p === 2 ? SCALE[x.dtype as "f32" | "f64"] : "m > 0 && isfinite(m) ? m : 1";
  using scale = Tensor.map(formula, { m: extreme });
  const power = p === 2 ? "(x / c)^2" : "x == 0 ? 0 : (abs(x) / c)^p";
  using powers = Tensor.reduce("sum", power, { x, c: scale, ...(p === 2 ? {} : { p }) }, axis, { keepDims });
  using c = scale.reshape(powers.shape);
  if (p === 2) return Tensor.map("s == 0 ? 0 : c * sqrt(s)", { s: powers, c });
  using m = extreme.reshape(powers.shape);
  return Tensor.map("m == 0 ? 0 : c * s^r", { m, c, s: powers, r: 1 / p });
}

function smallestOfNothing({ shape }: Tensor): RangeError {
  return new RangeError(`Cannot take the smallest of no elements, of the shape ${showShape(shape)}`);
}

async function matrixNorm(
  x: Tensor,
  ord: NormOrder,
  axes: readonly [number, number],
  keepDims: boolean,
): Promise<Tensor> {
  if (ord === "fro") return vectorNorm(x, 2, axes, keepDims);
  const kept = x.shape.map((size, k) => axes.includes(k) ? 1 : size);
  const shape = keepDims ? kept : x.shape.filter((_, k) => !axes.includes(k)), [rows, columns] = axes;
  if (ord === 1 || ord === -1) return sumsOf(x, rows, columns, ord, shape);
  if (ord === Infinity || ord === -Infinity) return sumsOf(x, columns, rows, ord, shape);
  if (ord !== 2 && ord !== -2 && ord !== "nuc") {
    throw new RangeError(
      `Expected "ord" of matrices to be "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity, got ${ord}`,
    );
  }
  const order = [...x.shape.keys()].filter((k) => !axes.includes(k));
  using matrices = x.transpose([...order, rows, columns]);
  using s = await svdvals(matrices);
  const none = s.shape.at(-1) === 0;
  if (none && ord === -2) throw smallestOfNothing(x);
  using found = ord === "nuc" || none ? s.sum(-1) : ord === 2 ? s.max(-1) : s.min(-1);
  return found.reshape(shape);
}

/** The largest, or smallest if `ord` is negative, of the sums of magnitudes along `summed`. */
function sumsOf(x: Tensor, summed: number, other: number, ord: number, shape: readonly number[]): Tensor {
  using sums = Tensor.reduce("sum", "abs(x)", { x }, summed, { keepDims: true });
  if (x.shape[other] === 0 && ord < 0) throw smallestOfNothing(x);
  using found = x.shape[other] === 0 ? sums.sum(other) : ord > 0 ? sums.max(other) : sums.min(other);
  return found.reshape(shape);
}
