import { KernelError } from "./errors.ts";
import type { HostBlock, HostMemory } from "./host_memory.ts";
import type { HostLaunch } from "./launch.ts";
import { environment } from "./runtime.ts";
import type { RunKernel } from "./thread_worker.ts";

/** A kernel as the launching thread has it. */
export interface HostKernel {
  /** Unique number. */
  readonly id: number;
  /** Name for messages. */
  readonly label: string;
  /** Its bytes, where worker threads find them. */
  readonly code: HostBlock;
  /** How many bytes. */
  readonly codeBytes: number;
  /** Runs it on this thread. */
  readonly run: RunKernel;
}

/** Launches of a key that are proved: an iteration of thousands shows nothing new, and writing code takes longer than running it. */
const PROVED = 50;

/** Compiles WebAssembly kernels once per key. */
export class HostKernels {
  #memory: HostMemory;
  #byKey = new Map<string, HostKernel>();
  /** Launches by key, counted only to prove that keys identify codes (`DENOVO_VERIFY_KEYS=1`, set by the tests). */
  #launches: Map<string, number> | undefined = environment("DENOVO_VERIFY_KEYS") === "1" ? new Map() : undefined;

  /** For kernels that import this memory. */
  constructor(memory: HostMemory) {
    this.#memory = memory;
  }

  /** The kernel of a launch. */
  get(launch: HostLaunch): HostKernel {
    const known = this.#byKey.get(launch.key);
    if (known && this.#launches) this.#prove(launch, known, this.#launches);
    if (known) return known;
    const made = this.#compile(launch);
    this.#byKey.set(launch.key, made);
    return made;
  }

  #compile({ label, code }: HostLaunch): HostKernel {
    const memory = this.#memory.memory, bytes = code(this.#memory.shared);
    let run: unknown;
    try {
      run = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.run;
    } catch (error) {
      throw new KernelError(`The kernel "${label}" is not valid WebAssembly: ${(error as Error).message}`, label, "");
    }
    if (typeof run !== "function") throw new KernelError(`The kernel "${label}" exports no function "run"`, label, "");
    const block = this.#memory.allocate(bytes.length, `code of ${label}`);
    this.#memory.bytes(block.address, bytes.length).set(bytes);
    return { id: this.#byKey.size, label, code: block, codeBytes: bytes.length, run: run as RunKernel };
  }

  /** Two kernels of one key would run each other's code. */
  #prove(launch: HostLaunch, known: HostKernel, launches: Map<string, number>): void {
    const count = launches.get(launch.key) ?? 0;
    if (count >= PROVED) return;
    launches.set(launch.key, count + 1);
    const now = launch.code(this.#memory.shared), before = this.#memory.bytes(known.code.address, known.codeBytes);
    if (now.length === before.length && now.every((byte, k) => byte === before[k])) return;
    throw new KernelError(
      `Two codes of the kernel "${launch.label}" have the key ${JSON.stringify(launch.key)}`,
      launch.label,
      "",
    );
  }
}
