import { type Device, type DType, typedArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { table } from "./angles.ts";
import { blockProduct, fourierState, turnedBy, turnedProduct } from "./fourier.ts";
import { type FourierPlan, fourierPlan, scaledTurn, type Twiddle, twiddle } from "./fourier_plan.ts";
import { LONGEST_DIRECT, radices } from "./radices.ts";

/**
 * Constants of the transform between n real numbers and half of their spectrum, ⌊n/2⌋ + 1 complex numbers. The real
 * side is a product with a block of length r, of whose outputs only h = ⌊r/2⌋ + 1 are needed: all else is complex and
 * of half the size.
 */
export interface RealFourierPlan {
  readonly n: number;
  /** Absent if n has no factor that is short enough: then all of it is complex. */
  readonly real?: {
    readonly r: number;
    readonly h: number;
    /** `[2h, r]` forward, `[r, 2h]` inverse. */
    readonly matrix: Tensor;
    readonly twiddle?: Twiddle;
  };
  /** The complex transform of length n/r. */
  readonly rest: FourierPlan;
  /**
   * Where each number of the other arrangement of the spectrum comes from, and the sign of its parts, `[2, length, 1]`.
   */
  readonly order?: { readonly indices: Tensor; readonly signs: Tensor };
  readonly tensors: readonly Tensor[];
}

/** Constants of `scale` times the forward (−1) or inverse (1) transform. */
export function realFourierPlan(device: Device, dtype: DType, n: number, sign: 1 | -1, scale: number): RealFourierPlan {
  const r = radices(n).find((radix) => radix <= LONGEST_DIRECT) ?? (n === 1 ? 1 : 0);
  const h = Math.floor(r / 2) + 1, s = r === 0 ? n : n / r;
  const rest = fourierPlan(device, dtype, s, sign, r === 0 ? scale : 1);
  const real = r === 0 ? undefined : {
    r,
    h,
    matrix: sign === -1 ? analysis(device, dtype, r, scale) : synthesis(device, dtype, r, scale),
    ...(s === 1 ? {} : { twiddle: twiddle(device, dtype, h, s, n, sign) }),
  };
  const order = s === 1
    ? undefined
    : sign === -1
    ? arrangement(device, dtype, `half/${n}/${r}`, Math.floor(n / 2) + 1, (k) => halfFrom(k, n, r, h))
    : arrangement(device, dtype, `whole/${n}/${r}`, s * (r === 0 ? 1 : h), (p) => {
      const k = r === 0 ? p : p % h + r * Math.floor(p / h);
      return 2 * k <= n ? { from: k, conjugate: false } : { from: n - k, conjugate: true };
    });
  const tensors = [
    ...rest.tensors,
    ...(real ? [real.matrix] : []),
    ...(real?.twiddle ? [real.twiddle.cos, real.twiddle.sin] : []),
    ...(order ? [order.indices, order.signs] : []),
  ];
  return { n, real, rest, order, tensors };
}

/** Place of X[k] among the computed X[k₁ + r·k₂], k₁ < h, at k₂·h + k₁; X[n − k] is its conjugate. */
function halfFrom(k: number, n: number, r: number, h: number): { from: number; conjugate: boolean } {
  if (r === 0) return { from: k, conjugate: false };
  const conjugate = k % r >= h, at = conjugate ? n - k : k;
  return { from: Math.floor(at / r) * h + at % r, conjugate };
}

function arrangement(
  device: Device,
  dtype: DType,
  key: string,
  length: number,
  place: (k: number) => { from: number; conjugate: boolean },
): { indices: Tensor; signs: Tensor } {
  return {
    indices: table(device, "i32", `order ${key}`, [length], (data) => {
      for (let k = 0; k < length; k++) data[k] = place(k).from;
    }),
    signs: table(device, dtype, `signs ${key}`, [2, length, 1], (data) => {
      for (let k = 0; k < length; k++) {
        data[k] = 1;
        data[length + k] = place(k).conjugate ? -1 : 1;
      }
    }),
  };
}

/** The first h outputs of the transform of r real numbers, real parts before imaginary ones, `[2h, r]`. */
function analysis(device: Device, dtype: DType, r: number, scale: number): Tensor {
  const h = Math.floor(r / 2) + 1;
  return table(device, dtype, `analysis/${r}/${scale}`, [2 * h, r], (data) => {
    for (let k = 0; k < h; k++) {
      for (let j = 0; j < r; j++) {
        const { cos, sin } = scaledTurn(j * k, r, scale);
        data[k * r + j] = cos;
        data[(k + h) * r + j] = -sin;
      }
    }
  });
}

/** r real numbers from h numbers of their spectrum, each of which stands for its conjugate as well, `[r, 2h]`. */
function synthesis(device: Device, dtype: DType, r: number, scale: number): Tensor {
  const h = Math.floor(r / 2) + 1;
  return table(device, dtype, `synthesis/${r}/${scale}`, [r, 2 * h], (data) => {
    for (let j = 0; j < r; j++) {
      for (let k = 0; k < h; k++) {
        const { cos, sin } = scaledTurn(j * k, r, k === 0 || 2 * k === r ? scale : 2 * scale);
        data[j * 2 * h + k] = cos;
        data[j * 2 * h + h + k] = -sin;
      }
    }
  });
}

/** x `[b, n, q]` to half of its spectrum, `[b, 2, ⌊n/2⌋ + 1, q]`. */
export function realFourier({ n, real, rest, order }: RealFourierPlan, x: Tensor): Tensor {
  const [b, , q] = x.shape;
  let spectrum: Tensor, s = 1;
  if (!real) {
    using zero = Tensor.of(x.device, typedArray(x.dtype, 1), [], x.dtype);
    using imaginary = zero.broadcastTo([b, n, q]);
    using both = Tensor.apply("concatenate", { x0: x, x1: imaginary }, { axis: 1 }).out;
    using state = both.reshape([b, 2, n, q]);
    spectrum = fourierState(rest, state);
    s = n;
  } else {
    const { r, h, matrix, twiddle } = real;
    s = n / r;
    using blocks = x.reshape([b, r, s * q]);
    if (!twiddle) {
      using product = blockProduct(matrix, blocks);
      return product.reshape([b, 2, h, q]);
    }
    using turned = turnedProduct(matrix, blocks, twiddle, [b, h, s, q]);
    using state = turned.reshape([b, 2, s, h * q]);
    spectrum = fourierState(rest, state);
    s *= h;
  }
  using whole = spectrum;
  using flat = whole.reshape([b, 2, s, q]);
  return arranged(flat, order!);
}

function arranged(x: Tensor, { indices, signs }: { indices: Tensor; signs: Tensor }): Tensor {
  using taken = x.take(indices, 2);
  return taken.mul(signs);
}

/**
 * Half of a spectrum `[b, 2, ⌊n/2⌋ + 1, q]` to n real numbers, `[b, n, q]`; the imaginary parts of X[0] and X[n/2] have
 * no say.
 */
export function inverseRealFourier({ n, real, rest, order }: RealFourierPlan, spectrum: Tensor): Tensor {
  const [b, , , q] = spectrum.shape;
  if (!real) {
    using whole = arranged(spectrum, order!);
    using state = fourierState(rest, whole);
    return state.slice(null, 0);
  }
  const { r, h, matrix, twiddle } = real, s = n / r;
  if (!twiddle) {
    using stacked = spectrum.reshape([b, 2 * h, q]);
    return blockProduct(matrix, stacked);
  }
  using whole = arranged(spectrum, order!);
  using state = whole.reshape([b, 2, s, h * q]);
  using inner = fourierState(rest, state);
  using stacked = q === 1 ? unturned(twiddle, inner, [b, h, s]) : turnedBack(twiddle, inner, [b, h, s, q]);
  using product = blockProduct(matrix, stacked);
  return product.reshape([b, n, q]);
}

/** `[b, 2, s, h]` times the factors as `[b, 2·h, s]`: the transpose of what is stored, so that rows of h are moved. */
function unturned({ cos, sin }: Twiddle, z: Tensor, [b, h, s]: readonly [number, number, number]): Tensor {
  using parts = z.reshape([b, 2, s, h]);
  using x = parts.transpose([0, 2, 1, 3]);
  using y = x.flip(2);
  using c = cos.reshape([s, 1, h]);
  using flat = sin.reshape([2, s, h]);
  using i = flat.transpose([1, 0, 2]);
  using product = Tensor.map("x * c + y * s", { x, y, c, s: i });
  using rows = product.reshape([b, s, 2 * h]);
  return rows.T;
}

/** `[b, 2, s, h·q]` times the factors as `[b, 2·h, s·q]`. */
function turnedBack(
  { cos, sin }: Twiddle,
  z: Tensor,
  [b, h, s, q]: readonly [number, number, number, number],
): Tensor {
  using c = cos.transpose([1, 0, 2]);
  using i = sin.transpose([0, 2, 1, 3]);
  using product = turnedBy({ cos: c, sin: i }, z, [b, s, h, q]);
  return product.reshape([b, 2 * h, s * q]);
}
