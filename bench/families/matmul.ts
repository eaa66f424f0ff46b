import { type Family, type FamilyBenchmark, only } from "./family.ts";

const sizes = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [1000, 1000, 1000],
  [1023, 1025, 1027],
];

// ml-matrix takes seconds for a product of this many operations.
const SLOW = 3e9;

/** Dense products in single precision; ml-matrix has double precision only. */
export const matmul: Family = {
  name: "matmul",
  benchmarks: sizes.map(([m, k, n]): FamilyBenchmark => {
    const flops = 2 * m * k * n;
    return {
      name: "product",
      size: m === k && k === n ? `${n}` : `${m} x ${k} x ${n}`,
      flops,
      quick: n === 512 || n === 1024,
      contestants: only((peer) =>
        peer.matmul && (peer.name !== "ml-matrix" || flops < SLOW) ? () => peer.matmul!(m, k, n) : undefined
      ),
    };
  }),
};
