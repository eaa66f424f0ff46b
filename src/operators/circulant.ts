import { roundoff } from "../device/mod.ts";
import { Tensor } from "../tensor/mod.ts";
import { SingularMatrixError } from "./errors.ts";
import { ownership } from "./hold.ts";
import { filled } from "./identity.ts";
import type { LinearOperator, OperatorOptions, OperatorSlogdet } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import { indices } from "./transforms/cosine_core.ts";
import { inverseRealFourier, realFourier, realFourierPlan } from "./transforms/real_fourier.ts";

/** Cyclic convolutions of a length with a filter, through the spectrum. */
export interface Convolution {
  /** x `[n, k]` convolved with the filter, or correlated with it. */
  readonly apply: (x: Tensor, correlate: boolean) => Tensor;
  /** Half of the filter's spectrum, `[2, ⌊n/2⌋ + 1, 1]`. */
  readonly spectrum: Tensor;
  /** x `[n, k]` through other values in place of the spectrum. */
  readonly through: (x: Tensor, spectrum: Tensor, conjugate: boolean) => Tensor;
  readonly tensors: readonly Tensor[];
}

/** Convolutions with a filter `[n]`: its spectrum is computed once. */
export function convolution(filter: Tensor): Convolution {
  const { device, dtype } = filter, [n] = filter.shape, h = Math.floor(n / 2) + 1;
  const forward = realFourierPlan(device, dtype, n, -1, 1), inverse = realFourierPlan(device, dtype, n, 1, 1 / n);
  using state = filter.reshape([1, n, 1]);
  using transformed = realFourier(forward, state);
  const spectrum = transformed.reshape([2, h, 1]);
  const through = (x: Tensor, values: Tensor, conjugate: boolean): Tensor => {
    const k = x.shape[1];
    using whole = x.reshape([1, n, k]);
    using z = realFourier(forward, whole);
    using re = z.slice(null, [0, 1]);
    using im = z.slice(null, [1, 2]);
    using c = values.slice([0, 1]);
    using s = values.slice([1, 2]);
    const [left, right] = conjugate ? ["re * c + im * s", "im * c - re * s"] : ["re * c - im * s", "im * c + re * s"];
    using x0 = Tensor.map(left, { re, im, c, s });
    using x1 = Tensor.map(right, { re, im, c, s });
    using product = Tensor.apply("concatenate", { x0, x1 }, { axis: 1 }).out;
    using result = inverseRealFourier(inverse, product);
    return result.reshape([n, k]);
  };
  return {
    spectrum,
    through,
    apply: (x, correlate) => through(x, spectrum, correlate),
    tensors: [...forward.tensors, ...inverse.tensors, spectrum],
  };
}

/**
 * The circulant operator with a first column `[n]`: cyclic convolution, A[i, j] = column[(i − j) mod n] (SciPy's
 * `circulant`), through the FFT. It solves by division by the spectrum.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const blur = operators.circulant(gpu.tensor([0.5, 0.25, 0, 0.25]), { flags: { symmetric: true } });
 * console.log(await blur.apply(gpu.tensor([4, 0, 0, 0])).array()); // 2, 1, 0, 1 up to rounding
 * ```
 */
export function circulant(column: Tensor, options: OperatorOptions = {}): LinearOperator {
  requireVector(column, "column", "circulant");
  const { device, dtype } = column, [n] = column.shape;
  const convolve = convolution(column), { spectrum } = convolve;
  const picked = (at: (k: number) => number) => {
    using places = indices(device, `circulant/${n}/${at(0)}/${at(1)}`, n, (k) => ((at(k) % n) + n) % n);
    return column.take(places);
  };
  const { reads, owns } = ownership([column], options.owns);
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    flops: Math.ceil(10 * n * Math.log2(n + 1)),
    apply: (x) => convolve.apply(x, false),
    applyTransposed: (y) => convolve.apply(y, true),
    row: (i) => picked((j) => i - j),
    column: (j) => picked((i) => i - j),
    diagonal: () => {
      using first = column.slice([0, 1]);
      return first.broadcastTo([n]);
    },
    trace: () => {
      using first = column.slice(0);
      return first.mul(n);
    },
    toDense: () => {
      const places = Array.from({ length: n * n }, (_, p) => (Math.floor(p / n) - p % n + n) % n);
      using flat = column.take(places);
      return flat.reshape([n, n]);
    },
    solve: async (b) => {
      await requireSpectrum(spectrum, n, dtype);
      using c = spectrum.slice([0, 1]);
      using s = spectrum.slice([1, 2]);
      using x0 = Tensor.map("c / (c^2 + s^2)", { c, s });
      using x1 = Tensor.map("-s / (c^2 + s^2)", { c, s });
      using inverse = Tensor.apply("concatenate", { x0, x1 }, { axis: 0 }).out;
      return convolve.through(b, inverse, false);
    },
    slogdet: () => circulantSlogdet(spectrum, n),
    transpose: () => {
      using head = column.slice([0, 1]);
      using tail = column.slice([1, null]);
      using x1 = tail.flip();
      const turned = Tensor.apply("concatenate", { x0: head, x1 }, { axis: 0 }).out;
      return circulant(turned, { owns: true });
    },
    scale: (factor) => circulant(column.mul(factor), { owns: true }),
    flags: options.flags,
    structure: { kind: "circulant", column },
    reads,
    owns: [...owns, ...convolve.tensors],
  });
}

/** Refuses a spectrum with a number that is zero up to its rounding error. */
async function requireSpectrum(spectrum: Tensor, n: number, dtype: Tensor["dtype"]): Promise<void> {
  const data = await spectrum.data(), h = data.length / 2;
  const sizes = Array.from({ length: h }, (_, k) => Math.hypot(data[k], data[h + k]));
  const largest = Math.max(...sizes), limit = 8 * Math.log2(2 * n) * roundoff(dtype) * largest;
  const at = sizes.findIndex((size) => !(size > limit));
  if (at >= 0) {
    throw new SingularMatrixError(
      `The circulant operator [${n}, ${n}] is singular: its eigenvalue ${at} is ${sizes[at].toExponential(1)} beside ${
        largest.toExponential(1)
      }`,
    );
  }
}

/**
 * The determinant is the product of the spectrum: conjugate pairs are positive, so the sign is that of the one or two
 * real values.
 */
function circulantSlogdet(spectrum: Tensor, n: number): OperatorSlogdet {
  const h = spectrum.shape[1];
  using c = spectrum.slice(0);
  using s = spectrum.slice(1);
  using logs = Tensor.map("log(c^2 + s^2)", { c, s });
  using all = logs.sum();
  using a = c.slice(0, 0);
  using b = n % 2 === 0 ? c.slice(h - 1, 0) : filled(spectrum, [], 1, spectrum.dtype);
  // Half the logarithm of the square counts twice for a pair, once for a real value.
  return {
    sign: Tensor.map("sign(a) * sign(b)", { a, b }),
    logAbsDet: Tensor.map("all - log(abs(a)) - log(abs(b))", { all, a, b }),
  };
}

/** Refuses what is no vector of f32 or f64 with an element. */
export function requireVector(v: Tensor, name: string, operator: string): void {
  if (!(v instanceof Tensor) || v.rank !== 1) {
    throw new TypeError(
      `Expected the ${name} of a ${operator} operator as a vector, got ${
        v instanceof Tensor ? `[${v.shape.join(", ")}]` : typeof v
      }`,
    );
  }
  if (v.dtype !== "f32" && v.dtype !== "f64") {
    throw new TypeError(`Expected the ${name} of a ${operator} operator in f32 or f64, got ${v.dtype}`);
  }
  if (v.size === 0) throw new RangeError(`Expected a ${name} of a ${operator} operator with at least one element`);
}
