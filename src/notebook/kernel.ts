import { KernelDiedError, KernelStartError } from "./errors.ts";
import { type KernelProcess, startProcess } from "./kernel_process.ts";
import { resolvesWithin, sleep } from "./wait.ts";
import { createWire, type JsonObject, type Message } from "./wire.ts";
import { connect, type Socket, type SocketType } from "./zmtp.ts";

/** A kernel that answers. What its functions promise is rejected as {@linkcode Kernel.died} is. */
export interface Kernel {
  /** What the kernel says of itself: `language_info`, `implementation_version`, … */
  info: JsonObject;
  /** Rejects with {@linkcode KernelDiedError} once the process has ended or a connection to it broke. */
  died: Promise<never>;
  /** Calls `listener` with each message on the output channel, in order; the result stops that. */
  onOutput(listener: (message: Message) => void): () => void;
  /** Runs code and gives the content of the reply, which may come before the last of the output. */
  execute(code: string, options?: { silent: boolean }): Promise<JsonObject>;
  /** Asks the kernel to stop the running JavaScript; it does so unless the cell awaits something. */
  interrupt(): Promise<void>;
  kill(signal: Deno.Signal): void;
  /** Ends the kernel, kindly or not. */
  stop(): Promise<void>;
}

type Channel = "shell" | "control" | "iopub";

const SOCKET_TYPES: Record<Channel, SocketType> = { iopub: "SUB", shell: "DEALER", control: "DEALER" };

/**
 * Starts a kernel and waits until it answers on every channel, at most `startup` seconds.
 *
 * @throws {KernelStartError} if it does not
 */
export async function startKernel(options: { deno: string; cwd: string; startup: number }): Promise<Kernel> {
  const process = await startProcess(options.deno, options.cwd);
  const deadline = Date.now() + options.startup * 1000;
  const sockets: Partial<Record<Channel, Socket>> = {};
  try {
    for (const channel of ["iopub", "shell", "control"] as const) {
      const address = { hostname: "127.0.0.1", port: process.ports[`${channel}_port`] };
      sockets[channel] = await dial(address, SOCKET_TYPES[channel], process, deadline);
    }
    const kernel = await talk(process, sockets as Record<Channel, Socket>);
    kernel.info = await greet(kernel, deadline);
    return kernel;
  } catch (error) {
    for (const socket of Object.values(sockets)) socket.close();
    await process.dispose();
    const printed = process.log() && !(error instanceof KernelDiedError) ? `\n${process.log()}` : "";
    throw new KernelStartError(`The kernel did not start: ${(error as Error).message}${printed}`, { cause: error });
  }
}

/** Connects to a socket of a process that may not listen yet. */
async function dial(
  address: { hostname: string; port: number },
  type: SocketType,
  process: KernelProcess,
  deadline: number,
): Promise<Socket> {
  for (;;) {
    try {
      return await connect(address, type);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (await resolvesWithin(process.ended, 15)) throw new Error(describeExit(await process.ended));
  }
}

function describeExit(status: Deno.CommandStatus): string {
  return status.signal ? `The kernel was killed by ${status.signal}` : `The kernel exited with code ${status.code}`;
}

type Greeter = Kernel & {
  request(channel: "shell" | "control", type: string, content: JsonObject): Promise<JsonObject>;
};

/** The kernel's own account of itself, once its output channel is known to reach us. */
async function greet(kernel: Greeter, deadline: number): Promise<JsonObject> {
  let heard = false;
  const off = kernel.onOutput(() => heard = true);
  // The output socket drops what was published before it saw the subscription: ask until an output message arrives.
  for (;;) {
    const reply = kernel.request("shell", "kernel_info_request", {});
    if (!await resolvesWithin(reply, deadline - Date.now())) throw new Error("It did not answer in time");
    await sleep(10);
    if (heard) {
      off();
      return await reply;
    }
  }
}

async function talk(process: KernelProcess, sockets: Record<Channel, Socket>): Promise<Greeter> {
  const wire = await createWire(process.key);
  const listeners = new Set<(message: Message) => void>();
  const pending = new Map<string, (content: JsonObject) => void>();
  const { promise: died, reject: die } = Promise.withResolvers<never>();
  died.catch(() => {});
  const lastWords = () => process.log() ? `\n${process.log()}` : "";
  process.ended.then((status) => die(new KernelDiedError(describeExit(status) + lastWords())));

  const listen = async (channel: Channel) => {
    let fault = "it was closed";
    try {
      for (let frames; (frames = await sockets[channel].receive());) {
        const message = await wire.decode(frames);
        // Two large messages that the kernel writes at once may end up as garbage.
        if (!message) throw new Error("a message is corrupt");
        if (channel === "iopub") { for (const listener of [...listeners]) listener(message); }
        else if (message.parent !== undefined) {
          pending.get(message.parent)?.(message.content);
          pending.delete(message.parent);
        }
      }
    } catch (error) {
      fault = (error as Error).message;
    }
    // The exit of the process explains more than the broken connection that follows from it.
    await resolvesWithin(process.ended, 800);
    die(new KernelDiedError(`The connection to the kernel's ${channel} channel broke: ${fault}${lastWords()}`));
  };
  const listening = (["iopub", "shell", "control"] as const).map(listen);

  const request = async (channel: "shell" | "control", type: string, content: JsonObject): Promise<JsonObject> => {
    const { id, frames } = await wire.encode(type, content);
    const reply = new Promise<JsonObject>((resolve) => pending.set(id, resolve));
    // A send that fails means a broken connection, which `listen` reports better.
    sockets[channel].send(frames).catch(() => {});
    return await Promise.race([reply, died]);
  };

  return {
    info: {},
    died,
    request,
    onOutput(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    execute(code, { silent } = { silent: false }) {
      const flags = { silent, store_history: !silent, allow_stdin: false, stop_on_error: true, user_expressions: {} };
      return request("shell", "execute_request", { code, ...flags });
    },
    interrupt: () => request("control", "interrupt_request", {}).then(() => {}),
    kill: process.kill,
    async stop() {
      const gone = died.catch(() => {});
      request("control", "shutdown_request", { restart: false }).catch(() => {});
      await resolvesWithin(gone, 1500);
      for (const socket of Object.values(sockets)) socket.close();
      await process.dispose();
      await Promise.all(listening);
    },
  };
}
