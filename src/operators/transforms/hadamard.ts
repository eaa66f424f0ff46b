import type { Device, DType } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { alongAxis } from "./along_axis.ts";
import { table } from "./angles.ts";
import { indices, type Transform } from "./cosine_core.ts";
import { blockProduct } from "./fourier.ts";

/**
 * Order of the rows of a Hadamard matrix: `"natural"` is Sylvester's H₂ₙ = [[Hₙ, Hₙ], [Hₙ, −Hₙ]], `"sequency"` Walsh's,
 * in which row k changes its sign k times, `"dyadic"` Paley's, natural with the bits of the row number reversed.
 */
export type HadamardOrder = "natural" | "sequency" | "dyadic";

/** Options of the Hadamard transform. */
export interface HadamardOptions {
  /** Order of the rows. Default `"natural"`. */
  order?: HadamardOrder;
  /** Divides by √n, which makes the transform orthogonal and its own inverse. Default false. */
  normalized?: boolean;
}

/** Bits of n that one product transforms. */
const BITS = 5;

/**
 * Walsh–Hadamard transform along an axis (default the last) whose length is a power of two, by products with the
 * factors of the matrix H = H₃₂ ⊗ H₃₂ ⊗ …. Throws a `TypeError` for other dtypes than f32 and f64, a `RangeError` for
 * other lengths.
 *
 * @example
 * ```ts
 * import { open, operators } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * console.log(await operators.transforms.hadamard(gpu.tensor([1, 2, 3, 4])).array()); // [10, -2, -4, 0]
 * ```
 */
export function hadamard(x: Tensor, options: HadamardOptions & { axis?: number } = {}): Tensor {
  return alongAxis(x, options.axis ?? -1, "hadamard", (n) => hadamardTransform(x.device, x.dtype, n, options));
}

/** The transform of length n, which is symmetric in each order. */
export function hadamardTransform(
  device: Device,
  dtype: DType,
  n: number,
  { order = "natural", normalized = false }: HadamardOptions,
): Transform {
  const bits = Math.round(Math.log2(n));
  if (!Number.isInteger(n) || n < 1 || 2 ** bits !== n) {
    throw new RangeError(`Expected a power of two as length of a Hadamard transform, got ${n}`);
  }
  if (order !== "natural" && order !== "sequency" && order !== "dyadic") {
    throw new RangeError(`Expected "order" to be "natural", "sequency" or "dyadic", got ${JSON.stringify(order)}`);
  }
  const levels = Math.max(1, Math.ceil(bits / BITS)), sizes: number[] = [];
  for (let k = 0, left = bits; k < levels; k++) {
    const own = Math.ceil(left / (levels - k));
    sizes.push(2 ** own);
    left -= own;
  }
  const scale = normalized ? 1 / Math.sqrt(n) : 1;
  const factors = sizes.map((size, k) =>
    table(device, dtype, `hadamard/${size}/${k === 0 ? scale : 1}`, [size, size], (data) => {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) data[i * size + j] = (ones(i & j) % 2 === 0 ? 1 : -1) * (k === 0 ? scale : 1);
      }
    })
  );
  const rows = order === "natural" ? undefined : indices(device, `${order}/${n}`, n, (k) => naturalRow(k, bits, order));
  return {
    apply(x) {
      const [b, , q] = x.shape;
      let state = x.slice(), done = 1;
      factors.forEach((factor, k) => {
        using before = state;
        const size = sizes[k];
        using blocks = before.reshape([b * done, size, (n / done / size) * q]);
        state = blockProduct(factor, blocks);
        done *= size;
      });
      using last = state;
      using natural = last.reshape([b, n, q]);
      return rows ? natural.take(rows, 1) : natural.slice();
    },
    tensors: [...factors, ...(rows ? [rows] : [])],
  };
}

/** Row of the natural matrix that has place k in the other order; sequency counts in Gray code. */
function naturalRow(k: number, bits: number, order: HadamardOrder): number {
  return reverseBits(order === "sequency" ? k ^ (k >>> 1) : k, bits);
}

function reverseBits(k: number, bits: number): number {
  let reversed = 0;
  for (let q = 0; q < bits; q++) reversed |= ((k >>> q) & 1) << (bits - 1 - q);
  return reversed;
}

function ones(k: number): number {
  let count = 0;
  for (; k !== 0; k &= k - 1) count++;
  return count;
}
