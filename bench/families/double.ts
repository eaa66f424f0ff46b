import type { Job, Operations } from "../peers/peer.ts";
import { type Family, type FamilyBenchmark, only } from "./family.ts";

// Inputs are multiples of 2⁻²⁴: what differs is rounding in double precision.
const TOLERANCE = 1e-9;

const benchmark = (
  about: Pick<FamilyBenchmark, "name" | "size" | "quick" | "flops" | "bytes" | "elements">,
  make: (operations: Operations) => (() => Promise<Job>) | undefined,
): FamilyBenchmark => ({
  ...about,
  tolerance: TOLERANCE,
  contestants: only((peer) => peer.double && make(peer.double)),
});

const N = 2 ** 22;

/** Double precision, where a device has it. */
export const double: Family = {
  name: "double",
  benchmarks: [
    benchmark(
      { name: "product", size: "512", flops: 2 * 512 ** 3, quick: true },
      (peer) => peer.matmul && (() => peer.matmul!(512, 512, 512)),
    ),
    benchmark(
      { name: "product", size: "1024", flops: 2 * 1024 ** 3 },
      (peer) => peer.matmul && (() => peer.matmul!(1024, 1024, 1024)),
    ),
    benchmark({ name: "2x + y", size: "2^22", bytes: 24 * N }, (peer) => peer.axpy && (() => peer.axpy!(N))),
    benchmark({ name: "exp", size: "2^22", bytes: 16 * N, quick: true }, (peer) => peer.exp && (() => peer.exp!(N))),
    benchmark({ name: "sum", size: "2^22", elements: N }, (peer) => peer.sum && (() => peer.sum!(N))),
    benchmark(
      { name: "logsumexp of rows", size: "2048 x 2048", elements: N },
      (peer) => peer.logsumexp && (() => peer.logsumexp!(2048, 2048)),
    ),
    {
      name: "Sinkhorn half-step",
      size: "2000",
      pairs: 2000 * 2000,
      tolerance: TOLERANCE,
      contestants: (peer) => peer.double?.sinkhornHalfStep?.(2000) ?? {},
    },
  ],
};
