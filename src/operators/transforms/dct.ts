import type { Device, DType } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { table } from "./angles.ts";
import { cosineCore, type Transform, type TrigonometricType } from "./cosine_core.ts";
import type { Norm } from "./fft.ts";
import { alongAxis } from "./along_axis.ts";
import { sineCore } from "./sine_core.ts";

export type { TrigonometricType } from "./cosine_core.ts";

/** Options of the cosine and sine transforms. */
export interface DctOptions {
  /** The type of the transform, 1 to 4. Default 2. */
  type?: TrigonometricType;
  /** The axis that is transformed. Default the last. */
  axis?: number;
  /**
   * Where the factor is that makes transform and inverse cancel; `"ortho"` makes both orthogonal. Default `"backward"`.
   */
  norm?: Norm;
}

/**
 * Discrete cosine transform along an axis, with SciPy's definitions and norms: type 2 is y[k] = 2 Σ_j x[j] cos(πk(2j +
 * 1)/2n). Of f32 or f64 and any length from 1 (type 1: from 2). Throws a `TypeError` for other dtypes, a `RangeError`
 * for other types and lengths.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([1, 2, 3, 4]);
 * const y = operators.transforms.dct(x, { norm: "ortho" });
 * console.log(await operators.transforms.idct(y, { norm: "ortho" }).array()); // 1, 2, 3, 4 up to rounding
 * ```
 */
export function dct(x: Tensor, options: DctOptions = {}): Tensor {
  return transformed(x, "dct", options, false);
}

/** The inverse of {@linkcode dct} of the same type and norm. */
export function idct(x: Tensor, options: DctOptions = {}): Tensor {
  return transformed(x, "dct", options, true);
}

/**
 * Discrete sine transform along an axis, with SciPy's definitions and norms: type 2 is y[k] = 2 Σ_j x[j] sin(π(k +
 * 1)(2j + 1)/2n).
 */
export function dst(x: Tensor, options: DctOptions = {}): Tensor {
  return transformed(x, "dst", options, false);
}

/** The inverse of {@linkcode dst} of the same type and norm. */
export function idst(x: Tensor, options: DctOptions = {}): Tensor {
  return transformed(x, "dst", options, true);
}

function transformed(x: Tensor, kind: "dct" | "dst", options: DctOptions, inverse: boolean): Tensor {
  const { type = 2, norm = "backward", axis = -1 } = options;
  return alongAxis(x, axis, inverse ? `i${kind}` : kind, (n) => {
    const made = inverse ? inverseOf(type, norm) : { type, norm };
    return trigonometric(x.device, x.dtype, n, kind, made.type, made.norm);
  });
}

/** The inverse is the transform of the opposite type, with the factor at the other place. */
export function inverseOf(type: TrigonometricType, norm: Norm): { type: TrigonometricType; norm: Norm } {
  return {
    type: type === 2 ? 3 : type === 3 ? 2 : type,
    norm: norm === "backward" ? "forward" : norm === "forward" ? "backward" : norm,
  };
}

/** Weights before and behind the sums, and the factor of all. */
interface Weights {
  readonly factor: number;
  /** Weight of an end of the input, the others having 1. */
  readonly before?: { readonly at: "first" | "last" | "both"; readonly weight: number };
  readonly behind?: { readonly at: "first" | "last" | "both"; readonly weight: number };
}

/**
 * A cosine or sine transform of length n, or its transpose. Throws a `RangeError` for a type or length that there is
 * not.
 */
export function trigonometric(
  device: Device,
  dtype: DType,
  n: number,
  kind: "dct" | "dst",
  type: TrigonometricType,
  norm: Norm,
  transpose = false,
): Transform {
  if (![1, 2, 3, 4].includes(type)) throw new RangeError(`Expected "type" to be 1, 2, 3 or 4 for ${kind}, got ${type}`);
  const least = kind === "dct" && type === 1 ? 2 : 1;
  if (!Number.isInteger(n) || n < least) {
    throw new RangeError(`Expected a whole length from ${least} for ${kind} of type ${type}, got ${n}`);
  }
  const { factor, before, behind } = weightsOf(n, kind, type, norm);
  const own = transpose ? inverseOf(type, norm).type : type;
  const core = kind === "dct" ? cosineCore(device, dtype, n, own) : sineCore(device, dtype, n, own);
  const [input, output] = transpose ? [behind, before] : [before, behind];
  const vectors = [input, output].map((w) => w && endWeights(device, dtype, n, w));
  const last = table(device, dtype, `factor/${factor}`, [], (data) => data[0] = factor);
  return {
    apply(x) {
      using weighted = vectors[0] ? x.mul(vectors[0]) : x.slice();
      using sums = core.apply(weighted);
      return vectors[1]
        ? Tensor.map("x * w * c", { x: sums, w: vectors[1], c: last })
        : Tensor.map("x * c", { x: sums, c: last });
    },
    tensors: [...core.tensors, ...vectors.filter((v) => v !== undefined), last],
  };
}

/** What SciPy multiplies by, over sums without weights. */
function weightsOf(n: number, kind: "dct" | "dst", type: TrigonometricType, norm: Norm): Weights {
  const full = type !== 1 ? 2 * n : kind === "dct" ? 2 * (n - 1) : 2 * (n + 1);
  const at = type === 1 ? "both" : kind === "dct" ? "first" : "last", ends = kind === "dct" || type !== 1;
  if (norm === "ortho") {
    const half = { at, weight: Math.SQRT1_2 } as const;
    return {
      factor: Math.sqrt(4 / full),
      before: type === 3 || (type === 1 && ends) ? half : undefined,
      behind: type === 2 || (type === 1 && ends) ? half : undefined,
    };
  }
  return {
    factor: norm === "forward" ? 2 / full : 2,
    before: type === 3 || (type === 1 && ends) ? { at, weight: 0.5 } : undefined,
  };
}

function endWeights(
  device: Device,
  dtype: DType,
  n: number,
  { at, weight }: NonNullable<Weights["before"]>,
): Tensor {
  return table(device, dtype, `ends/${n}/${at}/${weight}`, [n, 1], (data) => {
    for (let k = 0; k < n; k++) {
      const end = (k === 0 && at !== "last") || (k === n - 1 && at !== "first");
      data[k] = end ? weight : 1;
    }
  });
}
