/**
 * jax-js: NumPy-like arrays with compiled kernels, on WebAssembly and on WebGPU. Its worker threads have no way to be ended:
 * a program that used the WebAssembly backend ends by `Deno.exit()`.
 *
 * @module
 */
import { checksumOf, deviceTime, type Job, job, type Peer, uniform } from "./peer.ts";

const load = () => import("npm:@jax-js/jax@0.1.25");
type Jax = Awaited<ReturnType<typeof load>>;
type JaxArray = InstanceType<Jax["Array"]>;
type Backend = "wasm" | "webgpu";

// One initialisation for both backends.
let started: Promise<{ jax: Jax; devices: string[] }> | undefined;
function start(): Promise<{ jax: Jax; devices: string[] }> {
  return started ??= load().then(async (jax) => ({ jax, devices: await jax.init() }));
}

/** jax-js frees an array at its first use; `.ref` keeps one more use of it. */
function jobOf(jax: Jax, backend: Backend, inputs: JaxArray[], fn: (...inputs: JaxArray[]) => JaxArray): Job {
  const compiled = jax.jit(fn);
  const compute = () => compiled(...inputs.map((input) => input.ref));
  const run = backend === "wasm"
    ? async () => {
      const start = performance.now();
      const result = await compute().blockUntilReady();
      const elapsed = performance.now() - start;
      result.dispose();
      return elapsed;
    }
    : async () => {
      let result: JaxArray | undefined;
      // Asking for the buffer submits the pending kernels without a wait.
      const elapsed = await deviceTime(jax.getWebGPUDevice().queue, async () => {
        result = compute();
        await result.ref.gpuBuffer();
      });
      result?.dispose();
      return elapsed;
    };
  const checksum = async () => checksumOf(await compute().data());
  return job(run, checksum, () => {
    inputs.forEach((input) => input.dispose());
    compiled.dispose();
  });
}

function peer(backend: Backend): Peer {
  async function jobWith(
    shapes: number[][],
    fn: (jax: Jax) => (...inputs: JaxArray[]) => JaxArray,
    entry = (value: number) => value,
  ): Promise<Job> {
    const { jax } = await start();
    const inputs = shapes.map((shape, index) => {
      const values = uniform(shape.reduce((product, size) => product * size, 1), index + 1);
      return jax.numpy.array(values.map(entry), { shape, device: backend });
    });
    await Promise.all(inputs.map((input) => input.ref.blockUntilReady()));
    return jobOf(jax, backend, inputs, fn(jax));
  }
  return {
    name: `jax-js ${backend}`,
    async available() {
      try {
        const { devices } = await start();
        return devices.includes(backend) || `jax-js has no ${backend} here, only ${devices.join(", ")}`;
      } catch (error) {
        return `jax-js did not start: ${error instanceof Error ? error.message : error}`;
      }
    },
    versions: () => Promise.resolve({ "jax-js": "0.1.25" }),
    matmul: (n) => jobWith([[n, n], [n, n]], ({ numpy }) => (a, b) => numpy.matmul(a, b)),
    chain: (n) =>
      jobWith([[n]], ({ numpy }) => (x) => {
        const root = numpy.sqrt(numpy.abs(x.ref).mul(2).add(1));
        const bell = numpy.exp(x.ref.mul(x.ref).neg());
        return root.mul(bell).add(x.mul(0.5));
      }),
    sum: (n) => jobWith([[n]], ({ numpy }) => (x) => numpy.sum(x), Math.abs),
    logsumexp: (rows, columns) =>
      jobWith([[rows, columns]], ({ nn }) => (x) => nn.logsumexp(x, 1), (value) => 8 * value),
    softmax: (rows, columns) => jobWith([[rows, columns]], ({ nn }) => (x) => nn.softmax(x, 1), (value) => 8 * value),
  };
}

/** jax-js on WebAssembly. */
export const jaxWasm: Peer = peer("wasm");

/** jax-js on the WebGPU adapter that Deno gives it. */
export const jaxWebgpu: Peer = peer("webgpu");
