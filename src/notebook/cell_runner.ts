import { CellTimeoutError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import { LISTENING } from "./setup.ts";
import { resolvesWithin } from "./wait.ts";
import type { JsonObject } from "./wire.ts";

const MARK = "denovo_mark";
/** How long an interrupt may take, in milliseconds. */
const GRACE = 1500;

/** Runs cells one after the other; see {@linkcode createRunner}. */
export type CellRunner = (code: string, timeout: number) => Promise<JsonObject>;

/**
 * A function that runs a cell and gives the content of the kernel's reply, once all output of the cell has come. It
 * throws {@linkcode CellTimeoutError} after `timeout` seconds and {@linkcode KernelDiedError} if the kernel dies.
 *
 * The kernel publishes output from a queue that races with its reply and with `status: idle`, so neither tells where the
 * output of a cell ends. The queue keeps its order, though: after the reply comes a silent request that broadcasts a
 * mark through the same queue, and whatever arrives before the mark is the cell's.
 */
export function createRunner(kernel: Kernel): CellRunner {
  // Whether the cells so far have called `setup()`; each mark brings the news.
  let listensToSigint = false;

  /** Waits until the output queued so far has come; false if the kernel falls silent for `quiet` milliseconds. */
  const drain = async (quiet: number): Promise<boolean> => {
    const mark = crypto.randomUUID();
    const { promise: marked, resolve } = Promise.withResolvers<void>();
    let seen = 0;
    const off = kernel.onOutput(({ type, content }) => {
      if (type !== "status" && type !== "execute_input") seen++;
      if (type !== MARK || content.mark !== mark) return;
      listensToSigint = content.listening === true;
      resolve();
    });
    const code = `globalThis.Deno.jupyter.broadcast("${MARK}", { mark: "${mark}", listening: ${LISTENING} })`;
    try {
      const arrived = kernel.execute(code, { silent: true }).then(() => Promise.race([marked, kernel.died]));
      for (let before = -1; seen > before;) {
        before = seen;
        if (await resolvesWithin(arrived, quiet)) return true;
      }
      return false;
    } finally {
      off();
    }
  };

  /** Tries to end the running cell; true if its reply came. */
  const interrupt = async (reply: Promise<unknown>): Promise<boolean> => {
    try {
      // SIGINT is for cells that await, and kills a kernel that does not listen. The request is for loops that do not
      // await; in others it would cut off what the signal is to end.
      if (listensToSigint) {
        kernel.kill("SIGINT");
        if (await resolvesWithin(reply, GRACE)) return true;
      }
      await resolvesWithin(kernel.interrupt(), GRACE);
      return await resolvesWithin(reply, GRACE);
    } catch {
      return false;
    }
  };

  const timeoutError = (what: string, recovered: boolean) => {
    const advice = listensToSigint
      ? ""
      : " (notebook.setup() helps against errors in timers and makes awaiting cells stop)";
    const outcome = recovered ? "it was interrupted" : `an interrupt had no effect${advice} and the kernel was killed`;
    return new CellTimeoutError(`${what}: ${outcome}`, recovered);
  };

  return async (code, timeout) => {
    const reply = kernel.execute(code);
    if (!await resolvesWithin(reply, timeout * 1000)) {
      const recovered = await interrupt(reply) && await drain(GRACE);
      throw timeoutError(`The cell took longer than ${timeout} s`, recovered);
    }
    if (!await drain(timeout * 1000)) {
      await resolvesWithin(kernel.interrupt(), GRACE);
      throw timeoutError(`What the cell left running took longer than ${timeout} s`, await drain(GRACE));
    }
    return await reply;
  };
}
