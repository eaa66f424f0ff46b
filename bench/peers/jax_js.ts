/**
 * jax-js: NumPy-like arrays with compiled kernels, on WebAssembly and on WebGPU. Its worker threads have no way to be ended:
 * a program that used the WebAssembly backend ends by `Deno.exit()`.
 *
 * @module
 */
import {
  checksumOf,
  deviceTime,
  hostTime,
  indices,
  type Job,
  job,
  type JobOptions,
  type Peer,
  scaledCost,
  uniform,
} from "./peer.ts";

const load = () => import("npm:@jax-js/jax@0.1.25");
type Jax = Awaited<ReturnType<typeof load>>;
type JaxArray = InstanceType<Jax["Array"]>;
type Backend = "wasm" | "webgpu";

// One initialisation for both backends.
let started: Promise<{ jax: Jax; devices: string[] }> | undefined;
function start(): Promise<{ jax: Jax; devices: string[] }> {
  return started ??= load().then(async (jax) => ({ jax, devices: await jax.init() }));
}

type Compute = () => JaxArray;

/** A job of a backend: `compute` uses its inputs up, so it is given new references each time. */
function jobOf(jax: Jax, backend: Backend, compute: Compute, dispose: () => void): Job {
  const run = async (options?: JobOptions) => {
    let result: JaxArray | undefined;
    const next = () => {
      result?.dispose();
      return result = compute();
    };
    const elapsed = backend === "wasm"
      ? await hostTime(async () => {
        await next().ref.blockUntilReady().then((ready) => ready.dispose());
      }, options)
      // Asking for the buffer submits the pending kernels without a wait.
      : await deviceTime(jax.getWebGPUDevice().queue, async () => {
        await next().ref.gpuBuffer();
      }, options);
    result?.dispose();
    return elapsed;
  };
  return job(run, async () => checksumOf(await compute().data()), dispose);
}

type Computation = (...inputs: JaxArray[]) => JaxArray;
type Prepare = (jax: Jax, f: Computation) => Computation & { dispose(): void };

/** A function as it is, operation by operation. */
const plainly: Prepare = (_, f) => Object.assign(f, { dispose: () => {} });

function peer(backend: Backend): Peer {
  async function jobWith(
    fn: (jax: Jax) => (...inputs: JaxArray[]) => JaxArray,
    make: (jax: Jax) => JaxArray[],
    prepare: Prepare,
  ): Promise<Job> {
    const { jax } = await start();
    const inputs = make(jax);
    await Promise.all(inputs.map((input) => input.ref.blockUntilReady()));
    const compiled = prepare(jax, fn(jax));
    // An array is freed at its first use; `.ref` keeps one more use of it.
    const compute = () => compiled(...inputs.map((input) => input.ref));
    return jobOf(jax, backend, compute, () => {
      inputs.forEach((input) => input.dispose());
      compiled.dispose();
    });
  }
  const values = (shape: number[], seed = 1, entry?: (value: number) => number) => ({ numpy }: Jax) => {
    const drawn = uniform(shape.reduce((product, size) => product * size, 1), seed);
    return numpy.array(entry ? drawn.map(entry) : drawn, { shape, device: backend });
  };
  const rows = (m: number, n: number) => ({ numpy }: Jax) =>
    numpy.array(indices(m, n), { shape: [m], dtype: numpy.int32, device: backend });
  const of = (
    inputs: ((jax: Jax) => JaxArray)[],
    fn: (jax: Jax) => (...inputs: JaxArray[]) => JaxArray,
    prepare: Prepare = ({ jit }, f) => jit(f),
  ) => jobWith(fn, (jax) => inputs.map((make) => make(jax)), prepare);
  const eight = (value: number) => 8 * value;
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
    axpy: (n) => of([values([n]), values([n], 2)], () => (x, y) => x.mul(2).add(y)),
    exp: (n) => of([values([n])], ({ numpy }) => (x) => numpy.exp(x)),
    chain: (n) =>
      of([values([n])], ({ numpy }) => (x) => {
        const root = numpy.sqrt(numpy.abs(x.ref).mul(2).add(1));
        const bell = numpy.exp(x.ref.mul(x.ref).neg());
        return root.mul(bell).add(x.mul(0.5));
      }),
    sum: (n) => of([values([n], 1, Math.abs)], ({ numpy }) => (x) => numpy.sum(x)),
    sumColumns: (m, n) => of([values([m, n], 1, Math.abs)], ({ numpy }) => (x) => numpy.sum(x, 0)),
    argmax: (n) => of([values([n])], ({ numpy }) => (x) => numpy.argmax(x)),
    logsumexp: (m, n) => of([values([m, n], 1, eight)], ({ nn }) => (x) => nn.logsumexp(x, 1)),
    softmax: (m, n) => of([values([m, n], 1, eight)], ({ nn }) => (x) => nn.softmax(x, 1)),
    matmul: (m, k, n) => of([values([m, k]), values([k, n], 2)], ({ numpy }) => (a, b) => numpy.matmul(a, b)),
    matmulTransposed: (n) =>
      of([values([n, n]), values([n, n], 2)], ({ numpy }) => (a, b) => numpy.matmul(a, b.transpose())),
    matmulBatched: (batch, n) =>
      of([values([batch, n, n]), values([batch, n, n], 2)], ({ numpy }) => (a, b) => numpy.matmul(a, b)),
    cumsum: (n) => of([values([n])], ({ numpy }) => (x) => numpy.cumsum(x)),
    sinkhornHalfStep: (n) => ({
      [`jax-js ${backend} stored cost`]: () => {
        const stored = ({ numpy }: Jax) => numpy.array(scaledCost(n), { shape: [n, n], device: backend });
        return of([stored, values([n], 3)], ({ nn }) => (cost, g) => nn.logsumexp(g.sub(cost), 1).neg());
      },
    }),
    nearest: (n, m, d) =>
      of([values([n, d]), values([m, d], 2)], ({ numpy }) => (x, y) => {
        const products = numpy.matmul(x, y.ref.transpose());
        return numpy.argmin(numpy.sum(y.ref.mul(y), 1).sub(products.mul(2)), 1);
      }),
    gather: (n, d, m) => of([values([n, d]), rows(m, n)], ({ numpy }) => (x, at) => numpy.take(x, at, 0)),
    concatenate: (n, d) =>
      of([values([n, d]), values([n, d], 2)], ({ numpy }) => (x, y) => numpy.concatenate([x, y], 1)),
    // Not compiled: the factorizations of a compiled function fail or compute something else.
    svd: (n) =>
      of([values([n, n])], ({ numpy }) => (x) => {
        const [u, s, vt] = numpy.linalg.svd(x, { fullMatrices: false });
        u.dispose();
        vt.dispose();
        return s;
      }, plainly),
    eigh: (n) =>
      of([values([n, n])], ({ numpy }) => (x) => {
        const [found, vectors] = numpy.linalg.eigh(x.ref.add(x.transpose()).mul(0.5));
        vectors.dispose();
        return found;
      }, plainly),
    solve: (n) => {
      const shifted = uniform(n * n, 1).map((value, k) => k % (n + 1) ? value : value + Math.sqrt(n));
      const matrix = ({ numpy }: Jax) => numpy.array(shifted, { shape: [n, n], device: backend });
      return of([matrix, values([n], 2)], ({ numpy }) => (a, b) => numpy.linalg.solve(a, b), plainly);
    },
  };
}

/** jax-js on WebAssembly. */
export const jaxWasm: Peer = peer("wasm");

/** jax-js on the WebGPU adapter that Deno gives it. */
export const jaxWebgpu: Peer = peer("webgpu");
