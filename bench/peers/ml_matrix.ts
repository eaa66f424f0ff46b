/**
 * ml-matrix: dense linear algebra in plain JavaScript, double precision.
 *
 * @module
 */
import { checksumOf, hostTime, type Job, job, type JobOptions, type Operations, type Peer, uniform } from "./peer.ts";

const load = () => import("npm:ml-matrix@6.15.1");
type MlMatrix = Awaited<ReturnType<typeof load>>;
type Matrix = InstanceType<MlMatrix["Matrix"]>;

function matrix(module: MlMatrix, rows: number, columns: number, seed: number): Matrix {
  return module.Matrix.from1DArray(rows, columns, Array.from(uniform(rows * columns, seed)));
}

function jobOf<Result>(compute: () => Result, values: (result: Result) => ArrayLike<number>): Job {
  const run = (options?: JobOptions) => hostTime(() => void compute(), options);
  return job(run, () => Promise.resolve(checksumOf(values(compute()))), () => {});
}

async function matmul(m: number, k: number, n: number): Promise<Job> {
  const module = await load();
  const [a, b] = [matrix(module, m, k, 1), matrix(module, k, n, 2)];
  return jobOf(() => a.mmul(b), (product) => product.to1DArray());
}

async function svd(n: number): Promise<Job> {
  const module = await load(), a = matrix(module, n, n, 1);
  return jobOf(() => new module.SingularValueDecomposition(a), (svd) => svd.diagonal);
}

async function eigh(n: number): Promise<Job> {
  const module = await load(), a = matrix(module, n, n, 1), symmetric = a.clone().add(a.transpose()).mul(0.5);
  // Its order is not promised; the peers are compared on ascending eigenvalues.
  return jobOf(
    () => new module.EigenvalueDecomposition(symmetric, { assumeSymmetric: true }),
    (eigen) => eigen.realEigenvalues.toSorted((x, y) => x - y),
  );
}

async function qr(n: number): Promise<Job> {
  const module = await load(), a = matrix(module, n, n, 1);
  const compute = () => {
    const found = new module.QrDecomposition(a);
    return { q: found.orthogonalMatrix, r: found.upperTriangularMatrix };
  };
  return jobOf(compute, ({ r }) => r.to1DArray().map(Math.abs));
}

async function solve(n: number): Promise<Job> {
  const module = await load(), a = matrix(module, n, n, 1).add(module.Matrix.eye(n, n, Math.sqrt(n)));
  const b = matrix(module, n, 1, 2);
  return jobOf(() => module.solve(a, b), (x) => x.to1DArray());
}

const operations: Operations = { matmul, svd, eigh, qr, solve };

/** The ml-matrix peer: products and factorizations. */
export const mlMatrix: Peer = {
  name: "ml-matrix",
  async available() {
    return await load().then(() => true as const, (error) => `ml-matrix did not load: ${error.message}`);
  },
  versions: () => Promise.resolve({ "ml-matrix": "6.15.1" }),
  // In double precision, the only one it has.
  ...operations,
  double: operations,
};
