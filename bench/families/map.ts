import { type Family, type FamilyBenchmark, only } from "./family.ts";

const sizes = [[22, true], [24, false]] as const;

const each = (make: (n: number) => Omit<FamilyBenchmark, "size" | "quick">): FamilyBenchmark[] =>
  sizes.map(([log, quick]) => ({ ...make(2 ** log), size: `2^${log}`, quick }));

/** Elementwise work. */
export const map: Family = {
  name: "map",
  benchmarks: [
    ...each((n) => ({
      name: "2x + y",
      bytes: 12 * n,
      contestants: only((peer) => peer.axpy && (() => peer.axpy!(n))),
    })),
    ...each((n) => ({ name: "exp", bytes: 8 * n, contestants: only((peer) => peer.exp && (() => peer.exp!(n))) })),
    ...each((n) => ({
      name: "chain of 9 operations",
      bytes: 8 * n,
      contestants: only((peer) => peer.chain && (() => peer.chain!(n))),
    })),
  ],
};
