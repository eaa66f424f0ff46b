import type { Peer } from "../peers/peer.ts";
import { type Family, type FamilyBenchmark, only } from "./family.ts";

// Arrays of n·n numbers beyond this do not fit into one buffer of every adapter.
const MOST_STORED = 4000;

const halfStep = (n: number, quick: boolean): FamilyBenchmark => ({
  name: "Sinkhorn half-step",
  size: `${n}`,
  pairs: n * n,
  quick,
  contestants: (peer: Peer) =>
    Object.fromEntries(
      Object.entries(peer.sinkhornHalfStep ?? {})
        .filter(([name]) => n <= MOST_STORED || !/^(jax-js|tfjs)/.test(name))
        .map(([name, make]) => [name, () => make(n)]),
    ),
});

const nearest = (n: number, d: number, quick: boolean): FamilyBenchmark => ({
  name: "nearest of n points",
  size: `${n}, d = ${d}`,
  pairs: n * n,
  quick,
  // |y|² − 2⟨x, y⟩ rounds otherwise than |x − y|²: of two that are almost as near, either may be found.
  tolerance: 0.02,
  contestants: only((peer) =>
    peer.nearest && (n <= MOST_STORED || !/^(jax-js|tfjs)/.test(peer.name)) ? () => peer.nearest!(n, d) : undefined
  ),
});

/** Reductions over all pairs of points. */
export const pairwise: Family = {
  name: "pairwise",
  benchmarks: [
    halfStep(2000, true),
    halfStep(8000, false),
    nearest(2000, 2, true),
    nearest(8000, 2, false),
    nearest(4000, 64, false),
  ],
};
