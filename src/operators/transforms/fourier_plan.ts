import type { Device, DType } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { table, turn } from "./angles.ts";
import { type ChirpPlan, chirpPlan } from "./chirp.ts";
import { LONGEST_DIRECT, radices } from "./radices.ts";

/** −1 for the forward transform e^(−2πi jk/n), 1 for the inverse. */
export type Sign = 1 | -1;

/** Factors e^(±2πi jk/m) between two levels. */
export interface Twiddle {
  /** Real part, `[s, r, 1]`. */
  readonly cos: Tensor;
  /** Imaginary part, negative in the real row and positive in the imaginary one, `[2, s, r, 1]`. */
  readonly sin: Tensor;
}

/** One level of a transform: blocks of length `radix`, `rest` of them. */
export interface FourierLevel {
  readonly radix: number;
  readonly rest: number;
  /** The transform of the blocks: a real matrix `[2r, 2r]` on stacked parts, or a convolution. */
  readonly block: { readonly matrix: Tensor } | { readonly chirp: ChirpPlan };
  /** Absent on the last level. */
  readonly twiddle?: Twiddle;
}

/** The constants of a transform on a device. */
export interface FourierPlan {
  readonly n: number;
  readonly levels: readonly FourierLevel[];
  /** All tensors. */
  readonly tensors: readonly Tensor[];
}

/** Levels for `scale` times the complex transform of length n ≥ 1. */
export function fourierPlan(device: Device, dtype: DType, n: number, sign: Sign, scale = 1): FourierPlan {
  const levels: FourierLevel[] = [];
  let rest = n;
  for (const radix of radices(n)) {
    const whole = rest, own = whole === n ? scale : 1;
    rest /= radix;
    levels.push({
      radix,
      rest,
      block: radix > LONGEST_DIRECT
        ? { chirp: chirpPlan(device, dtype, radix, sign, own) }
        : { matrix: blockMatrix(device, dtype, radix, sign, own) },
      ...(rest > 1 ? { twiddle: twiddle(device, dtype, radix, rest, whole, sign) } : {}),
    });
  }
  const tensors = levels.flatMap(({ block, twiddle }) => [
    ...("matrix" in block ? [block.matrix] : block.chirp.tensors),
    ...(twiddle ? [twiddle.cos, twiddle.sin] : []),
  ]);
  return { n, levels, tensors };
}

/** [[C, −S], [S, C]] of the transform of length r, `[2r, 2r]`. */
function blockMatrix(device: Device, dtype: DType, r: number, sign: Sign, scale: number): Tensor {
  return table(device, dtype, `fourier/${r}/${sign}/${scale}`, [2 * r, 2 * r], (data) => {
    for (let k = 0; k < r; k++) {
      for (let j = 0; j < r; j++) {
        const { cos, sin } = scaledTurn(j * k, r, scale);
        data[k * 2 * r + j] = data[(k + r) * 2 * r + j + r] = cos;
        data[k * 2 * r + j + r] = -sign * sin;
        data[(k + r) * 2 * r + j] = sign * sin;
      }
    }
  });
}

/** Factors between the outputs of `blocks` and `rest` places, of a transform of length n. */
export function twiddle(
  device: Device,
  dtype: DType,
  blocks: number,
  rest: number,
  n: number,
  sign: Sign,
): Twiddle {
  const name = `${blocks}/${rest}/${n}`, size = blocks * rest;
  return {
    cos: table(device, dtype, `twiddle cos/${name}`, [rest, blocks, 1], (data) => {
      for (let j = 0; j < rest; j++) {
        for (let k = 0; k < blocks; k++) data[j * blocks + k] = turn(j * k, n).cos;
      }
    }),
    sin: table(device, dtype, `twiddle sin/${name}/${sign}`, [2, rest, blocks, 1], (data) => {
      for (let j = 0; j < rest; j++) {
        for (let k = 0; k < blocks; k++) {
          const at = j * blocks + k, sin = sign * turn(j * k, n).sin;
          data[at] = -sin;
          data[size + at] = sin;
        }
      }
    }),
  };
}

/** `scale` times cos and sin of 2π·k/n. */
export function scaledTurn(k: number, n: number, scale: number): { cos: number; sin: number } {
  const { cos, sin } = turn(k, n);
  return { cos: scale * cos, sin: scale * sin };
}
