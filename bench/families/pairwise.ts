import type { Peer } from "../peers/peer.ts";
import { type Family, type FamilyBenchmark, only } from "./family.ts";

// Arrays of n·n numbers beyond this do not fit into one buffer of every adapter; these peers store them.
const MOST_STORED = 4000, IN_ONE_BUFFER = /^(jax-js|tfjs|onnxruntime)/;

const halfStep = (n: number, quick: boolean): FamilyBenchmark => ({
  name: "Sinkhorn half-step",
  size: `${n}`,
  pairs: n * n,
  quick,
  contestants: (peer: Peer) =>
    n <= MOST_STORED || !IN_ONE_BUFFER.test(peer.name) ? peer.sinkhornHalfStep?.(n) ?? {} : {},
});

const nearest = (n: number, m: number, d: number, quick: boolean): FamilyBenchmark => ({
  name: n === m ? "nearest of n points" : "nearest centre",
  size: n === m ? `${n}, d = ${d}` : `${n} of ${m}, d = ${d}`,
  pairs: n * m,
  quick,
  // |y|² − 2⟨x, y⟩ rounds otherwise than |x − y|²: of two that are almost as near, either may be found.
  tolerance: 0.02,
  contestants: only((peer) =>
    peer.nearest && (n * m <= MOST_STORED ** 2 || !IN_ONE_BUFFER.test(peer.name))
      ? () => peer.nearest!(n, m, d)
      : undefined
  ),
});

/** Reductions over all pairs of points. */
export const pairwise: Family = {
  name: "pairwise",
  benchmarks: [
    halfStep(2000, true),
    halfStep(8000, false),
    nearest(2000, 2000, 2, true),
    nearest(8000, 8000, 2, false),
    nearest(4000, 4000, 64, true),
    nearest(100_000, 64, 16, false),
  ],
};
