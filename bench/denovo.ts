/**
 * Denovo as a contestant: the operations of {@linkcode Peer} by its public API, on an open device.
 *
 * @module
 */
import denovo from "../deno.json" with { type: "json" };
import type { Gpu, Tensor } from "../mod.ts";
import {
  checksumOf,
  hostTime,
  indices,
  type Job,
  job,
  type JobOptions,
  largestCost,
  type Peer,
  uniform,
} from "./peers/peer.ts";

/** Milliseconds from the call until its result is there and the device is idle. */
async function timed(gpu: Gpu, compute: () => Tensor, options?: JobOptions): Promise<number> {
  let result: Tensor | undefined;
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

/** The tensor, computed now: elementwise work is put off until something needs its values. */
function settled(tensor: Tensor): Tensor {
  void tensor.value;
  return tensor;
}

/** A job that computes a tensor from inputs that it owns. */
function jobOf(gpu: Gpu, inputs: readonly Tensor[], compute: () => Tensor, summary = (result: Tensor) => result): Job {
  const checksum = async () => {
    using result = compute();
    using summed = summary(result);
    return checksumOf(await summed.data());
  };
  return job((options) => timed(gpu, compute, options), checksum, () => inputs.forEach((t) => t.dispose()));
}

/** Denovo's version. */
export const VERSION: string = denovo.version;

/** Denovo on `gpu`; `name` tells several devices apart. */
export function denovoPeer(gpu: Gpu, name = "denovo"): Peer {
  const values = (shape: number[], seed: number) =>
    gpu.tensor(uniform(shape.reduce((product, size) => product * size, 1), seed), { shape });
  const scaled = (shape: number[], entry: string) => {
    using x = values(shape, 1);
    return settled(gpu.map(entry, { x }));
  };
  const of = <T extends Tensor[]>(
    inputs: [...T],
    compute: (...inputs: T) => Tensor,
    summary?: (result: Tensor) => Tensor,
  ) => Promise.resolve(jobOf(gpu, inputs, () => compute(...inputs), summary));
  return {
    name,
    available: () => Promise.resolve(true),
    versions: () => Promise.resolve({ denovo: VERSION }),
    axpy: (n) => of([values([n], 1), values([n], 2)], (x, y) => gpu.map("2 * x + y", { x, y })),
    exp: (n) => of([values([n], 1)], (x) => x.exp()),
    chain: (n) => of([values([n], 1)], (x) => x.abs().mul(2).add(1).sqrt().mul(x.square().neg().exp()).add(x.mul(0.5))),
    sum: (n) => of([scaled([n], "abs(x)")], (x) => x.sum()),
    sumColumns: (rows, columns) => of([scaled([rows, columns], "abs(x)")], (x) => x.sum(0)),
    argmax: (n) => of([values([n], 1)], (x) => x.argmax()),
    logsumexp: (rows, columns) => of([scaled([rows, columns], "8 * x")], (x) => x.logsumexp(1)),
    softmax: (rows, columns) => of([scaled([rows, columns], "8 * x")], (x) => x.softmax(1)),
    matmul: (m, k, n) => of([values([m, k], 1), values([k, n], 2)], (a, b) => a.matmul(b)),
    sinkhornHalfStep: {
      [name]: (n) => marginalStep(gpu, n),
      [`${name} logsumexp`]: (n) => logSumStep(gpu, n),
    },
    nearest: (n, d) =>
      of([values([n, d], 1), values([n, d], 2)], (x, y) => gpu.pairwise("argmin", "sqdist(x[i], y[j])", { x, y })),
    gather: (n, d, m) => of([values([n, d], 1), gpu.tensor(indices(m, n))], (x, rows) => x.take(rows)),
    scatterAdd: (n, d, m) =>
      of([values([n, d], 1), gpu.tensor(indices(m, n)), values([m, d], 2)], (x, rows, y) => x.scatterAdd(rows, y)),
    concatenate: (n, d) => of([values([n, d], 1), values([n, d], 2)], (x, y) => gpu.concatenate([x, y], 1)),
    randomUniform: (n) => of([], () => gpu.random.uniform([n], { seed: 1 })),
    randomNormal: (n) => of([], () => gpu.random.normal([n], { seed: 1 }), (z) => z.square()),
  };
}

interface HalfStep extends Record<string, Tensor | number> {
  x: Tensor;
  y: Tensor;
  g: Tensor;
  rate: number;
}

function halfStep(gpu: Gpu, n: number): HalfStep {
  const points = (seed: number) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2] });
  return { x: points(1), y: points(2), g: gpu.tensor(uniform(n, 3)), rate: 100 / largestCost(n) };
}

function logSum(gpu: Gpu, given: HalfStep): Tensor {
  using s = gpu.pairwise("logsumexp", "g[j] - sqdist(x[i], y[j]) * rate", given);
  return gpu.map("-s", { s });
}

/** `f = −log Σ exp((g − C)/ε)`, the first half-steps of the solver. */
function logSumStep(gpu: Gpu, n: number): Promise<Job> {
  const given = halfStep(gpu, n);
  return Promise.resolve(jobOf(gpu, [given.x, given.y, given.g], () => logSum(gpu, given)));
}

/** `f − log Σ exp((f + g − C)/ε)` with an `f` at hand, which needs no maximum: the others. */
function marginalStep(gpu: Gpu, n: number): Promise<Job> {
  const given = halfStep(gpu, n);
  // Some way off the result, as in the iterations.
  using noise = gpu.tensor(uniform(n, 4));
  using exact = logSum(gpu, given);
  const f = settled(gpu.map("exact + noise", { exact, noise }));
  const step = () => {
    using s = gpu.pairwise("sum", "exp(f[i] + g[j] - sqdist(x[i], y[j]) * rate)", { ...given, f });
    return gpu.map("f - log(s)", { f, s });
  };
  return Promise.resolve(jobOf(gpu, [f, given.x, given.y, given.g], step));
}
