import { builtin } from "./runtime.ts";
import { JOB, threadWorker, type WorkerTimes } from "./thread_worker.ts";

/** What a worker thread is given. */
interface WorkerData {
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly index: number;
  readonly job: typeof JOB;
  readonly times: WorkerTimes;
}

/**
 * Starts a worker thread on the control block at byte `control` of a shared memory. `fail` is told if it ends by itself. The worker
 * does not keep the process alive.
 */
export function startWorker(
  memory: WebAssembly.Memory,
  control: number,
  index: number,
  times: WorkerTimes,
  fail: (reason: string) => void,
): void {
  const data: WorkerData = { memory, control, index, job: JOB, times };
  const begin = `((d) => (${threadWorker})(d.memory, d.control, d.index, d.job, d.times))`;
  const threads = builtin("node:worker_threads");
  if (threads) {
    // The listener holds the worker's event loop open while it sleeps there.
    const text =
      `const t = require("node:worker_threads"); t.parentPort.on("message", () => {}); ${begin}(t.workerData);`;
    const worker = new threads.Worker(text, { eval: true, workerData: data });
    worker.unref();
    worker.on("error", (error) => fail(String(error)));
    worker.on("exit", () => fail("the thread ended"));
    return;
  }
  const url = URL.createObjectURL(
    new Blob([`globalThis.onmessage = (event) => ${begin}(event.data);`], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  worker.onerror = (event) => fail(event.message || "the thread could not start");
  worker.postMessage(data);
}
