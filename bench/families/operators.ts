import { type Family, type FamilyBenchmark, only } from "./family.ts";

/** Operations of a complex transform, as they are counted for all: 5 n log₂ n. */
const fftFlops = (batch: number, n: number) => 5 * batch * n * Math.log2(n);

const SIZES = [[1024, 64], [256, 4096], [16, 65536], [1, 2 ** 20]] as const;

const transforms = SIZES.flatMap(([batch, n]): FamilyBenchmark[] => [
  {
    name: "FFT",
    size: `${batch}x${n}`,
    flops: fftFlops(batch, n),
    quick: n === 4096,
    contestants: only(({ fft }) => fft && (() => fft(batch, n))),
  },
  {
    name: "FFT of real numbers",
    size: `${batch}x${n}`,
    flops: fftFlops(batch, n) / 2,
    contestants: only(({ rfft }) => rfft && (() => rfft(batch, n))),
  },
  {
    name: "DCT",
    size: `${batch}x${n}`,
    flops: fftFlops(batch, n) / 2,
    contestants: only(({ dct }) => dct && (() => dct(batch, n))),
  },
]);

const products = [[4096, 1], [4096, 64], [65536, 1]].map(([n, k]): FamilyBenchmark => ({
  name: "Toeplitz product",
  size: `${n}x${k}`,
  quick: n === 4096 && k === 1,
  contestants: only(({ toeplitz }) => toeplitz && (() => toeplitz(n, k))),
}));

/** Fast transforms and the operators that are made of them. */
export const operators: Family = { name: "operators", benchmarks: [...transforms, ...products] };
