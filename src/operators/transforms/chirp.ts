import { type Device, type DType, typedArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { table, turn } from "./angles.ts";
import { fourierState, timesComplex } from "./fourier.ts";
import { type FourierPlan, fourierPlan, type Sign } from "./fourier_plan.ts";

/** Constants of a transform of prime length p as a cyclic convolution of length L ≥ 2p − 1. */
export interface ChirpPlan {
  readonly length: number;
  readonly forward: FourierPlan;
  readonly inverse: FourierPlan;
  /** e^(±πi j²/p): real part `[p, 1]` and signed imaginary part `[2, p, 1]`. */
  readonly chirp: readonly [Tensor, Tensor];
  /** Transform of the conjugate chirp over L: real part `[L, 1]` and signed imaginary part `[2, L, 1]`. */
  readonly spectrum: readonly [Tensor, Tensor];
  readonly tensors: readonly Tensor[];
}

/**
 * Bluestein's algorithm (1970): jk = (j² + k² − (k − j)²)/2 makes the transform a convolution with the chirp e^(πi
 * j²/p), whose length may be a power of two. The chirp's own transform is computed in f64 on the host.
 */
export function chirpPlan(device: Device, dtype: DType, p: number, sign: Sign, scale: number): ChirpPlan {
  let length = 1;
  while (length < 2 * p - 1) length *= 2;
  const forward = fourierPlan(device, dtype, length, -1), inverse = fourierPlan(device, dtype, length, 1);
  // j² mod 2p is exact, and so is the angle.
  const chirpAt = (j: number) => turn((j * j) % (2 * p), 2 * p);
  let cached: { re: Float64Array; im: Float64Array } | undefined;
  const spectrumOf = () => cached ??= chirpSpectrum(p, length, sign, chirpAt);
  // It is multiplied by twice.
  const root = Math.sqrt(scale);
  const chirp = [
    table(device, dtype, `chirp cos/${p}/${scale}`, [p, 1], (data) => {
      for (let j = 0; j < p; j++) data[j] = root * chirpAt(j).cos;
    }),
    table(device, dtype, `chirp sin/${p}/${sign}/${scale}`, [2, p, 1], (data) => {
      for (let j = 0; j < p; j++) {
        const sin = sign * root * chirpAt(j).sin;
        data[j] = -sin;
        data[p + j] = sin;
      }
    }),
  ] as const;
  const spectrum = [
    table(device, dtype, `chirp spectrum re/${p}/${sign}`, [length, 1], (data) => {
      spectrumOf().re.forEach((v, k) => data[k] = v);
    }),
    table(device, dtype, `chirp spectrum im/${p}/${sign}`, [2, length, 1], (data) => {
      spectrumOf().im.forEach((v, k) => {
        data[k] = -v;
        data[length + k] = v;
      });
    }),
  ] as const;
  const tensors = [...forward.tensors, ...inverse.tensors, ...chirp, ...spectrum];
  return { length, forward, inverse, chirp, spectrum, tensors };
}

/** The transform of blocks `[b, 2·p, q]`. */
export function applyChirp({ length, forward, inverse, chirp, spectrum }: ChirpPlan, blocks: Tensor): Tensor {
  const [b, rows, q] = blocks.shape, p = rows / 2;
  using z = blocks.reshape([b, 2, p, q]);
  using modulated = timesComplex(z, ...chirp);
  using zero = Tensor.of(z.device, typedArray(z.dtype, 1), [], z.dtype);
  using padding = zero.broadcastTo([b, 2, length - p, q]);
  using padded = Tensor.apply("concatenate", { x0: modulated, x1: padding }, { axis: 2 }).out;
  using transformed = fourierState(forward, padded);
  using filtered = timesComplex(transformed, ...spectrum);
  using convolved = fourierState(inverse, filtered);
  using head = convolved.slice(null, null, [0, p]);
  using result = timesComplex(head, ...chirp);
  return result.reshape([b, rows, q]);
}

/** Transform of the conjugate chirp, wrapped around L and divided by L, in f64. */
function chirpSpectrum(
  p: number,
  length: number,
  sign: Sign,
  chirpAt: (j: number) => { cos: number; sin: number },
): { re: Float64Array; im: Float64Array } {
  const re = new Float64Array(length), im = new Float64Array(length);
  for (let j = 0; j < p; j++) {
    const { cos, sin } = chirpAt(j);
    for (const at of j === 0 ? [0] : [j, length - j]) {
      re[at] = cos / length;
      im[at] = -sign * sin / length;
    }
  }
  transformInPlace(re, im);
  return { re, im };
}

/** Forward transform of a length that is a power of two, by radix 2. */
function transformInPlace(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  const cos = new Float64Array(n / 2), sin = new Float64Array(n / 2);
  for (let k = 0; k < n / 2; k++) ({ cos: cos[k], sin: sin[k] } = turn(-k, n));
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2, step = n / size;
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * step], s = sin[k * step], p = start + k, q = p + half;
        const x = re[q] * c - im[q] * s, y = re[q] * s + im[q] * c;
        re[q] = re[p] - x;
        im[q] = im[p] - y;
        re[p] += x;
        im[p] += y;
      }
    }
  }
}
