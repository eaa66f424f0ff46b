import type { Job, Operations } from "./peer.ts";
import type { Input, Precision, PythonProcess } from "./python_process.ts";

/** Triplets of a sparse matrix `[n, n]`: rows, columns and values. */
function triplets(n: number, count: number): Input[] {
  return [{ m: count, n, seed: 5 }, { m: count, n, seed: 6 }, [count, 1]];
}

/** The operations of {@linkcode Operations} as jobs of a Python process, in a precision; `name` is that of the half-step's contestants. */
export function pythonOperations(process: PythonProcess, name: () => string, dtype: Precision = "f4"): Operations {
  const of = (job: string, params: Record<string, unknown>, inputs: Input[]): Promise<Job> =>
    process.job(job, params, inputs, dtype);
  return {
    axpy: (n) => of("axpy", {}, [[n, 1], [n, 2]]),
    exp: (n) => of("exp", {}, [[n, 1]]),
    chain: (n) => of("chain", {}, [[n, 1]]),
    sum: (n) => of("sum", {}, [[n, 1]]),
    sumColumns: (rows, columns) => of("sumColumns", { rows, columns }, [[rows * columns, 1]]),
    argmax: (n) => of("argmax", {}, [[n, 1]]),
    logsumexp: (rows, columns) => of("logsumexp", { rows, columns }, [[rows * columns, 1]]),
    softmax: (rows, columns) => of("softmax", { rows, columns }, [[rows * columns, 1]]),
    cumsum: (n) => of("cumsum", {}, [[n, 1]]),
    matmul: (m, k, n) => of("matmul", { m, k, n }, [[m * k, 1], [k * n, 2]]),
    matmulTransposed: (n) => of("matmulTransposed", { n }, [[n * n, 1], [n * n, 2]]),
    matmulBatched: (batch, n) => of("matmulBatched", { batch, n }, [[batch * n * n, 1], [batch * n * n, 2]]),
    sinkhornHalfStep: (n) => {
      const inputs: Input[] = [[2 * n, 1], [2 * n, 2], [n, 3]];
      return {
        [`${name()} stored cost`]: () => of("sinkhornHalfStep", { n }, inputs),
        [`${name()} recomputed cost`]: () => of("sinkhornHalfStepRecomputed", { n }, inputs),
      };
    },
    nearest: (n, m, d) => of("nearest", { n, m, d }, [[n * d, 1], [m * d, 2]]),
    gather: (n, d, m) => of("gather", { n, d }, [[n * d, 1], { m, n }]),
    scatterAdd: (n, d, m) => of("scatterAdd", { n, d }, [[n * d, 1], { m, n }, [m * d, 2]]),
    concatenate: (n, d) => of("concatenate", { n, d }, [[n * d, 1], [n * d, 2]]),
    sparseMatmul: (n, count, p) => of("sparseMatmul", { n, p }, [...triplets(n, count), [n * p, 2]]),
    sparseVector: (n, count) => of("sparseVector", { n }, [...triplets(n, count), [n, 2]]),
    csrFromCoo: (n, count) => of("csrFromCoo", { n }, triplets(n, count)),
    csrTranspose: (n, count) => of("csrTranspose", { n }, triplets(n, count)),
    sampledMatmul: (n, count, d) => of("sampledMatmul", { n, d }, [...triplets(n, count), [n * d, 2], [n * d, 3]]),
    fft: (batch, n) => of("fft", { batch, n }, [[batch * n, 1], [batch * n, 2]]),
    rfft: (batch, n) => of("rfft", { batch, n }, [[batch * n, 1]]),
    dct: (batch, n) => of("dct", { batch, n }, [[batch * n, 1]]),
    toeplitz: (n, k) => of("toeplitz", { n, k }, [[n, 1], [n * k, 2]]),
    randomUniform: (n) => of("randomUniform", { n }, []),
    randomNormal: (n) => of("randomNormal", { n }, []),
    svd: (n) => of("svd", { n }, [[n * n, 1]]),
    eigh: (n) => of("eigh", { n }, [[n * n, 1]]),
    qr: (n) => of("qr", { n }, [[n * n, 1]]),
    cholesky: (n) => of("cholesky", { batch: 1, n }, [[n * n, 1]]),
    choleskyBatched: (batch, n) => of("cholesky", { batch, n }, [[batch * n * n, 1]]),
    lu: (n) => of("lu", { n }, [[n * n, 1]]),
    solve: (n) => of("solve", { n }, [[n * n, 1], [n, 2]]),
    lowRankSvd: (n, rank) => of("lowRankSvd", { n, rank }, [[n * rank, 1], [n * rank, 2], [n * n, 3]]),
    laplacianCg: (side) => of("laplacianCg", { side }, [[side * side, 1]]),
  };
}
