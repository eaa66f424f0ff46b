import { philox, toWords } from "./philox.ts";

/** Rounds of the network, two for each pair of halves. */
export const ROUNDS = 24;
/** High word of the counters that give a permutation its keys: no element of another distribution gets that far. */
const PERMUTATION_BLOCKS = 0x80000000;
/** Multipliers of the finalizer of MurmurHash3 (Appleby 2008). */
export const MIX = [0x85ebca6b, 0xc2b2ae35] as const;

/** The bijection behind a random permutation of 0 … n − 1. */
export interface Shuffle {
  /** Bits of the right half. */
  readonly rightBits: number;
  /** Mask of the left half. */
  readonly leftMask: number;
  /** Mask of the right half. */
  readonly rightMask: number;
  /** 1 if the two smallest numbers change places at the end. */
  readonly swap: number;
  /** One key per round. */
  readonly keys: readonly number[];
}

/**
 * A Feistel network over the numbers of the least even or odd number of bits that holds n, with round keys from Philox. With
 * halves of two and more bits such a network gives even permutations only: a coin that exchanges two numbers gives the odd ones.
 */
export function shuffleOf(n: number, seed: number, stream: number): Shuffle {
  const bits = Math.max(2, 32 - Math.clz32(n - 1)), leftBits = bits >> 1, rightBits = bits - leftBits;
  const words = new Uint32Array(4), drawn: number[] = [];
  while (drawn.length <= ROUNDS) {
    philox([drawn.length / 4, PERMUTATION_BLOCKS, ...toWords(stream)], toWords(seed), words);
    drawn.push(...words);
  }
  return {
    rightBits,
    leftMask: (1 << leftBits) - 1,
    rightMask: (1 << rightBits) - 1,
    swap: drawn[ROUNDS] >>> 31,
    keys: drawn.slice(0, ROUNDS),
  };
}

/**
 * Where the permutation sends `i`: the network is applied until the result is below n, on average less than twice, and for ever
 * never, because i itself lies on the cycle that is followed (Mitchell, Stokes, Frank, Holmes, "Bandwidth-optimal random
 * shuffling for GPUs", ACM Transactions on Parallel Computing 2022, section 4; Black and Rogaway 2002).
 */
export function permuted(i: number, n: number, { rightBits, leftMask, rightMask, swap, keys }: Shuffle): number {
  let v = i;
  do {
    let left = v >>> rightBits, right = v & rightMask;
    for (let round = 0; round < ROUNDS; round += 2) {
      left ^= mix(right ^ keys[round]) & leftMask;
      right ^= mix(left ^ keys[round + 1]) & rightMask;
    }
    v = left << rightBits | right;
    if (v < 2) v ^= swap;
  } while (v >= n);
  return v;
}

function mix(x: number): number {
  x = Math.imul(x ^ x >>> 16, MIX[0]);
  x = Math.imul(x ^ x >>> 13, MIX[1]);
  return x ^ x >>> 16;
}

/** Fields of the uniform block that {@linkcode permutedText} reads. */
export function shuffleUniforms(
  n: number,
  { rightBits, leftMask, rightMask, swap, keys }: Shuffle,
): Record<string, number> {
  return {
    n,
    right_bits: rightBits,
    left_mask: leftMask,
    right_mask: rightMask,
    swap,
    ...Object.fromEntries(keys.map((key, round) => [`key${round}`, key])),
  };
}

/** WGSL `permuted(i) -> u32`, step for step the function above. */
export const permutedText: string = `fn mix_bits(word: u32) -> u32 {
  var x = (word ^ (word >> 16u)) * ${MIX[0]}u;
  x = (x ^ (x >> 13u)) * ${MIX[1]}u;
  return x ^ (x >> 16u);
}
fn permuted(i: u32) -> u32 {
  var v = i;
  loop {
    var left = v >> p.right_bits;
    var right = v & p.right_mask;
${
  Array.from({ length: ROUNDS / 2 }, (_, k) =>
    `    left ^= mix_bits(right ^ p.key${2 * k}) & p.left_mask;
    right ^= mix_bits(left ^ p.key${2 * k + 1}) & p.right_mask;`).join("\n")
}
    v = (left << p.right_bits) | right;
    if (v < 2u) { v ^= p.swap; }
    if (v < p.n) { break; }
  }
  return v;
}`;
