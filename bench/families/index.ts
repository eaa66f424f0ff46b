import { type Family, only } from "./family.ts";

const n = 2 ** 18, d = 16, m = 2 ** 18;

/** Rows picked, added and joined. */
export const index: Family = {
  name: "index",
  benchmarks: [
    {
      name: "gather rows",
      size: `2^18 of 2^18 x ${d}`,
      bytes: 8 * m * d,
      quick: true,
      contestants: only((peer) => peer.gather && (() => peer.gather!(n, d, m))),
    },
    {
      name: "scatter-add rows",
      size: `2^18 to 2^16 x ${d}`,
      bytes: 4 * d * (m + n / 2),
      contestants: only((peer) => peer.scatterAdd && (() => peer.scatterAdd!(n / 4, d, m))),
    },
    {
      name: "concatenate rows",
      size: `two 2^18 x ${d}`,
      bytes: 16 * n * d,
      quick: true,
      contestants: only((peer) => peer.concatenate && (() => peer.concatenate!(n, d))),
    },
  ],
};
