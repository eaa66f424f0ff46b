import { join } from "node:path";
import { KernelStartError } from "./errors.ts";
import { resolvesWithin } from "./wait.ts";

/** The TCP ports of a kernel's sockets, under the names of its connection file. */
export type Ports = Record<(typeof CHANNELS)[number], number>;

/** A running `deno jupyter --kernel`. */
export interface KernelProcess {
  ports: Ports;
  /** The key that signs the messages. */
  key: string;
  /** Resolves once the process is gone and its last words are in the log. */
  ended: Promise<Deno.CommandStatus>;
  /** The end of what the process has printed on its own standard output and error. */
  log(): string;
  kill(signal: Deno.Signal): void;
  /** Makes sure that the process is gone and removes its files. */
  dispose(): Promise<void>;
}

const HOSTNAME = "127.0.0.1";
const CHANNELS = ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"] as const;
const LOG_TAIL = 2000;

/** Ports that are free now. Another program may take one before the kernel does; the kernel then fails to start. */
function freePorts(): Ports {
  const listeners = CHANNELS.map(() => Deno.listen({ hostname: HOSTNAME, port: 0 }));
  const ports = listeners.map((listener, i) => [CHANNELS[i], listener.addr.port]);
  for (const listener of listeners) listener.close();
  return Object.fromEntries(ports);
}

/** Starts `deno` as a kernel in the folder `cwd`. */
export async function startProcess(deno: string, cwd: string): Promise<KernelProcess> {
  const folder = await Deno.makeTempDir({ prefix: "denovo-kernel-" });
  const remove = () => Deno.remove(folder, { recursive: true }).catch(() => {});
  const ports = freePorts();
  const key = crypto.randomUUID();
  const connection = { ip: HOSTNAME, transport: "tcp", key, signature_scheme: "hmac-sha256", ...ports };
  const file = join(folder, "connection.json");
  await Deno.writeTextFile(file, JSON.stringify({ ...connection, kernel_name: "deno" }));
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(deno, {
      args: ["jupyter", "--quiet", "--kernel", "--conn", file],
      cwd,
      // Without NO_COLOR results carry terminal colours; without XDG_RUNTIME_DIR some graphics drivers print a warning.
      env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? folder },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    await remove();
    throw new KernelStartError(`Cannot start "${deno}" in "${cwd}": ${(error as Error).message}`, { cause: error });
  }
  let log = "";
  let running = true;
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) log = (log + decoder.decode(bytes, { stream: true })).slice(-LOG_TAIL);
  };
  const collected = Promise.allSettled([collect(child.stdout), collect(child.stderr)]);
  const kill = (signal: Deno.Signal) => {
    try {
      if (running) child.kill(signal);
    } catch { /* the process ended in the meantime */ }
  };
  // A kernel outlives its parent: it has no way to notice that nobody talks to it any more.
  const killOnExit = () => kill("SIGKILL");
  globalThis.addEventListener("unload", killOnExit);
  const end = async () => {
    const status = await child.status;
    running = false;
    globalThis.removeEventListener("unload", killOnExit);
    await resolvesWithin(collected, 200); // a process that a cell started may keep the streams open
    return status;
  };
  const ended = end();
  return {
    ports,
    key,
    ended,
    kill,
    log: () => log.trim(),
    async dispose() {
      kill("SIGKILL");
      await ended;
      await remove();
    },
  };
}
