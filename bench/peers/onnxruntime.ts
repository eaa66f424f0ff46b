/**
 * ONNX Runtime Web, on WebAssembly and on the WebGPU adapter that Deno gives it. Its worker threads have no way to be ended: a program
 * that used the WebAssembly backend ends by `Deno.exit()`.
 *
 * What makes it run in Deno: its `webgpu` package has the newer WebGPU backend (the older one of `all` passes shared memory to
 * `writeBuffer`, which Deno refuses); and threads import a module from a `blob:` address, which npm packages may not in Deno, so that
 * they are given the file that the blob is a copy of.
 *
 * @module
 */
import { type OnnxGraph, onnxModel, type OnnxNode, type OnnxType, type OnnxValue } from "./onnx_model.ts";
import {
  checksumOf,
  deviceTime,
  hostTime,
  indices,
  type Job,
  job,
  type JobOptions,
  type Operations,
  type Peer,
  scaledCost,
  uniform,
} from "./peer.ts";

// As a variable: its types would bring those of Node, which are not Deno's, into every check.
const VERSION = "1.30.0", PACKAGE = `npm:onnxruntime-web@${VERSION}`;

/** What is used of the package. */
interface OrtTensor {
  getData(): Promise<ArrayLike<number> | ArrayLike<bigint>>;
  dispose(): void;
}
interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  env: { logLevel: string; wasm: { numThreads: number }; webgpu: { device: GPUDevice | Promise<GPUDevice> } };
  InferenceSession: { create(model: Uint8Array, options: Record<string, unknown>): Promise<Session> };
  Tensor: {
    new (type: string, data: ArrayLike<number>, shape: readonly number[]): OrtTensor;
    fromGpuBuffer(buffer: GPUBuffer, options: Record<string, unknown>): OrtTensor;
  };
}
type Backend = "wasm" | "webgpu";

/** What a graph reads, by name. */
interface Fed extends OnnxValue {
  readonly shape: readonly number[];
  data(): Float32Array | Float64Array | Int32Array;
}

const started: Partial<Record<Backend, Promise<Ort | string>>> = {};

function start(backend: Backend): Promise<Ort | string> {
  return started[backend] ??= import(`${PACKAGE}/${backend}`).then(async (ort: Ort) => {
    ort.env.logLevel = "error";
    ort.env.wasm.numThreads = backend === "wasm" ? navigator.hardwareConcurrency : 1;
    const graph: OnnxGraph = {
      nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "float", shape: [1] }],
      outputs: [{ name: "y", type: "float" }],
    };
    // Whatever is wrong shows with the first session, and threads start with it.
    const session = await undisturbed(() => sessionOf(ort, backend, graph));
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1), [1]) });
    y.dispose();
    await session.release();
    return ort;
  }).catch((error) => `ONNX Runtime did not start on ${backend}: ${error.message.split("\n")[0]}`);
}

/** Runs `fn` while copies of the package's modules are the files themselves, and gives back `Worker`, which the package replaces by Node's. */
async function undisturbed<T>(fn: () => Promise<T>): Promise<T> {
  const real = URL.createObjectURL, { Worker } = globalThis;
  const file = new URL("./ort-wasm-simd-threaded.mjs", import.meta.resolve(`${PACKAGE}/wasm`)).href;
  URL.createObjectURL = () => file;
  try {
    return await fn();
  } finally {
    URL.createObjectURL = real;
    globalThis.Worker = Worker;
  }
}

function sessionOf(ort: Ort, backend: Backend, graph: OnnxGraph): Promise<Session> {
  return ort.InferenceSession.create(onnxModel(graph), {
    executionProviders: [backend],
    graphOptimizationLevel: "all",
    preferredOutputLocation: backend === "webgpu" ? "gpu-buffer" : "cpu",
  });
}

const ARRAYS = { float: "float32", double: "float64", int32: "int32", int64: "int64" } as const;

/** The input where the backend has its values: on the GPU they are uploaded once. */
async function fed(ort: Ort, backend: Backend, { type, shape, data }: Fed): Promise<OrtTensor> {
  const values = data();
  if (backend === "wasm") return new ort.Tensor(ARRAYS[type], values, shape);
  const device = await ort.env.webgpu.device, { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const size = Math.ceil(values.byteLength / 16) * 16;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: ARRAYS[type], dims: shape, dispose: () => buffer.destroy() });
}

async function jobWith(backend: Backend, inputs: readonly Fed[], graph: Omit<OnnxGraph, "inputs">): Promise<Job> {
  const ort = await start(backend);
  if (typeof ort === "string") throw new Error(ort);
  const session = await sessionOf(ort, backend, { ...graph, inputs });
  const feeds: Record<string, OrtTensor> = {};
  for (const input of inputs) feeds[input.name] = await fed(ort, backend, input);
  const [output] = graph.outputs;
  const compute = async () => (await session.run(feeds))[output.name];
  const run = async (options?: JobOptions) => {
    let result: OrtTensor | undefined;
    const next = async () => {
      result?.dispose();
      result = await compute();
    };
    const elapsed = backend === "wasm"
      ? await hostTime(next, options)
      : await deviceTime((await ort.env.webgpu.device).queue, next, options);
    result?.dispose();
    return elapsed;
  };
  const checksum = async () => {
    const result = await compute();
    // Positions are 64-bit integers.
    const found = checksumOf(Array.from<number | bigint, number>(await result.getData(), Number));
    result.dispose();
    return found;
  };
  const dispose = () => {
    Object.values(feeds).forEach((tensor) => tensor.dispose());
    void session.release();
  };
  return job(run, checksum, dispose);
}

const node = (op: string, inputs: string[], output: string, attributes?: OnnxNode["attributes"]): OnnxNode => ({
  op,
  inputs,
  outputs: [output],
  attributes,
});

function operations(backend: Backend, type: "float" | "double"): Operations {
  const values = (name: string, shape: number[], seed = 1, entry?: (value: number) => number): Fed => ({
    ...{ name, type, shape },
    data: () => {
      const drawn = uniform(shape.reduce((product, size) => product * size, 1), seed);
      const mapped = entry ? drawn.map(entry) : drawn;
      return type === "double" ? Float64Array.from(mapped) : mapped;
    },
  });
  const rows = (m: number, n: number): Fed => ({ name: "i", type: "int32", shape: [m], data: () => indices(m, n) });
  const scalar = (value: number) => ({ type, shape: [], values: [value] });
  const axes = (axis: number) => ({ type: "int64" as OnnxType, shape: [1], values: [axis] });
  const of = (
    inputs: readonly Fed[],
    nodes: readonly OnnxNode[],
    constants: OnnxGraph["constants"] = {},
    result: OnnxType = type,
  ) => jobWith(backend, inputs, { nodes, constants, outputs: [{ name: "out", type: result }] });
  const x = (n: number, entry?: (value: number) => number) => values("x", [n], 1, entry);
  const eight = (value: number) => 8 * value;
  return {
    axpy: (n) =>
      of([x(n), values("y", [n], 2)], [node("Mul", ["x", "two"], "t"), node("Add", ["t", "y"], "out")], {
        two: scalar(2),
      }),
    exp: (n) => of([x(n)], [node("Exp", ["x"], "out")]),
    chain: (n) =>
      of([x(n)], [
        node("Abs", ["x"], "a"),
        node("Mul", ["a", "two"], "b"),
        node("Add", ["b", "one"], "c"),
        node("Sqrt", ["c"], "root"),
        node("Mul", ["x", "x"], "d"),
        node("Neg", ["d"], "e"),
        node("Exp", ["e"], "bell"),
        node("Mul", ["root", "bell"], "f"),
        node("Mul", ["x", "half"], "g"),
        node("Add", ["f", "g"], "out"),
      ], { one: scalar(1), two: scalar(2), half: scalar(0.5) }),
    sum: (n) => of([x(n, Math.abs)], [node("ReduceSum", ["x"], "out", { keepdims: 0 })]),
    sumColumns: (m, n) =>
      of([values("x", [m, n], 1, Math.abs)], [node("ReduceSum", ["x", "axes"], "out", { keepdims: 0 })], {
        axes: axes(0),
      }),
    argmax: (n) => of([x(n)], [node("ArgMax", ["x"], "out", { axis: 0, keepdims: 0 })], {}, "int64"),
    logsumexp: (m, n) =>
      of([values("x", [m, n], 1, eight)], [node("ReduceLogSumExp", ["x"], "out", { axes: [1], keepdims: 0 })]),
    softmax: (m, n) => of([values("x", [m, n], 1, eight)], [node("Softmax", ["x"], "out", { axis: 1 })]),
    // On WebGPU it adds up every prefix anew: n² work, which no one would wait for.
    cumsum: backend === "webgpu"
      ? undefined
      : (n) => of([x(n)], [node("CumSum", ["x", "axis"], "out")], { axis: { type: "int32", shape: [], values: [0] } }),
    matmul: (m, k, n) => of([values("x", [m, k]), values("y", [k, n], 2)], [node("MatMul", ["x", "y"], "out")]),
    matmulTransposed: (n) =>
      of([values("x", [n, n]), values("y", [n, n], 2)], [node("Gemm", ["x", "y"], "out", { transB: 1 })]),
    matmulBatched: (batch, n) =>
      of([values("x", [batch, n, n]), values("y", [batch, n, n], 2)], [node("MatMul", ["x", "y"], "out")]),
    sinkhornHalfStep: (n) => ({
      [`onnxruntime ${backend} stored cost`]: () => {
        const stored: Fed = {
          ...{ name: "c", type, shape: [n, n] },
          data: () => scaledCost(n),
        };
        return of([stored, values("g", [n], 3)], [
          node("Sub", ["g", "c"], "s"),
          node("ReduceLogSumExp", ["s"], "l", { axes: [1], keepdims: 0 }),
          node("Neg", ["l"], "out"),
        ]);
      },
    }),
    nearest: (n, m, d) =>
      of(
        [values("x", [n, d]), values("y", [m, d], 2)],
        [
          node("Gemm", ["x", "y"], "p", { transB: 1 }),
          node("Mul", ["p", "two"], "q"),
          node("ReduceSumSquare", ["y"], "r", { axes: [1], keepdims: 0 }),
          node("Sub", ["r", "q"], "s"),
          node("ArgMin", ["s"], "out", { axis: 1, keepdims: 0 }),
        ],
        { two: scalar(2) },
        "int64",
      ),
    gather: (n, d, m) => of([values("x", [n, d]), rows(m, n)], [node("Gather", ["x", "i"], "out", { axis: 0 })]),
    concatenate: (n, d) =>
      of([values("x", [n, d]), values("y", [n, d], 2)], [node("Concat", ["x", "y"], "out", { axis: 1 })]),
  };
}

function peer(backend: Backend): Peer {
  return {
    name: `onnxruntime ${backend}`,
    available: async () => {
      const found = await start(backend);
      return typeof found === "string" ? found : true;
    },
    versions: () => Promise.resolve({ "onnxruntime-web": VERSION }),
    ...operations(backend, "float"),
    // WebGPU has no double precision; the stored cost is made in single.
    double: backend === "wasm" ? { ...operations(backend, "double"), sinkhornHalfStep: undefined } : undefined,
  };
}

/** ONNX Runtime on WebAssembly; its inputs and results are copied into and out of its memory at every call. */
export const ortWasm: Peer = peer("wasm");

/** ONNX Runtime on WebGPU. */
export const ortWebgpu: Peer = peer("webgpu");
