/**
 * A Python process as a peer: it keeps its inputs between rounds and times itself. `peer_protocol.py` is the other end.
 *
 * @module
 */
import { type Checksum, indices, type Job, job, type JobOptions, uniform } from "./peer.ts";

type Reply = Record<string, unknown> & { error?: string };

/** What the process answers to a run: the milliseconds of one computation, the result summed up if that was asked for, and what it says of itself. */
interface Measured extends Checksum {
  ms: number;
  info: Record<string, number>;
}

interface Python {
  request(message: Record<string, unknown>): Promise<Reply>;
  /** The path of a raw file with these numbers, written once. */
  inputFile(input: Input): Promise<string>;
  versions: Record<string, string>;
  close(): Promise<void>;
}

/** What a job reads: `[count, seed]` of {@linkcode uniform}, or `{ m, n, seed }` of {@linkcode indices}. */
export type Input = [count: number, seed: number] | { m: number; n: number; seed?: number };

/** Element type of a job's numbers, as NumPy names it. */
export type Precision = "f2" | "f4" | "f8";

/** A job of the Python process. */
export interface PythonJob extends Job {
  /** What the last run said of itself: for POT's Sinkhorn its cost, iterations and L2 marginal error. */
  info(): Record<string, number>;
}

/** A script that answers requests, started when it is first asked for. */
export interface PythonProcess {
  /** The versions that it reports, or one line that says why it cannot run here. */
  start(): Promise<Record<string, string> | string>;
  /** Prepares a job on these inputs. */
  job(name: string, params: Record<string, unknown>, inputs: Input[], dtype?: Precision): Promise<PythonJob>;
  /** Ends the process. */
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

async function imports([command, ...args]: string[], modules: readonly string[]): Promise<boolean> {
  try {
    const code = `import ${modules.join(", ")}`;
    const probe = new Deno.Command(command, { args: [...args, "-c", code], stdout: "null", stderr: "null" });
    return (await probe.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function spawn([command, ...args]: string[], script: string): Promise<Python> {
  const path = new URL(script, import.meta.url).pathname;
  // Without -B Python would write compiled modules beside the scripts.
  const child = new Deno.Command(command, { args: [...args, "-B", path], stdin: "piped", stdout: "piped" }).spawn();
  child.unref();
  const writer = child.stdin.getWriter();
  const replies = lines(child.stdout);
  const folder = await Deno.makeTempDir({ prefix: "python-peer-" });
  const files = new Map<string, Promise<string>>();
  // One request at a time: the process answers in order, and two at once would time each other.
  let last: Promise<unknown> = Promise.resolve();
  function request(message: Record<string, unknown>): Promise<Reply> {
    const reply = last.then(async () => {
      await writer.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
      const { value, done } = await replies.next();
      if (done) throw new Error(`Python ended before it answered ${JSON.stringify(message)}`);
      const parsed: Reply = JSON.parse(value);
      if (parsed.error !== undefined) {
        throw new Error(`Python could not ${message.op} ${message.job ?? ""}: ${parsed.error}`);
      }
      return parsed;
    });
    last = reply.catch(() => {});
    return reply;
  }
  function inputFile(input: Input): Promise<string> {
    const [name, values] = Array.isArray(input)
      ? [`uniform-${input.join("-")}.f32`, () => uniform(...input)] as const
      : [`indices-${Object.values(input).join("-")}.i32`, () => indices(input.m, input.n, input.seed)] as const;
    const known = `${folder}/${name}`;
    const written = files.get(known) ?? Deno.writeFile(known, new Uint8Array(values().buffer)).then(() => known);
    files.set(known, written);
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

let jobs = 0;

/** The process of a script beside this file, if some Python here has the modules; `advice` says how to get them. */
export function pythonProcess(script: string, modules: readonly string[], advice: string): PythonProcess {
  let started: Promise<Python | string> | undefined;
  const start = () =>
    started ??= (async () => {
      for (const command of COMMANDS) {
        if (await imports(command, modules)) return await spawn(command, script);
      }
      const tried = COMMANDS.map((command) => command.join(" ")).join(", ");
      return `no Python with ${modules.join(" and ")} (tried ${tried}): ${advice}`;
    })();
  async function prepare(
    name: string,
    params: Record<string, unknown>,
    inputs: Input[],
    dtype: Precision = "f4",
  ): Promise<PythonJob> {
    const python = await start();
    if (typeof python === "string") throw new Error(python);
    const paths: string[] = [];
    // One after the other: both may be large.
    for (const input of inputs) paths.push(await python.inputFile(input));
    const id = jobs++;
    await python.request({ op: "prepare", id, job: name, dtype, params, inputs: paths });
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
  return {
    start: async () => {
      const python = await start();
      return typeof python === "string" ? python : python.versions;
    },
    job: prepare,
    async close() {
      const python = await started;
      started = undefined;
      if (python !== undefined && typeof python !== "string") await python.close();
    },
  };
}
