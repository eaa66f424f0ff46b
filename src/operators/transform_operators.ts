import type { DType } from "../device/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import type { LinearOperator, OnDevice } from "./linear_operator.ts";
import { linearOperator } from "./make_operator.ts";
import type { Transform, TrigonometricType } from "./transforms/cosine_core.ts";
import { inverseOf, trigonometric } from "./transforms/dct.ts";
import { type Norm, scaleOf } from "./transforms/fft.ts";
import { fourierState } from "./transforms/fourier.ts";
import { fourierPlan } from "./transforms/fourier_plan.ts";
import { type HadamardOptions, hadamardTransform } from "./transforms/hadamard.ts";

/** Options of {@linkcode hadamard}. */
export interface HadamardOperatorOptions extends HadamardOptions {
  /** Element type. Default `"f32"`. */
  dtype?: DType;
}

/** Options of {@linkcode dct} and {@linkcode dst}. */
export interface DctOperatorOptions {
  /** The type of the transform, 1 to 4. Default 2. */
  type?: TrigonometricType;
  /** `"ortho"` makes it orthogonal. Default `"backward"`. */
  norm?: Norm;
  /** Element type. Default `"f32"`. */
  dtype?: DType;
}

/** Options of {@linkcode fft}. */
export interface FftOperatorOptions {
  /** The transform with e^(2πi jk/n) instead of e^(−2πi jk/n). Default false. */
  inverse?: boolean;
  /** `"ortho"` makes it orthogonal. Default `"backward"`. */
  norm?: Norm;
  /** Element type. Default `"f32"`. */
  dtype?: DType;
}

/** x `[n, k]` through a transform of `[1, n, k]`. */
function applied({ apply }: Transform): (x: Tensor) => Tensor {
  return (x) => {
    using state = x.reshape([1, ...x.shape]);
    using result = apply(state);
    return result.reshape(x.shape);
  };
}

/**
 * The Hadamard matrix of order n, a power of two; see `transforms.hadamard`. `on` says where: a `gpu`, a tensor or an
 * operator.
 */
export function hadamard(on: OnDevice, n: number, options: HadamardOperatorOptions = {}): LinearOperator {
  const { device } = on, { dtype = "f32", normalized = false } = options;
  const transform = hadamardTransform(device, dtype, n, options), apply = applied(transform);
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    flops: Math.ceil(8 * n * Math.log2(2 * n)),
    apply,
    solve: (b) => {
      using product = apply(b);
      return Promise.resolve(normalized ? product.slice() : product.div(n));
    },
    // In each order: what exchanges rows exchanges columns.
    flags: { orthogonal: normalized, symmetric: true },
    structure: { kind: "hadamard" },
    owns: transform.tensors,
  });
}

/**
 * The discrete cosine transform of length n; see `transforms.dct`. `on` says where: a `gpu`, a tensor or an operator.
 */
export function dct(on: OnDevice, n: number, options: DctOperatorOptions = {}): LinearOperator {
  return ofTransform(on, n, "dct", options);
}

/** The discrete sine transform of length n; see `transforms.dst`. `on` says where: a `gpu`, a tensor or an operator. */
export function dst(on: OnDevice, n: number, options: DctOperatorOptions = {}): LinearOperator {
  return ofTransform(on, n, "dst", options);
}

function ofTransform(on: OnDevice, n: number, kind: "dct" | "dst", options: DctOperatorOptions): LinearOperator {
  const { device } = on, { type = 2, norm = "backward", dtype = "f32" } = options, opposite = inverseOf(type, norm);
  const forward = trigonometric(device, dtype, n, kind, type, norm);
  const backward = trigonometric(device, dtype, n, kind, type, norm, true);
  const inverse = trigonometric(device, dtype, n, kind, opposite.type, opposite.norm), solve = applied(inverse);
  return linearOperator({
    shape: [n, n],
    device,
    dtype,
    flops: Math.ceil(10 * n * Math.log2(2 * n)),
    apply: applied(forward),
    applyTransposed: applied(backward),
    solve: (b) => Promise.resolve(solve(b)),
    flags: {
      orthogonal: norm === "ortho",
      symmetric: type === 4 || (type === 1 && (kind === "dst" || norm === "ortho")),
    },
    structure: { kind },
    owns: [...forward.tensors, ...backward.tensors, ...inverse.tensors],
  });
}

/**
 * The discrete Fourier transform of n complex numbers as a real operator `[2n, 2n]`: of n real parts followed by n
 * imaginary ones. See `transforms.fft` for complex tensors. `on` says where: a `gpu`, a tensor or an operator.
 */
export function fft(on: OnDevice, n: number, options: FftOperatorOptions = {}): LinearOperator {
  const { device } = on, { inverse = false, norm = "backward", dtype = "f32" } = options, sign = inverse ? 1 : -1;
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`Expected a whole length from 1 for fft, got ${n}`);
  const scale = scaleOf(n, sign, norm), forward = fourierPlan(device, dtype, n, sign, scale);
  // The transpose of the real form is that of the conjugate.
  const backward = fourierPlan(device, dtype, n, inverse ? -1 : 1, scale);
  const through = (plan: typeof forward) => (x: Tensor): Tensor => {
    using state = x.reshape([1, 2, n, x.shape[1]]);
    using result = fourierState(plan, state);
    return result.reshape(x.shape);
  };
  const applyTransposed = through(backward);
  return linearOperator({
    shape: [2 * n, 2 * n],
    device,
    dtype,
    flops: Math.ceil(10 * n * Math.log2(2 * n)),
    apply: through(forward),
    applyTransposed,
    solve: (b) => {
      using product = applyTransposed(b);
      return Promise.resolve(product.div(n * scale * scale));
    },
    flags: { orthogonal: norm === "ortho" },
    structure: { kind: "fft" },
    owns: [...forward.tensors, ...backward.tensors],
  });
}
