import type { HostKernel } from "./host_kernels.ts";
import type { HostBlock, HostMemory } from "./host_memory.ts";
import { startWorker } from "./start_worker.ts";
import { JOB, type WorkerTimes } from "./thread_worker.ts";

/** A worker that has just worked is at hand for a while; then it leaves the processor to others. */
const TIMES: WorkerTimes = { spin: 0.05, doze: 200 };
/** Grains for each thread, below which fewer threads work: a worker that is slow to wake or interrupted must not cost more than it gives. */
const GRAINS_EACH = 2;
/** Looks at memory before the launching thread sleeps until the last worker is done. */
const PATIENCE = 20_000;

/** A job for all threads: the work items 0 … count − 1 of a kernel, dealt in grains. */
export interface HostJob {
  /** What runs. */
  readonly kernel: HostKernel;
  /** Number of work items, below 2^31. */
  readonly count: number;
  /** Work items that are dealt at a time; they should take tens of microseconds. */
  readonly grain: number;
  /** Address of the arguments. */
  readonly args: number;
  /** Most threads, the calling one among them. */
  readonly threads: number;
}

/**
 * Worker threads on a shared memory, started when they are first needed. A launch writes the job's words, wakes the workers and
 * takes grains itself until none is left: no messages, and no waiting for a worker that is slow to wake.
 */
export class ThreadPool {
  #memory: HostMemory;
  #control: HostBlock | undefined;
  #started = 0;
  #failure: string | undefined;

  /** A pool without threads yet. */
  constructor(memory: HostMemory) {
    this.#memory = memory;
    if (!memory.shared) this.#failure = "the host does not share memory between threads";
  }

  /** Why there are no worker threads; undefined while nothing has gone wrong. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Runs a job. Throws what the kernel threw, on whichever thread. */
  run(job: HostJob): void {
    const { kernel, count, grain, args } = job;
    const grains = Math.ceil(count / grain), workers = Math.min(job.threads, Math.floor(grains / GRAINS_EACH)) - 1;
    if (workers <= 0 || !this.#start(workers)) return kernel.run(0, count, args);
    const words = this.#words();
    words[JOB.kernel] = kernel.id;
    words[JOB.code] = kernel.code.address;
    words[JOB.codeBytes] = kernel.codeBytes;
    words[JOB.count] = count;
    words[JOB.grain] = grain;
    words[JOB.args] = args;
    words[JOB.workers] = workers;
    Atomics.store(words, JOB.next, 0);
    Atomics.store(words, JOB.open, 1);
    Atomics.add(words, JOB.generation, 1);
    Atomics.notify(words, JOB.generation, workers);
    try {
      for (;;) {
        const first = Atomics.add(words, JOB.next, 1) * grain;
        if (first >= count) break;
        kernel.run(first, Math.min(first + grain, count), args);
      }
    } finally {
      Atomics.store(words, JOB.open, 0);
      awaitWorkers(words);
    }
    const units = Atomics.load(words, JOB.failure);
    if (units === 0) return;
    this.#failure = `a worker thread failed (${
      String.fromCharCode(...words.subarray(JOB.message, JOB.message + units))
    })`;
    throw new Error(`The kernel "${kernel.label}" did not finish: ${this.#failure}`);
  }

  /** Whether so many workers run; starts those that are missing. */
  #start(workers: number): boolean {
    try {
      for (; this.#failure === undefined && this.#started < workers; this.#started++) {
        startWorker(this.#memory.memory, this.#block().address, this.#started, TIMES, (reason) => {
          this.#failure ??= `a worker thread failed (${reason})`;
        });
      }
    } catch (error) {
      this.#failure = `no worker thread could be started (${error})`;
    }
    return this.#failure === undefined;
  }

  #block(): HostBlock {
    if (!this.#control) {
      this.#control = this.#memory.allocate(4 * JOB.words, "threads");
      this.#words().fill(0);
    }
    return this.#control;
  }

  #words(): Int32Array {
    return new Int32Array(this.#memory.memory.buffer, this.#block().address, JOB.words);
  }
}

/** Waits until no worker is at work: they are within their last grains. */
function awaitWorkers(words: Int32Array): void {
  for (let look = 0;; look++) {
    const active = Atomics.load(words, JOB.active);
    if (active === 0) return;
    if (look < PATIENCE) continue;
    try {
      Atomics.wait(words, JOB.active, active, 1);
    } catch { /* a page's main thread may not sleep */ }
  }
}
