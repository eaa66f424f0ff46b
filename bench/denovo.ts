/**
 * Denovo as a contestant: the operations of {@linkcode Peer} by its public API, on an open device.
 *
 * @module
 */
import denovo from "../deno.json" with { type: "json" };
import { type device, type Gpu, operators, Sparse, Tensor } from "../mod.ts";
import { factorizations } from "./factorizations.ts";
import { iterations } from "./iterations.ts";
import {
  checksumOf,
  hostTime,
  indices,
  type Job,
  job,
  type JobOptions,
  largestCost,
  type Operations,
  type Peer,
  uniform,
} from "./peers/peer.ts";

/** What an operation makes. */
type Result = Tensor | Sparse;

/** Milliseconds from the call until its result is there and the device is idle. */
async function timed(gpu: Gpu, compute: () => Result, options?: JobOptions): Promise<number> {
  let result: Result | undefined;
  const elapsed = await hostTime(
    () => {
      result?.dispose();
      result = settled(compute());
    },
    options,
    () => void gpu.device.time(),
  );
  result?.dispose();
  // Says what went wrong; its fixed sleep is not in the measured section.
  await gpu.sync();
  return elapsed;
}

/** The result, computed now: elementwise work is put off until something needs its values. */
function settled<T extends Result>(result: T): T {
  if (result instanceof Tensor) void result.value;
  return result;
}

/** A job that computes a tensor, or a sparse matrix with entries to be compared, from inputs that it owns. */
function jobOf(gpu: Gpu, inputs: readonly Result[], compute: () => Result, summary = (result: Tensor) => result): Job {
  const checksum = async () => {
    using result = compute();
    if (!(result instanceof Tensor)) return checksumOf((await result.data()).values);
    using summed = summary(result);
    return checksumOf(await summed.data());
  };
  return job((options) => timed(gpu, compute, options), checksum, () => inputs.forEach((t) => t.dispose()));
}

/** Denovo's version. */
export const VERSION: string = denovo.version;

/** Denovo on `gpu`; `name` tells several devices apart. */
export function denovoPeer(gpu: Gpu, name = "denovo"): Peer {
  const { f64, f16 } = gpu.info.probes;
  return {
    name,
    available: () => Promise.resolve(true),
    versions: () => Promise.resolve({ denovo: VERSION }),
    ...operationsOf(gpu, name, "f32"),
    double: f64 ? operationsOf(gpu, name, "f64") : undefined,
    half: f16 ? operationsOf(gpu, name, "f16") : undefined,
  };
}

function operationsOf(gpu: Gpu, name: string, dtype: device.DType): Operations {
  const values = (shape: number[], seed: number) =>
    gpu.tensor(uniform(shape.reduce((product, size) => product * size, 1), seed), { shape, dtype });
  const scaled = (shape: number[], entry: string) => {
    using x = values(shape, 1);
    return settled(gpu.map(entry, { x }));
  };
  const of = async <T extends Result[]>(
    inputs: [...T],
    compute: (...inputs: T) => Result,
    summary?: (result: Tensor) => Tensor,
  ) => await jobOf(gpu, inputs, () => compute(...inputs), summary);
  const triplets = (n: number, count: number) =>
    [gpu.tensor(indices(count, n, 5)), gpu.tensor(indices(count, n, 6)), values([count], 1)] as const;
  const sparse = (n: number, count: number) => {
    const [rows, columns, entries] = triplets(n, count);
    const made = gpu.sparse({ rows, columns, values: entries, shape: [n, n] });
    for (const used of [rows, columns, entries]) used.dispose();
    return made;
  };
  return {
    axpy: (n) => of([values([n], 1), values([n], 2)], (x, y) => gpu.map("2 * x + y", { x, y })),
    exp: (n) => of([values([n], 1)], (x) => x.exp()),
    chain: (n) => of([values([n], 1)], (x) => x.abs().mul(2).add(1).sqrt().mul(x.square().neg().exp()).add(x.mul(0.5))),
    sum: (n) => of([scaled([n], "abs(x)")], (x) => x.sum()),
    sumColumns: (rows, columns) => of([scaled([rows, columns], "abs(x)")], (x) => x.sum(0)),
    argmax: (n) => of([values([n], 1)], (x) => x.argmax()),
    logsumexp: (rows, columns) => of([scaled([rows, columns], "8 * x")], (x) => x.logsumexp(1)),
    softmax: (rows, columns) => of([scaled([rows, columns], "8 * x")], (x) => x.softmax(1)),
    cumsum: (n) => of([values([n], 1)], (x) => Tensor.apply("scan", { x }, { scan: "sum", axis: 0 }).out),
    matmul: (m, k, n) => of([values([m, k], 1), values([k, n], 2)], (a, b) => a.matmul(b)),
    matmulTransposed: (n) =>
      of([values([n, n], 1), values([n, n], 2)], (a, b) => {
        using turned = b.T;
        return a.matmul(turned);
      }),
    matmulBatched: (batch, n) => of([values([batch, n, n], 1), values([batch, n, n], 2)], (a, b) => a.matmul(b)),
    sinkhornHalfStep: (n) => ({
      [name]: () => marginalStep(gpu, n, dtype),
      [`${name} logsumexp`]: () => logSumStep(gpu, n, dtype),
    }),
    nearest: (n, m, d) =>
      of([values([n, d], 1), values([m, d], 2)], (x, y) => gpu.pairwise("argmin", "sqdist(x[i], y[j])", { x, y })),
    gather: (n, d, m) => of([values([n, d], 1), gpu.tensor(indices(m, n))], (x, rows) => x.take(rows)),
    scatterAdd: (n, d, m) =>
      of([values([n, d], 1), gpu.tensor(indices(m, n)), values([m, d], 2)], (x, rows, y) => x.scatterAdd(rows, y)),
    concatenate: (n, d) => of([values([n, d], 1), values([n, d], 2)], (x, y) => gpu.concatenate([x, y], 1)),
    sparseMatmul: (n, count, p) => of([sparse(n, count), values([n, p], 2)], (s, b) => s.matmul(b)),
    sparseVector: (n, count) => of([sparse(n, count), values([n], 2)], (s, v) => s.matmul(v)),
    csrFromCoo: (n, count) =>
      of(
        [...triplets(n, count)],
        (rows, columns, entries) => gpu.sparse({ rows, columns, values: entries, shape: [n, n] }),
      ),
    csrTranspose: (n, count) => of([sparse(n, count)], transposed),
    sampledMatmul: (n, count, d) =>
      of([sparse(n, count), values([n, d], 2), values([n, d], 3)], (s, a, b) => s.sampledMatmul(a, b)),
    fft: (batch, n) =>
      of([values([batch, n], 1), values([batch, n], 2)], (re, im) => realPart(operators.transforms.fft({ re, im }))),
    rfft: (batch, n) => of([values([batch, n], 1)], (x) => realPart(operators.transforms.rfft(x))),
    dct: (batch, n) => of([values([batch, n], 1)], (x) => operators.transforms.dct(x)),
    toeplitz: (n, k) =>
      of([values([n], 1), values([n, k], 2)], (column, x) => {
        using matrix = operators.toeplitz(column);
        return matrix.apply(x);
      }),
    ...factorizations(gpu, dtype),
    ...iterations(gpu, dtype),
    randomUniform: (n) => of([], () => gpu.random.uniform([n], { seed: 1 })),
    randomNormal: (n) => of([], () => gpu.random.normal([n], { seed: 1 }), (z) => z.square()),
  };
}

function realPart({ re, im }: operators.Complex): Tensor {
  im.dispose();
  return re;
}

/** The transpose, sorted anew: a matrix keeps its own once it has been asked for. */
function transposed({ shape, starts, columns, values }: Sparse): Sparse {
  const turned = Tensor.apply("csrTranspose", { starts, columns }, { columns: shape[1] });
  using order = turned.order;
  const moved = Tensor.apply("gather", { x: values, indices: order }, { axis: 0 }).out;
  return new Sparse([shape[1], shape[0]], { starts: turned.starts, columns: turned.columns, values: moved });
}

interface HalfStep extends Record<string, Tensor | number> {
  x: Tensor;
  y: Tensor;
  g: Tensor;
  rate: number;
}

function halfStep(gpu: Gpu, n: number, dtype: device.DType): HalfStep {
  const points = (seed: number) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2], dtype });
  return { x: points(1), y: points(2), g: gpu.tensor(uniform(n, 3), { dtype }), rate: 100 / largestCost(n) };
}

function logSum(gpu: Gpu, given: HalfStep): Tensor {
  using s = gpu.pairwise("logsumexp", "g[j] - sqdist(x[i], y[j]) * rate", given);
  return gpu.map("-s", { s });
}

/** `f = −log Σ exp((g − C)/ε)`, the first half-steps of the solver. */
async function logSumStep(gpu: Gpu, n: number, dtype: device.DType): Promise<Job> {
  const given = halfStep(gpu, n, dtype);
  return await jobOf(gpu, [given.x, given.y, given.g], () => logSum(gpu, given));
}

/** `f − log Σ exp((f + g − C)/ε)` with an `f` at hand, which needs no maximum: the others. */
async function marginalStep(gpu: Gpu, n: number, dtype: device.DType): Promise<Job> {
  const given = halfStep(gpu, n, dtype);
  // Some way off the result, as in the iterations.
  using noise = gpu.tensor(uniform(n, 4), { dtype });
  using exact = logSum(gpu, given);
  const f = settled(gpu.map("exact + noise", { exact, noise }));
  const step = () => {
    using s = gpu.pairwise("sum", "exp(f[i] + g[j] - sqdist(x[i], y[j]) * rate)", { ...given, f });
    return gpu.map("f - log(s)", { f, s });
  };
  return await jobOf(gpu, [f, given.x, given.y, given.g], step);
}
