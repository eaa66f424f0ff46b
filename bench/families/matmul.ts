import { type Family, type FamilyBenchmark, only } from "./family.ts";

// ml-matrix takes seconds for a product of this many operations.
const SLOW = 3e9;

const product = (size: string, m: number, k: number, n: number, quick = false): FamilyBenchmark => ({
  name: "product",
  size,
  flops: 2 * m * k * n,
  quick,
  contestants: only((peer) =>
    peer.matmul && (peer.name !== "ml-matrix" || 2 * m * k * n < SLOW) ? () => peer.matmul!(m, k, n) : undefined
  ),
});

const square = (n: number, quick = false) => product(`${n}`, n, n, n, quick);

/** Dense products in single precision, beside ml-matrix, which has double precision only, and in half precision. */
export const matmul: Family = {
  name: "matmul",
  benchmarks: [
    square(256),
    square(512, true),
    square(1024, true),
    square(2048),
    square(1000),
    product("1023 x 1025 x 1027", 1023, 1025, 1027),
    {
      ...product("4096 x 4096", 4096, 4096, 1, true),
      name: "product with a vector",
      bytes: 4 * 4096 ** 2,
      flops: undefined,
    },
    { ...product("65536 x 64 x 64", 65536, 64, 64), name: "tall product" },
    { ...product("64 x 65536 x 64", 64, 65536, 64), name: "long inner product" },
    {
      name: "product with a transpose",
      size: "1024",
      flops: 2 * 1024 ** 3,
      contestants: only((peer) => peer.matmulTransposed && (() => peer.matmulTransposed!(1024))),
    },
    {
      name: "batched product",
      size: "1024 of 64",
      flops: 2 * 1024 * 64 ** 3,
      quick: true,
      contestants: only((peer) => peer.matmulBatched && (() => peer.matmulBatched!(1024, 64))),
    },
    {
      name: "product of halves",
      size: "1024",
      flops: 2 * 1024 ** 3,
      tolerance: 5e-3,
      // Few libraries have it: what it gains shows beside the product in single precision.
      contestants: (peer) => ({
        [peer.name]: peer.half?.matmul && (() => peer.half!.matmul!(1024, 1024, 1024)),
        ...(peer.half?.matmul && peer.matmul ? { [`${peer.name} in f32`]: () => peer.matmul!(1024, 1024, 1024) } : {}),
      }),
    },
  ],
};
