/**
 * TensorFlow.js on its WebGPU backend, on the adapter that Deno gives it.
 *
 * What makes it run in Deno: core and backend imported directly (the all-in-one package adds converters and a layers API, not
 * speed), the backend for its side effect, and no synchronous read.
 *
 * @module
 */
import { checksumOf, deviceTime, type Job, job, type Peer, uniform } from "./peer.ts";

async function load() {
  const tf = await import("npm:@tensorflow/tfjs-core@4.22.0");
  const { WebGPUBackend } = await import("npm:@tensorflow/tfjs-backend-webgpu@4.22.0");
  return { tf, WebGPUBackend };
}
type Modules = Awaited<ReturnType<typeof load>>;
type Tensor = InstanceType<Modules["tf"]["Tensor"]>;
type Backend = InstanceType<Modules["WebGPUBackend"]>;
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

async function jobWith(
  shapes: number[][],
  fn: (tf: Modules["tf"]) => (...inputs: Tensor[]) => Tensor,
  entry = (value: number) => value,
): Promise<Job> {
  const { tf, backend } = await running();
  const inputs = shapes.map((shape, index) => {
    const values = uniform(shape.reduce((product, size) => product * size, 1), index + 1);
    return tf.tensor(values.map(entry), shape);
  });
  const compute = () => tf.tidy(() => fn(tf)(...inputs));
  const run = async () => {
    let result: Tensor | undefined;
    const elapsed = await deviceTime(backend.queue, () => {
      result = compute();
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

/** The TensorFlow.js peer. */
export const tfjs: Peer = {
  name: "tfjs webgpu",
  async available() {
    const result = await start();
    return typeof result === "string" ? result : true;
  },
  versions: () => running().then(({ tf }) => ({ tfjs: tf.version_core })),
  matmul: (n) => jobWith([[n, n], [n, n]], (tf) => (a, b) => tf.matMul(a, b)),
  chain: (n) =>
    jobWith([[n]], (tf) => (x) => {
      const root = tf.sqrt(tf.add(tf.mul(tf.abs(x), 2), 1));
      return tf.add(tf.mul(root, tf.exp(tf.neg(tf.square(x)))), tf.mul(x, 0.5));
    }),
  sum: (n) => jobWith([[n]], (tf) => (x) => tf.sum(x), Math.abs),
  logsumexp: (rows, columns) => jobWith([[rows, columns]], (tf) => (x) => tf.logSumExp(x, 1), (value) => 8 * value),
  softmax: (rows, columns) => jobWith([[rows, columns]], (tf) => (x) => tf.softmax(x, 1), (value) => 8 * value),
};
