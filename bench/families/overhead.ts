import { type Family, only } from "./family.ts";

const N = 8;

/** What a call costs where there is nothing to compute: of a thousand, one after the other. */
export const overhead: Family = {
  name: "overhead",
  benchmarks: [{
    name: "one of 1000 calls of 2x + y",
    size: `${N}`,
    repeat: 1000,
    quick: true,
    contestants: only((peer) => peer.axpy && (() => peer.axpy!(N))),
  }],
};
