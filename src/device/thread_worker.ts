/** Where the words of a job are in the control block, counted in 32-bit words; words that threads wait for have their own cache line. */
export const JOB = {
  /** Number of jobs so far: idle workers wait for its change. */
  generation: 0,
  /** The next grain that nobody has taken. */
  next: 16,
  /** Workers that may be working: the launching thread waits for its fall to 0. */
  active: 32,
  /** 1 while grains may be taken. */
  open: 48,
  /** Number of the kernel. */
  kernel: 64,
  /** Address of its bytes. */
  code: 65,
  /** Number of its bytes. */
  codeBytes: 66,
  /** Number of work items. */
  count: 67,
  /** Work items per grain. */
  grain: 68,
  /** Address of the argument block. */
  args: 69,
  /** How many workers may help. */
  workers: 70,
  /** Number of UTF-16 units of the message of a worker that failed, 0 if none has. */
  failure: 80,
  /** The message. */
  message: 81,
  /** Most units of a message. */
  messageUnits: 400,
  /** Size of the block in words. */
  words: 512,
} as const;

/** What a kernel module exports. */
export type RunKernel = (first: number, last: number, args: number) => void;

/** How a worker waits for work. */
export interface WorkerTimes {
  /** Milliseconds for which it looks at memory all the time: the next launch finds it at once. */
  readonly spin: number;
  /** Milliseconds for which it then sleeps in a system call; after that it sleeps in its event loop, which can be ended. */
  readonly doze: number;
}

/**
 * The program of a worker thread. Its text is sent to the worker, so it must not name anything outside itself.
 *
 * A worker joins a job by counting itself in `active` before it looks at `open`; the launching thread closes the job before it looks
 * at `active`. Whichever is first, none works on a job whose words are being rewritten, and nobody waits for a worker that is asleep.
 */
export function threadWorker(
  memory: WebAssembly.Memory,
  control: number,
  index: number,
  job: typeof JOB,
  times: WorkerTimes,
): void {
  const words = new Int32Array(memory.buffer, control, job.words);
  const kernels = new Map<number, RunKernel>();

  function kernel(): RunKernel {
    const id = words[job.kernel], known = kernels.get(id);
    if (known) return known;
    const code = new Uint8Array(memory.buffer, words[job.code] >>> 0, words[job.codeBytes]).slice();
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } }).exports;
    kernels.set(id, run as RunKernel);
    return run as RunKernel;
  }

  function help(): void {
    const run = kernel(), count = words[job.count], grain = words[job.grain], args = words[job.args];
    for (;;) {
      const first = Atomics.add(words, job.next, 1) * grain;
      if (first >= count) return;
      run(first, Math.min(first + grain, count), args);
    }
  }

  function join(): void {
    Atomics.add(words, job.active, 1);
    if (Atomics.load(words, job.open) === 1 && index < words[job.workers]) {
      try {
        help();
      } catch (error) {
        const text = String(error).slice(0, job.messageUnits);
        for (let k = 0; k < text.length; k++) words[job.message + k] = text.charCodeAt(k);
        Atomics.store(words, job.failure, text.length);
      }
    }
    if (Atomics.sub(words, job.active, 1) === 1) Atomics.notify(words, job.active);
  }

  let seen = 0;

  function wait(): void {
    let idle = performance.now();
    for (;;) {
      if (Atomics.load(words, job.generation) !== seen) {
        seen = Atomics.load(words, job.generation);
        join();
        idle = performance.now();
      } else if (performance.now() - idle > times.spin) {
        if (Atomics.wait(words, job.generation, seen, times.doze) === "timed-out") break;
      }
    }
    const change = (Atomics as unknown as {
      waitAsync?: (words: Int32Array, at: number, value: number) => { async: boolean; value: Promise<string> };
    }).waitAsync?.(words, job.generation, seen);
    // A host without waitAsync sleeps in the system call for good.
    if (!change) Atomics.wait(words, job.generation, seen);
    if (change?.async) change.value.then(wait);
    else setTimeout(wait, 0);
  }

  wait();
}
