import { byteSize, type DType } from "../device/mod.ts";
import { nearest } from "../formula/mod.ts";
import { requireShape } from "./contract_checks.ts";
import { defineOp, type OpDefinition } from "./define.ts";
import { philox, toWords } from "./philox.ts";
import { randomCases } from "./random_cases.ts";
import { randomKernels } from "./random_kernels.ts";
import { randomNatives } from "./random_wasm.ts";
import { boxMuller } from "./random_normal.ts";
import { permuted, shuffleOf } from "./random_permutation.ts";
import { showShape, sizeOf } from "./value.ts";

/**
 * What is drawn: `bits` 32 random bits (u32); `uniform` multiples of 2^-24 in [0, 1); `normal` standard normal numbers, multiples
 * of 2^-21 up to 6.77 in magnitude; `rademacher` −1 or 1; `permutation` the numbers 0 … n − 1 in random order (i32).
 */
export type Distribution = "bits" | "uniform" | "normal" | "rademacher" | "permutation";

/** Options of `random`. */
export interface RandomParams {
  /** What is drawn. */
  readonly distribution: Distribution;
  /** Shape of the result; `[n]` for a permutation. */
  readonly shape: readonly number[];
  /** Names the random sequence: a whole number from 0 to 2^53 − 1. */
  readonly seed: number;
  /** Independent sequences of one seed: a whole number from 0 to 2^53 − 1. Default 0. */
  readonly stream?: number;
  /** Elements of the sequence to pass over: a multiple of 4, so that parts can be drawn one by one. Default 0. */
  readonly offset?: number;
}

const DTYPES: Readonly<Record<Distribution, DType>> = {
  bits: "u32",
  uniform: "f32",
  normal: "f32",
  rademacher: "f32",
  permutation: "i32",
};

/** How the four words of a block become four numbers. */
const NUMBERS: Readonly<Record<Exclude<Distribution, "permutation">, (w: Uint32Array, out: Float64Array) => void>> = {
  bits: (w, out) => out.set(w),
  uniform: (w, out) => {
    for (let k = 0; k < 4; k++) out[k] = (w[k] >>> 8) * 2 ** -24;
  },
  normal: (w, out) => {
    boxMuller(w[0], w[1], out, 0);
    boxMuller(w[2], w[3], out, 2);
  },
  rademacher: (w, out) => {
    for (let k = 0; k < 4; k++) out[k] = 1 - 2 * (w[k] >>> 31);
  },
};

/**
 * Random numbers that depend on the seed alone: the same bits on every device, in whatever order they are made. Element k comes
 * from word k mod 4 of Philox4x32-10 at counter ⌊k / 4⌋ under the seed as key (a normal number from its word and the neighbour).
 */
export const random: OpDefinition<RandomParams> = defineOp({
  name: "random",

  contract(inputs, params) {
    const { distribution, shape, seed, stream = 0, offset = 0 } = params;
    const extra = Object.keys(inputs);
    if (extra.length > 0) throw new TypeError(`Expected no inputs of "random", got ${extra.join(", ")}`);
    if (!Object.hasOwn(DTYPES, distribution)) {
      const hint = nearest(distribution, Object.keys(DTYPES));
      throw new TypeError(
        `Unknown distribution ${JSON.stringify(distribution)}${hint ? `, did you mean "${hint}"?` : ""}`,
      );
    }
    requireShape(shape);
    for (const [name, value] of Object.entries({ seed, stream, offset })) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(`Expected "${name}" to be a whole number from 0 to 2^53 - 1, got ${value}`);
      }
    }
    if (offset % 4 !== 0) throw new RangeError(`Expected "offset" to be a multiple of 4, got ${offset}`);
    if (distribution === "permutation") {
      if (shape.length !== 1) throw new TypeError(`Expected the shape [n] for a permutation, got ${showShape(shape)}`);
      if (shape[0] > 2 ** 31) throw new RangeError(`Cannot permute ${shape[0]} numbers: expected at most 2^31`);
      if (offset !== 0) throw new RangeError(`Expected no "offset" for a permutation, got ${offset}`);
    }
    return { out: { shape, dtype: DTYPES[distribution] } };
  },

  reference(_, { distribution, seed, stream = 0, offset = 0 }, { out }) {
    const { data } = out, n = data.length;
    if (distribution === "permutation") {
      const shuffle = shuffleOf(n, seed, stream);
      for (let i = 0; i < n; i++) data[i] = permuted(i, n, shuffle);
      return;
    }
    const words = new Uint32Array(4), numbers = new Float64Array(4);
    const key = toWords(seed), [s0, s1] = toWords(stream), toNumbers = NUMBERS[distribution];
    for (let k = 0; k < n; k += 4) {
      const [c0, c1] = toWords((offset + k) / 4);
      philox([c0, c1, s0, s1], key, words);
      toNumbers(words, numbers);
      for (let q = 0; q < 4 && k + q < n; q++) data[k + q] = numbers[q];
    }
  },

  kernels: randomKernels,

  natives: randomNatives,

  // Ten rounds of two wide products, four exclusive ors and two additions for four words.
  cost: (_inputs, _params, { out }) => ({
    bytes: sizeOf(out.shape) * byteSize(out.dtype),
    flops: sizeOf(out.shape) * 20,
  }),

  error: (_inputs, _params, { out }) => ({ out: new Float64Array(out.data.length) }),

  cases: randomCases,
});
