import { Collector } from "./collector.ts";
import type { TypedArray } from "./dtype.ts";
import type { Device, DeviceInfo } from "./device.ts";
import type { DeviceSettings } from "./device_settings.ts";
import { DeviceLostError } from "./errors.ts";
import { HostKernels } from "./host_kernels.ts";
import { type HostBlock, HostMemory } from "./host_memory.ts";
import type { Cost, HostArgument, HostLaunch } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import { type ProfileRow, ProfileTable } from "./profiler.ts";
import { Storage } from "./storage.ts";
import type { SystemLibraries } from "./system_libraries.ts";
import { ThreadPool } from "./thread_pool.ts";
import { Tuner } from "./tuner.ts";

/** What all CPU devices of this thread have in common: worker threads and memory are the machine's, not a device's. */
interface Host {
  readonly memory: HostMemory;
  readonly kernels: HostKernels;
  readonly threads: ThreadPool;
}

let common: Host | undefined;

function host(): Host {
  if (!common) {
    const memory = new HostMemory();
    common = { memory, kernels: new HostKernels(memory), threads: new ThreadPool(memory) };
  }
  return common;
}

/** The host itself: WebAssembly kernels on threads, and TypeScript loops, run at once on blocks of one memory. */
export class CpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly ledger: Ledger;
  readonly tuner: Tuner;
  readonly libraries: SystemLibraries;
  #collector: Collector;
  #closed = false;
  #profile: ProfileTable | undefined;
  #host = host();
  #threads: number;
  #reason: string;
  #blocks = new Set<HostBlock>();
  #args: HostBlock | undefined;

  /** Opens the host as a device; `reason` says why it was chosen. */
  constructor(
    reason: string,
    options: DeviceSettings & { threads: number },
  ) {
    this.ledger = options.ledger;
    this.#threads = options.threads;
    const libraries = this.libraries = options.libraries;
    this.#reason = reason;
    this.#collector = new Collector(this.ledger, options.memoryBudget);
    this.info = {
      backend: "cpu",
      name: "",
      vendor: "",
      software: true,
      reason,
      threads: 1,
      subgroupSize: 1,
      features: [],
      probes: {
        nanCompare: true,
        twoSum: true,
        subgroups: false,
        f16: true,
        f64: true,
        int64: false,
        floatAtomics: true,
        cooperative: false,
        longLoops: true,
        specials: true,
      },
      limits: {
        bindingBytes: this.#host.memory.limit,
        workgroups: Infinity,
        invocations: 1,
        workgroupBytes: 0,
        storageBuffers: Infinity,
        imageTexels: 0,
      },
      get libraries() {
        return libraries.names;
      },
    };
    this.#describe();
    this.tuner = new Tuner(`cpu ${options.threads}`, options.tune);
  }

  /** Name and reason, which say so when threads have failed. */
  #describe(): void {
    const failure = this.#threads > 1 ? this.#host.threads.failure : undefined, threads = failure ? 1 : this.#threads;
    this.info.threads = threads;
    this.info.name = `CPU (WebAssembly SIMD, ${threads} thread${threads === 1 ? "" : "s"})`;
    this.info.reason = failure ? `${this.#reason}; no threads: ${failure}` : this.#reason;
  }

  get closed(): boolean {
    return this.#closed;
  }

  #use(): void {
    if (this.#closed) throw new DeviceLostError(`The device "${this.info.name}" is closed; open() gives a new one`);
  }

  allocate(bytes: number, label: string): Storage {
    this.#use();
    const block = this.#host.memory.allocate(Math.max(1, bytes), label);
    this.#blocks.add(block);
    const storage = new Storage(block, block.bytes, label, (s) => {
      this.ledger.remove(s.id);
      // Closing the device has given back what was left.
      if (this.#blocks.delete(block)) this.#host.memory.release(block);
    });
    this.ledger.add(storage.id, label, block.bytes);
    return storage;
  }

  allocateImage(): Storage {
    throw new TypeError("The CPU device has no images");
  }

  upload(data: TypedArray, label: string): Storage {
    const storage = this.allocate(data.byteLength, label);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#host.memory.bytes(storage.block.address, data.byteLength).set(bytes);
    return storage;
  }

  async read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    this.#use();
    const copy = new Uint8Array(byteLength);
    copy.set(this.#host.memory.bytes(storage.block.address + byteOffset, byteLength));
    await this.sync();
    return copy.buffer;
  }

  dispatch(): void {
    throw new TypeError("The CPU device runs WebAssembly kernels and host loops, not WGSL");
  }

  runHost(label: string, work: () => void): void {
    this.#use();
    if (!this.#profile) return work();
    const start = performance.now();
    work();
    this.#profile.row(label).ms += performance.now() - start;
  }

  runWasm(launch: HostLaunch): void {
    this.#use();
    const { label, count, grain } = launch, { kernels, threads } = this.#host;
    if (count === 0) return;
    const before = threads.failure, kernel = kernels.get(launch), args = this.#write(launch.args);
    try {
      this.runHost(label, () => threads.run({ kernel, args, count, grain, threads: this.#threads }));
    } finally {
      if (threads.failure !== before) this.#describe();
    }
  }

  /** Writes arguments to where a kernel finds them: a launch is over before the next begins, so one place does. */
  #write(args: readonly HostArgument[]): number {
    const { memory } = this.#host;
    if (!this.#args || this.#args.bytes < 8 * args.length) {
      if (this.#args) memory.release(this.#args);
      this.#args = memory.allocate(8 * Math.max(64, args.length), "arguments");
    }
    const { address, bytes } = this.#args, words = new DataView(memory.memory.buffer, address, bytes);
    args.forEach((arg, k) => {
      if ("i32" in arg) words.setInt32(8 * k, arg.i32, true);
      else if ("f32" in arg) words.setFloat32(8 * k, arg.f32, true);
      else words.setFloat64(8 * k, arg.f64, true);
    });
    return address;
  }

  account(label: string, cost: Cost): void {
    this.#profile?.cost(label, cost);
  }

  flush(): void {}

  time(): number {
    return performance.now();
  }

  async sync(): Promise<void> {
    this.#use();
    await this.#collector.collect();
  }

  startProfile(): void {
    this.#profile = new ProfileTable("cpu");
  }

  stopProfile(): Promise<ProfileRow[]> {
    const rows = this.#profile?.rows() ?? [];
    this.#profile = undefined;
    return Promise.resolve(rows);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { memory } = this.#host;
    for (const block of this.#blocks) memory.release(block);
    this.#blocks.clear();
    if (this.#args) memory.release(this.#args);
    this.#args = undefined;
  }
}
