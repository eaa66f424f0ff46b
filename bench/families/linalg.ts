import type { Operations } from "../peers/peer.ts";
import { type Family, type FamilyBenchmark, only } from "./family.ts";

/** Largest size at which JavaScript libraries take part: the next one takes them many seconds. */
const SLOW = 512;
const NATIVE = /^(denovo|numpy|torch)/;

/** What an adapter is asked for at larger sizes too. */
const LARGE = ["cholesky", "lu", "solve"] as const;

const NAMES = {
  svd: "singular values and vectors",
  eigh: "symmetric eigenvectors",
  qr: "QR",
  cholesky: "Cholesky",
  lu: "LU",
  solve: "solve",
} as const;

const benchmark = (operation: keyof typeof NAMES, n: number, double: boolean): FamilyBenchmark => ({
  name: `${NAMES[operation]}${double ? ", f64" : ""}`,
  size: `${n}`,
  quick: n === 256 || n === 2048,
  // The smallest singular values and eigenvalues are differences of large numbers.
  tolerance: double ? 1e-9 : 1e-3,
  contestants: only((peer) => {
    const operations: Operations | undefined = double ? peer.double : peer, make = operations?.[operation];
    return make && (n <= SLOW || NATIVE.test(peer.name)) ? () => make(n) : undefined;
  }),
});

const stacks = (double: boolean): FamilyBenchmark => ({
  name: `Cholesky of small matrices${double ? ", f64" : ""}`,
  size: "10000 × 16",
  quick: true,
  tolerance: double ? 1e-9 : 1e-3,
  contestants: only((peer) => {
    const operations: Operations | undefined = double ? peer.double : peer, make = operations?.choleskyBatched;
    return make && (() => make(10_000, 16));
  }),
});

/** Dense factorizations, with all vectors. NumPy computes those of single precision in double. */
export const linalg: Family = {
  name: "linalg",
  benchmarks: [
    ...(Object.keys(NAMES) as (keyof typeof NAMES)[]).flatMap((operation) =>
      [false, true].flatMap((double) => [256, 512, 1024].map((n) => benchmark(operation, n, double)))
    ),
    ...LARGE.flatMap((operation) => [2048, 4096].map((n) => benchmark(operation, n, false))),
    ...[false, true].map(stacks),
  ],
};
