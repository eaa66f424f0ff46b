import { type Family, type FamilyBenchmark, only } from "./family.ts";

const sizes = [[22, true], [24, false]] as const;

// Different generators: sums of n numbers agree up to their spread, which is below 1/√n of them.
const each = (make: (n: number) => Omit<FamilyBenchmark, "size" | "quick" | "elements" | "tolerance">) =>
  sizes.map(([log, quick]): FamilyBenchmark => {
    const n = 2 ** log;
    return { ...make(n), size: `2^${log}`, elements: n, tolerance: 8 / Math.sqrt(n), quick };
  });

/** Random numbers: Denovo's and jax-js' are counter-based, NumPy's default generator is not. */
export const random: Family = {
  name: "random",
  benchmarks: [
    ...each((n) => ({
      name: "uniform",
      contestants: only((peer) => peer.randomUniform && (() => peer.randomUniform!(n))),
    })),
    ...each((n) => ({
      name: "normal",
      contestants: only((peer) => peer.randomNormal && (() => peer.randomNormal!(n))),
    })),
  ],
};
