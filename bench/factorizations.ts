import { type device, type Gpu, linalg, type Tensor } from "../mod.ts";
import { checksumOf, hostTime, type Job, job, type Operations, uniform } from "./peers/peer.ts";

/** The factorizations of {@linkcode Operations} by Denovo's public API: they wait for their results, which are several tensors. */
export function factorizations(gpu: Gpu, dtype: device.DType): Operations {
  const values = (shape: number[], seed: number) =>
    gpu.tensor(uniform(shape.reduce((product, size) => product * size, 1), seed), { shape, dtype });

  /** A job that computes the parts of a result from inputs that it owns, of which one is compared. */
  function jobOf<Parts extends object>(
    inputs: Tensor[],
    compute: () => Promise<Parts>,
    compared: (parts: Parts) => Tensor,
  ): Promise<Job> {
    const free = (parts: object) => Object.values(parts).forEach((t) => t.dispose());
    const checksum = async () => {
      const parts = await compute();
      using result = compared(parts);
      const sum = checksumOf(await result.data());
      free(parts);
      return sum;
    };
    const run: Parameters<typeof job>[0] = (options) => hostTime(async () => free(await compute()), options);
    return Promise.resolve(job(run, checksum, () => inputs.forEach((t) => t.dispose())));
  }

  /** The matrix, or a stack of `batch`, of a formula over u = uniform(n·n, 1), its transpose, and the identity. */
  function matrix(n: number, formula: string, batch?: number): Tensor {
    using u = values(batch === undefined ? [n, n] : [batch, n, n], 1);
    using t = u.T;
    using single = gpu.eye(n);
    using eye = single.astype(dtype);
    const all = { u, t, eye }, used = Object.entries(all).filter(([name]) => new RegExp(`\\b${name}\\b`).test(formula));
    const made = gpu.map(formula, Object.fromEntries(used));
    void made.value;
    return made;
  }

  return {
    svd: (n) => {
      const a = matrix(n, "u");
      return jobOf([a], () => linalg.svd(a), ({ s }) => s.slice());
    },
    eigh: (n) => {
      const a = matrix(n, "(u + t) / 2");
      return jobOf([a], () => linalg.eigh(a), ({ values }) => values.slice());
    },
    qr: (n) => {
      const a = matrix(n, "u");
      return jobOf([a], () => linalg.qr(a), ({ r }) => r.abs());
    },
    cholesky: (n) => {
      const a = matrix(n, `(u + t) / 2 + ${2 * Math.sqrt(n)} * eye`);
      return jobOf([a], async () => ({ l: await linalg.cholesky(a) }), ({ l }) => l.slice());
    },
    choleskyBatched: (batch, n) => {
      const a = matrix(n, `(u + t) / 2 + ${2 * Math.sqrt(n)} * eye`, batch);
      return jobOf([a], async () => ({ l: await linalg.cholesky(a) }), ({ l }) => l.slice());
    },
    lu: (n) => {
      const a = matrix(n, "u");
      return jobOf([a], () => linalg.lu(a), ({ u }) => u.abs());
    },
    solve: (n) => {
      const a = matrix(n, `u + ${Math.sqrt(n)} * eye`), b = values([n], 2);
      return jobOf([a, b], async () => ({ x: await linalg.solve(a, b) }), ({ x }) => x.slice());
    },
  };
}
