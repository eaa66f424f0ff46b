import { type Family, only } from "./family.ts";

/** Prefix sums. */
export const scan: Family = {
  name: "scan",
  benchmarks: ([[22, true], [24, false]] as const).map(([log, quick]) => ({
    name: "prefix sums",
    size: `2^${log}`,
    bytes: 8 * 2 ** log,
    quick,
    // A long sum in single precision depends on the order of its terms.
    tolerance: 1e-3,
    contestants: only((peer) => peer.cumsum && (() => peer.cumsum!(2 ** log))),
  })),
};
