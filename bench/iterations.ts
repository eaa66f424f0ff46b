import { type device, type Gpu, linalg, operators, type Tensor } from "../mod.ts";
import { checksumOf, hostTime, type Job, job, type Operations, uniform } from "./peers/peer.ts";

/** The iterative and randomized methods of {@linkcode Operations} by Denovo's public API. */
export function iterations(gpu: Gpu, dtype: device.DType): Operations {
  const values = (shape: number[], seed: number) =>
    gpu.tensor(uniform(shape.reduce((product, size) => product * size, 1), seed), { shape, dtype });

  /** A job that gives one tensor, and frees what it was made from. */
  function jobOf(compute: () => Promise<{ result: Tensor; rest: Tensor[] }>, dispose: () => void): Promise<Job> {
    const free = ({ result, rest }: { result: Tensor; rest: Tensor[] }) =>
      [result, ...rest].forEach((t) => t.dispose());
    const checksum = async () => {
      const found = await compute(), sum = checksumOf(await found.result.data());
      free(found);
      return sum;
    };
    return Promise.resolve(job((options) => hostTime(async () => free(await compute()), options), checksum, dispose));
  }

  return {
    lowRankSvd: (n, rank) => {
      using x = values([n, rank], 1);
      using y = values([rank, n], 2);
      using noise = values([n, n], 3);
      using product = x.matmul(y);
      const a = gpu.map("p + 1e-3 * e", { p: product, e: noise });
      void a.value;
      return jobOf(async () => {
        const { u, s, v } = await linalg.randomizedSvd(a, { rank, powerIterations: 2, seed: 1 });
        return { result: s, rest: [u, v] };
      }, () => a.dispose());
    },
    laplacianCg: (side) => {
      const n = side * side, rows: number[] = [], columns: number[] = [], entries: number[] = [];
      const add = (i: number, j: number, value: number) => {
        rows.push(i);
        columns.push(j);
        entries.push(value);
      };
      for (let i = 0; i < n; i++) {
        add(i, i, 4.01);
        if (i % side > 0) add(i, i - 1, -1);
        if (i % side < side - 1) add(i, i + 1, -1);
        if (i >= side) add(i, i - side, -1);
        if (i < n - side) add(i, i + side, -1);
      }
      const stored = gpu.tensor(Float64Array.from(entries), { dtype });
      const matrix = gpu.sparse({ rows, columns, values: stored, shape: [n, n] }), b = values([n], 1);
      const laplacian = operators.sparse(matrix);
      return jobOf(async () => {
        const { x } = await linalg.cg(laplacian, b, { tolerance: 1e-5 });
        return { result: x, rest: [] };
      }, () => [stored, b, matrix].forEach((t) => t.dispose()));
    },
  };
}
