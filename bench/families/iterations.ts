import { type Family, only } from "./family.ts";

/** Methods that touch a matrix only by products, against scikit-learn's (or NumPy's full) decomposition and SciPy's solver. */
export const iterations: Family = {
  name: "iterations",
  benchmarks: [
    ...[[1024, 20], [2048, 50]].map(([n, rank]) => ({
      name: `randomized singular values, rank ${rank}`,
      size: `${n}`,
      quick: n === 1024,
      // The smallest of them are where the noise is.
      tolerance: 1e-3,
      contestants: only((peer) => peer.lowRankSvd && (() => peer.lowRankSvd!(n, rank))),
    })),
    ...[100, 400].map((side) => ({
      name: "conjugate gradients on a Laplacian",
      size: `${side}²`,
      quick: side === 100,
      // Solutions to a residual of 1e-5, at a condition of 800.
      tolerance: 1e-2,
      contestants: only((peer) => peer.laplacianCg && (() => peer.laplacianCg!(side))),
    })),
  ],
};
