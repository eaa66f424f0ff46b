import { type Family, type FamilyBenchmark, only } from "./family.ts";

const sizes = [[2048, true], [4096, false]] as const;

const each = (make: (n: number) => Omit<FamilyBenchmark, "size" | "quick" | "elements">): FamilyBenchmark[] =>
  sizes.map(([n, quick]) => ({ ...make(n), size: `${n} x ${n}`, elements: n * n, quick }));

/** Reductions over all elements, rows or columns. */
export const reduce: Family = {
  name: "reduce",
  benchmarks: [
    ...each((n) => ({ name: "sum", contestants: only((peer) => peer.sum && (() => peer.sum!(n * n))) })),
    ...each((n) => ({
      name: "sum of columns",
      contestants: only((peer) => peer.sumColumns && (() => peer.sumColumns!(n, n))),
    })),
    ...each((n) => ({ name: "argmax", contestants: only((peer) => peer.argmax && (() => peer.argmax!(n * n))) })),
    ...each((n) => ({
      name: "logsumexp of rows",
      contestants: only((peer) => peer.logsumexp && (() => peer.logsumexp!(n, n))),
    })),
    ...each((n) => ({
      name: "softmax of rows",
      contestants: only((peer) => peer.softmax && (() => peer.softmax!(n, n))),
    })),
  ],
};
