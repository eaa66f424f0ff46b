import { typedArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { normalizeAxis } from "../../tensor/axes.ts";
import { fourierState } from "./fourier.ts";
import { fourierPlan } from "./fourier_plan.ts";
import { inverseRealFourier, realFourier, realFourierPlan } from "./real_fourier.ts";

/** Complex numbers as two tensors of one shape and dtype: `gpu.map("re^2 + im^2", z)` is their power. */
export interface Complex {
  /** Real parts. */
  readonly re: Tensor;
  /** Imaginary parts. */
  readonly im: Tensor;
}

/**
 * Where the factor 1/n is: at the inverse (`"backward"`), at the forward transform, or its root at both (`"ortho"`).
 */
export type Norm = "backward" | "ortho" | "forward";

/** Options of the Fourier transforms. */
export interface FftOptions {
  /** The axis that is transformed. Default the last. */
  axis?: number;
  /**
   * Length of the transform: the input is cut or filled up with zeros. Default: that of the axis; of `irfft`, whose
   * input is half of a spectrum, an even one.
   */
  n?: number;
  /** Default `"backward"`. */
  norm?: Norm;
}

/**
 * Discrete Fourier transform X[k] = Σ_j x[j] e^(−2πi jk/n) along an axis, of real or complex numbers in f32 or f64 and
 * of any length n ≥ 1, by batched products with the matrices of short transforms; a prime factor over 256 becomes a
 * convolution. Errors grow like log n · u relative to the norm of the input. Each call brings its constants to the
 * device; the operator `operators.fft` keeps them there. Throws a `TypeError` for other dtypes, a `RangeError` for a
 * length of 0.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const { re, im } = operators.transforms.fft(gpu.tensor([1, 0, 0, 0, 0, 0]));
 * console.log(await re.array(), await im.array()); // six ones, six zeros
 * ```
 */
export function fft(x: Tensor | Complex, options: FftOptions = {}): Complex {
  return complexTransform(x, -1, options);
}

/** The inverse of {@linkcode fft}: x[j] = (1/n) Σ_k X[k] e^(2πi jk/n). */
export function ifft(x: Tensor | Complex, options: FftOptions = {}): Complex {
  return complexTransform(x, 1, options);
}

/**
 * {@linkcode fft} of real numbers, of which the rest follows by symmetry: X[0] … X[⌊n/2⌋]. Half the work and half the
 * memory.
 */
export function rfft(x: Tensor, options: FftOptions = {}): Complex {
  if (!(x instanceof Tensor)) throw new TypeError(`Expected a tensor of real numbers for rfft, got ${typeof x}`);
  const call = prepare(x, "rfft", options), { n } = call;
  const plan = realFourierPlan(x.device, x.dtype, n, -1, scaleOf(n, -1, options.norm));
  try {
    using state = stateOf([x], call);
    using real = state.reshape([call.b, n, call.q]);
    using spectrum = realFourier(plan, real);
    return parts(spectrum, call, Math.floor(n / 2) + 1);
  } finally {
    for (const tensor of plan.tensors) tensor.dispose();
  }
}

/** The inverse of {@linkcode rfft}: n real numbers (default 2·(length − 1)) from half of their spectrum. */
export function irfft(x: Complex, options: FftOptions = {}): Tensor {
  const pair = pairOf(x, "irfft"), axis = normalizeAxis(options.axis ?? -1, pair[0].rank, pair[0].shape);
  const n = options.n ?? 2 * (pair[0].shape[axis] - 1);
  requireLength(n, "irfft");
  const call = prepare(pair[0], "irfft", { ...options, n: Math.floor(n / 2) + 1 });
  const plan = realFourierPlan(pair[0].device, pair[0].dtype, n, 1, scaleOf(n, 1, options.norm));
  try {
    using spectrum = stateOf(pair, call);
    using real = inverseRealFourier(plan, spectrum);
    return real.reshape(call.shape(n));
  } finally {
    for (const tensor of plan.tensors) tensor.dispose();
  }
}

function complexTransform(x: Tensor | Complex, sign: 1 | -1, options: FftOptions): Complex {
  const name = sign === -1 ? "fft" : "ifft", pair = x instanceof Tensor ? [x] : pairOf(x, name);
  const call = prepare(pair[0], name, options), { n } = call, { device, dtype } = pair[0];
  const plan = fourierPlan(device, dtype, n, sign, scaleOf(n, sign, options.norm));
  try {
    using given = stateOf(pair, call);
    using zero = pair.length === 1 ? zeros(given, given.shape) : undefined;
    using state = zero ? Tensor.apply("concatenate", { x0: given, x1: zero }, { axis: 1 }).out : given.slice();
    using spectrum = fourierState(plan, state);
    return parts(spectrum, call, n);
  } finally {
    for (const tensor of plan.tensors) tensor.dispose();
  }
}

/** Axes before, along and behind the one that is transformed. */
interface Call {
  readonly b: number;
  readonly n: number;
  readonly q: number;
  /** Length of the axis as it was given. */
  readonly given: number;
  /** The whole shape with another length of the axis. */
  readonly shape: (length: number) => number[];
}

function prepare(x: Tensor, name: string, { axis = -1, n }: FftOptions): Call {
  if (x.dtype !== "f32" && x.dtype !== "f64") {
    throw new TypeError(`Cannot compute ${name} of ${x.dtype}: expected f32 or f64, see astype`);
  }
  if (x.rank === 0) throw new TypeError(`Expected at least one axis for ${name}, got a scalar`);
  const k = normalizeAxis(axis, x.rank, x.shape), before = x.shape.slice(0, k), behind = x.shape.slice(k + 1);
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const length = n ?? x.shape[k];
  requireLength(length, name);
  return {
    b: product(before),
    n: length,
    q: product(behind),
    given: x.shape[k],
    shape: (size) => [...before, size, ...behind],
  };
}

function requireLength(n: number, name: string): void {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`Expected a whole length from 1 for ${name}, got ${n}`);
}

function pairOf(x: Complex, name: string): [Tensor, Tensor] {
  const { re, im } = x ?? {};
  if (!(re instanceof Tensor) || !(im instanceof Tensor)) {
    throw new TypeError(`Expected { re, im } for ${name}, got ${x === null ? "null" : typeof x}`);
  }
  if (re.shape.join() !== im.shape.join() || re.dtype !== im.dtype || re.device !== im.device) {
    throw new TypeError(
      `Expected re and im of one shape, dtype and device for ${name}, got ${re.dtype} [${
        re.shape.join(", ")
      }] and ${im.dtype} [${im.shape.join(", ")}]`,
    );
  }
  return [re, im];
}

/** The factor of a transform of length n. */
export function scaleOf(n: number, sign: 1 | -1, norm: Norm = "backward"): number {
  if (norm !== "backward" && norm !== "forward" && norm !== "ortho") {
    throw new RangeError(`Expected "norm" to be "backward", "ortho" or "forward", got ${JSON.stringify(norm)}`);
  }
  if (norm === "ortho") return 1 / Math.sqrt(n);
  return (norm === "backward") === (sign === 1) ? 1 / n : 1;
}

/** One or two parts as `[b, parts, n, q]`, cut or filled up to n. */
function stateOf(pair: readonly Tensor[], { b, n, q, given }: Call): Tensor {
  const inputs: Record<string, Tensor> = {};
  const made: Tensor[] = [];
  const keep = (t: Tensor) => {
    made.push(t);
    return t;
  };
  try {
    pair.forEach((part, k) => {
      const whole = keep(part.reshape([b, 1, given, q]));
      inputs[`x${k}`] = given > n ? keep(whole.slice(null, null, [0, n])) : whole;
    });
    const joined = pair.length === 1 ? inputs.x0 : keep(Tensor.apply("concatenate", inputs, { axis: 1 }).out);
    if (given >= n) return joined.slice();
    const padding = keep(zeros(joined, [b, pair.length, n - given, q]));
    return Tensor.apply("concatenate", { x0: joined, x1: padding }, { axis: 2 }).out;
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

function zeros({ device, dtype }: Tensor, shape: readonly number[]): Tensor {
  using zero = Tensor.of(device, typedArray(dtype, 1), [], dtype);
  return zero.broadcastTo(shape);
}

/** Real and imaginary parts of `[b, 2, length, q]` in the shape of the call. */
function parts(state: Tensor, { shape }: Call, length: number): Complex {
  const part = (k: number) => {
    using one = state.slice(null, k);
    return one.reshape(shape(length));
  };
  return { re: part(0), im: part(1) };
}
