/**
 * NumPy, SciPy and POT, in one Python process that keeps its inputs between rounds and times itself.
 *
 * @module
 */
import { type Checksum, indices, type Job, job, type JobOptions, type Peer, uniform } from "./peer.ts";

type Reply = Record<string, unknown> & { error?: string };

/** What the process answers to a run: the milliseconds of one computation, the result summed up if that was asked for, and what it says of itself. */
interface Measured extends Checksum {
  ms: number;
  info: Record<string, number>;
}

interface Python {
  request(message: Record<string, unknown>): Promise<Reply>;
  /** The path of a raw file with these numbers; `name` says which they are, so that they are written once. */
  inputFile(name: string, values: () => Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): Promise<string>;
  versions: Record<string, string>;
  close(): Promise<void>;
}

// A system's own Python carries its packaged NumPy, even where another Python comes first on the path.
const COMMANDS = [["/usr/bin/python3"], ["/usr/bin/env", "python3"]];

/** Yields what a stream says, line by line. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

async function hasNumpy([command, ...args]: string[]): Promise<boolean> {
  try {
    const probe = new Deno.Command(command, { args: [...args, "-c", "import numpy"], stdout: "null", stderr: "null" });
    return (await probe.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function spawn([command, ...args]: string[]): Promise<Python> {
  const script = new URL("./numpy_peers.py", import.meta.url).pathname;
  const child = new Deno.Command(command, { args: [...args, script], stdin: "piped", stdout: "piped" }).spawn();
  child.unref();
  const writer = child.stdin.getWriter();
  const replies = lines(child.stdout);
  const folder = await Deno.makeTempDir({ prefix: "numpy-peers-" });
  const files = new Map<string, Promise<string>>();
  // One request at a time: the process answers in order, and two at once would time each other.
  let last: Promise<unknown> = Promise.resolve();
  function request(message: Record<string, unknown>): Promise<Reply> {
    const reply = last.then(async () => {
      await writer.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
      const { value, done } = await replies.next();
      if (done) throw new Error(`Python ended before it answered ${JSON.stringify(message)}`);
      const parsed: Reply = JSON.parse(value);
      if (parsed.error !== undefined) throw new Error(`Python could not ${message.op}: ${parsed.error}`);
      return parsed;
    });
    last = reply.catch(() => {});
    return reply;
  }
  function inputFile(name: string, values: () => Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): Promise<string> {
    const path = `${folder}/${name}`;
    const written = files.get(path) ?? Deno.writeFile(path, new Uint8Array(values().buffer)).then(() => path);
    files.set(path, written);
    return written;
  }
  async function close(): Promise<void> {
    await last;
    await writer.close();
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
  const versions = await request({ op: "versions" }) as Record<string, string>;
  return { request, inputFile, versions, close };
}

let started: Promise<Python | string> | undefined;
function start(): Promise<Python | string> {
  return started ??= (async () => {
    for (const command of COMMANDS) {
      if (await hasNumpy(command)) return await spawn(command);
    }
    const tried = COMMANDS.map((command) => command.join(" ")).join(", ");
    return `no Python with NumPy (tried ${tried}): install numpy, scipy and pot for the figures of these peers`;
  })();
}

async function running(): Promise<Python> {
  const python = await start();
  if (typeof python === "string") throw new Error(python);
  return python;
}

/** What a job reads: `[count, seed]` of {@linkcode uniform}, or `{ m, n }` of {@linkcode indices}. */
type Input = [count: number, seed: number] | { m: number; n: number };

let jobs = 0;

async function jobWith(name: string, params: Record<string, unknown>, inputs: Input[]): Promise<PythonJob> {
  const python = await running();
  const paths = await Promise.all(
    inputs.map((input) =>
      Array.isArray(input)
        ? python.inputFile(`uniform-${input[0]}-${input[1]}.f32`, () => uniform(...input))
        : python.inputFile(`indices-${input.m}-${input.n}.i32`, () => indices(input.m, input.n))
    ),
  );
  const id = jobs++;
  await python.request({ op: "prepare", id, job: name, params, inputs: paths });
  let info: Record<string, number> = {};
  const measure = async (repeat: number, summary: boolean): Promise<Measured> => {
    const measured = await python.request({ op: "run", id, repeat, summary }) as unknown as Measured;
    info = measured.info;
    return measured;
  };
  // The process has its own clock; a watch of this one sees the messages too.
  const run = async ({ watch, repeat = 1 }: JobOptions = {}) => {
    watch?.start();
    const { ms } = await measure(repeat, false);
    watch?.end();
    return ms;
  };
  const checksum = async () => {
    const { sum, magnitude } = await measure(1, true);
    return { sum, magnitude };
  };
  // A process that has ended has nothing left to drop.
  const dispose = () => void python.request({ op: "drop", id }).catch(() => {});
  return Object.assign(job(run, checksum, dispose), { info: () => info });
}

/** A job of the Python process. */
export interface PythonJob extends Job {
  /** What the last run said of itself: for POT's Sinkhorn its cost, iterations and L2 marginal error. */
  info(): Record<string, number>;
}

async function close(): Promise<void> {
  const python = await started;
  started = undefined;
  if (python !== undefined && typeof python !== "string") await python.close();
}

/** NumPy and SciPy. */
export const numpy: Peer = {
  name: "numpy",
  available: async () => {
    const python = await start();
    return typeof python === "string" ? python : true;
  },
  versions: async () => (await running()).versions,
  axpy: (n) => jobWith("axpy", {}, [[n, 1], [n, 2]]),
  exp: (n) => jobWith("exp", {}, [[n, 1]]),
  chain: (n) => jobWith("chain", {}, [[n, 1]]),
  sum: (n) => jobWith("sum", {}, [[n, 1]]),
  sumColumns: (rows, columns) => jobWith("sumColumns", { rows, columns }, [[rows * columns, 1]]),
  argmax: (n) => jobWith("argmax", {}, [[n, 1]]),
  logsumexp: (rows, columns) => jobWith("logsumexp", { rows, columns }, [[rows * columns, 1]]),
  softmax: (rows, columns) => jobWith("softmax", { rows, columns }, [[rows * columns, 1]]),
  matmul: (m, k, n) => jobWith("matmul", { m, k, n }, [[m * k, 1], [k * n, 2]]),
  matmulF64: (n) => jobWith("matmul", { m: n, k: n, n, dtype: "f8" }, [[n * n, 1], [n * n, 2]]),
  sinkhornHalfStep: {
    "numpy stored cost": (n) => jobWith("sinkhornHalfStep", { n }, [[2 * n, 1], [2 * n, 2], [n, 3]]),
    "numpy recomputed cost": (n) => jobWith("sinkhornHalfStepRecomputed", { n }, [[2 * n, 1], [2 * n, 2], [n, 3]]),
  },
  nearest: (n, d) => jobWith("nearest", { n, d }, [[n * d, 1], [n * d, 2]]),
  gather: (n, d, m) => jobWith("gather", { n, d }, [[n * d, 1], { m, n }]),
  scatterAdd: (n, d, m) => jobWith("scatterAdd", { n, d }, [[n * d, 1], { m, n }, [m * d, 2]]),
  concatenate: (n, d) => jobWith("concatenate", { n, d }, [[n * d, 1], [n * d, 2]]),
  randomUniform: (n) => jobWith("randomUniform", { n }, []),
  randomNormal: (n) => jobWith("randomNormal", { n }, []),
  svd: (n) => jobWith("svd", { n }, [[n * n, 1]]),
  eigh: (n) => jobWith("eigh", { n }, [[n * n, 1]]),
  close,
};

/** POT on `n` by `n` points of the plane, `uniform(2n, 1)` and `uniform(2n, 2)`, squared distances, uniform weights. */
export interface Pot {
  readonly name: string;
  /** `true`, or one line that says why POT cannot run here. */
  available(): Promise<string | true>;
  /**
   * Entropic transport at ε = `fraction`·max(C), to an L2 marginal error under 1e-6 looked at every 10 iterations, or until
   * `limit` iterations.
   */
  sinkhorn(n: number, fraction: number, method: "sinkhorn" | "sinkhorn_log", limit?: number): Promise<PythonJob>;
  /** Unregularised transport by the network simplex; the checksum is that of the cost. */
  emd(n: number): Promise<PythonJob>;
}

/** The POT peer; it shares NumPy's process, and `numpy.close()` ends it. */
export const pot: Pot = {
  name: "POT",
  available: async () => {
    const python = await start();
    if (typeof python === "string") return python;
    return "ot" in python.versions || `Python ${python.versions.python} has no POT: install the package pot`;
  },
  sinkhorn: (n, fraction, method, limit = 100_000) =>
    jobWith("sinkhorn", { n, fraction, method, limit }, [[2 * n, 1], [2 * n, 2]]),
  emd: (n) => jobWith("emd", { n }, [[2 * n, 1], [2 * n, 2]]),
};
