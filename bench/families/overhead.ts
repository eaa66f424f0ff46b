import { type Family, only } from "./family.ts";

const CALLS = 1000;

/** What a call costs where there is nothing to compute. */
export const overhead: Family = {
  name: "overhead",
  benchmarks: [{
    name: "1000 calls of 2x + y",
    size: "8",
    quick: true,
    contestants: only((peer) => peer.smallCalls && (() => peer.smallCalls!(CALLS))),
  }],
};
