import type { Job, Operations, Peer } from "../peers/peer.ts";
import { type Family, type FamilyBenchmark, only } from "./family.ts";

/** Sizes and triplets: about one entry in a hundred. */
const sizes = [[4096, 168_000, true], [16_384, 2_700_000, false]] as const;

type Make = (peer: Operations, n: number, count: number) => (() => Promise<Job>) | undefined;

const each = (
  name: string,
  make: Make,
  work: (n: number, count: number) => Partial<FamilyBenchmark>,
  quick = true,
): FamilyBenchmark[] =>
  sizes.map(([n, count, small]) => ({
    ...{ name, size: `${n}, ${count} triplets`, quick: quick && small },
    ...work(n, count),
    contestants: only((peer: Peer) => make(peer, n, count)),
  }));

const P = 64, D = 64;

/** Sparse matrices in compressed rows, against SciPy. */
export const sparse: Family = {
  name: "sparse",
  benchmarks: [
    ...each(
      `times a matrix of ${P} columns`,
      (peer, n, count) => peer.sparseMatmul && (() => peer.sparseMatmul!(n, count, P)),
      (_, count) => ({ flops: 2 * count * P }),
    ),
    ...each(
      "times a vector",
      (peer, n, count) => peer.sparseVector && (() => peer.sparseVector!(n, count)),
      (_, count) => ({ flops: 2 * count }),
    ),
    ...each(
      `sampled product of rows of ${D}`,
      (peer, n, count) => peer.sampledMatmul && (() => peer.sampledMatmul!(n, count, D)),
      (_, count) => ({ flops: 2 * count * D }),
      false,
    ),
    ...each(
      "from triplets",
      (peer, n, count) => peer.csrFromCoo && (() => peer.csrFromCoo!(n, count)),
      (_, count) => ({ elements: count }),
      false,
    ),
    ...each(
      "transpose",
      (peer, n, count) => peer.csrTranspose && (() => peer.csrTranspose!(n, count)),
      (_, count) => ({ elements: count }),
      false,
    ),
  ],
};
