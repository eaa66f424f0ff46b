import type { Case } from "./define.ts";
import type { Distribution, RandomParams } from "./random.ts";

const draw = (name: string, params: RandomParams): Case<RandomParams> => ({
  name,
  inputs: {},
  params,
  gradient: false,
});

const BLOCKWISE: readonly Distribution[] = ["bits", "uniform", "normal", "rademacher"];

/** Input sets for `random`: sizes around the block's and the workgroup's, wide seeds, streams and offsets. */
export const randomCases: readonly Case<RandomParams>[] = [
  ...BLOCKWISE.flatMap((distribution) => [
    ...[0, 1, 3, 4, 5, 255, 256, 257, 1009].map((n) =>
      draw(`${distribution}, n = ${n}`, { distribution, shape: [n], seed: 42 })
    ),
    draw(`${distribution}, a scalar`, { distribution, shape: [], seed: 1 }),
    draw(`${distribution}, rank 3`, { distribution, shape: [3, 5, 7], seed: 0 }),
    draw(`${distribution}, the widest seed and stream`, {
      distribution,
      shape: [50],
      seed: Number.MAX_SAFE_INTEGER,
      stream: Number.MAX_SAFE_INTEGER,
    }),
    draw(`${distribution}, an offset whose counter carries`, {
      distribution,
      shape: [1000],
      seed: 7,
      offset: 4 * (2 ** 32 - 100),
    }),
    draw(`${distribution}, a large array`, { distribution, shape: [100_003], seed: 5, stream: 3 }),
  ]),
  ...[0, 1, 2, 3, 4, 7, 63, 64, 65, 1000, 1024, 1025, 4097, 100_003].map((n) =>
    draw(`permutation, n = ${n}`, { distribution: "permutation", shape: [n], seed: 2 ** 40 + 3, stream: n })
  ),
];
