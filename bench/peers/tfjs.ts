/**
 * TensorFlow.js on its WebGPU backend, on the adapter that Deno gives it.
 *
 * What makes it run in Deno: core and backend imported directly (the all-in-one package adds converters and a layers API, not
 * speed), the backend for its side effect, and no synchronous read.
 *
 * @module
 */
import {
  checksumOf,
  deviceTime,
  indices,
  type Job,
  job,
  type JobOptions,
  type Peer,
  scaledCost,
  uniform,
} from "./peer.ts";

async function load() {
  const tf = await import("npm:@tensorflow/tfjs-core@4.22.0");
  const { WebGPUBackend } = await import("npm:@tensorflow/tfjs-backend-webgpu@4.22.0");
  return { tf, WebGPUBackend };
}
type Modules = Awaited<ReturnType<typeof load>>;
type Tensor = InstanceType<Modules["tf"]["Tensor"]>;
type Backend = InstanceType<Modules["WebGPUBackend"]>;
type Rows = Parameters<Modules["tf"]["gather"]>[1] & Parameters<Modules["tf"]["unsortedSegmentSum"]>[1];
type Started = { tf: Modules["tf"]; backend: Backend };

let started: Promise<Started | string> | undefined;
function start(): Promise<Started | string> {
  return started ??= load().then(async ({ tf }) => {
    if (!await tf.setBackend("webgpu")) return "TensorFlow.js could not initialise its WebGPU backend";
    await tf.ready();
    return { tf, backend: tf.backend() as Backend };
  }).catch((error) => `TensorFlow.js did not start: ${error.message}`);
}

async function running(): Promise<Started> {
  const result = await start();
  if (typeof result === "string") throw new Error(result);
  return result;
}

type Tf = Modules["tf"];

async function jobWith(
  make: (tf: Tf) => Tensor[],
  fn: (tf: Tf) => (...inputs: Tensor[]) => Tensor,
): Promise<Job> {
  const { tf, backend } = await running();
  const inputs = make(tf);
  const compute = () => tf.tidy(() => fn(tf)(...inputs));
  const run = async (options?: JobOptions) => {
    let result: Tensor | undefined;
    const launch = () => {
      result?.dispose();
      result = compute();
    };
    const elapsed = await deviceTime(backend.queue, launch, options, () => {
      // It batches commands, and submits them with the pass still open unless the pass is ended first.
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
    });
    result?.dispose();
    return elapsed;
  };
  const checksum = async () => {
    const result = compute();
    const values = await result.data();
    result.dispose();
    return checksumOf(values);
  };
  return job(run, checksum, () => inputs.forEach((input) => input.dispose()));
}

function values(shape: number[], seed = 1, entry?: (value: number) => number): (tf: Tf) => Tensor {
  const drawn = uniform(shape.reduce((product, size) => product * size, 1), seed);
  return (tf) => tf.tensor(entry ? drawn.map(entry) : drawn, shape);
}

function of(
  inputs: ((tf: Tf) => Tensor)[],
  fn: (tf: Tf) => (...inputs: Tensor[]) => Tensor,
): Promise<Job> {
  return jobWith((tf) => inputs.map((make) => make(tf)), fn);
}

const eight = (value: number) => 8 * value;
const rows = (m: number, n: number) => (tf: Tf): Tensor => tf.tensor1d(indices(m, n), "int32");

/** The TensorFlow.js peer. */
export const tfjs: Peer = {
  name: "tfjs webgpu",
  async available() {
    const result = await start();
    return typeof result === "string" ? result : true;
  },
  versions: () => running().then(({ tf }) => ({ tfjs: tf.version_core })),
  axpy: (n) => of([values([n]), values([n], 2)], (tf) => (x, y) => tf.add(tf.mul(x, 2), y)),
  exp: (n) => of([values([n])], (tf) => (x) => tf.exp(x)),
  chain: (n) =>
    of([values([n])], (tf) => (x) => {
      const root = tf.sqrt(tf.add(tf.mul(tf.abs(x), 2), 1));
      return tf.add(tf.mul(root, tf.exp(tf.neg(tf.square(x)))), tf.mul(x, 0.5));
    }),
  sum: (n) => of([values([n], 1, Math.abs)], (tf) => (x) => tf.sum(x)),
  sumColumns: (m, n) => of([values([m, n], 1, Math.abs)], (tf) => (x) => tf.sum(x, 0)),
  argmax: (n) => of([values([n])], (tf) => (x) => tf.argMax(x)),
  logsumexp: (m, n) => of([values([m, n], 1, eight)], (tf) => (x) => tf.logSumExp(x, 1)),
  softmax: (m, n) => of([values([m, n], 1, eight)], (tf) => (x) => tf.softmax(x, 1)),
  matmul: (m, k, n) => of([values([m, k]), values([k, n], 2)], (tf) => (a, b) => tf.matMul(a, b)),
  matmulTransposed: (n) => of([values([n, n]), values([n, n], 2)], (tf) => (a, b) => tf.matMul(a, b, false, true)),
  matmulBatched: (batch, n) => of([values([batch, n, n]), values([batch, n, n], 2)], (tf) => (a, b) => tf.matMul(a, b)),
  cumsum: (n) => of([values([n])], (tf) => (x) => tf.cumsum(x)),
  sinkhornHalfStep: (n) => ({
    "tfjs webgpu stored cost": () => {
      const stored = (tf: Tf): Tensor => tf.tensor2d(scaledCost(n), [n, n]);
      return of([stored, values([n], 3)], (tf) => (cost, g) => tf.neg(tf.logSumExp(tf.sub(g, cost), 1)));
    },
  }),
  nearest: (n, m, d) =>
    of([values([n, d]), values([m, d], 2)], (tf) => (x, y) => {
      const products = tf.matMul(x, y, false, true);
      return tf.argMin(tf.sub(tf.sum(tf.square(y), 1), tf.mul(products, 2)), 1);
    }),
  gather: (n, d, m) => of([values([n, d]), rows(m, n)], (tf) => (x, at) => tf.gather(x, at as Rows)),
  scatterAdd: (n, d, m) =>
    of(
      [values([n, d]), rows(m, n), values([m, d], 2)],
      (tf) => (x, at, y) => tf.add(x, tf.unsortedSegmentSum(y, at as Rows, n)),
    ),
  concatenate: (n, d) => of([values([n, d]), values([n, d], 2)], (tf) => (x, y) => tf.concat([x, y], 1)),
};
