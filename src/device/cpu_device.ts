import { Collector } from "./collector.ts";
import type { TypedArray } from "./dtype.ts";
import type { Device, DeviceInfo } from "./device.ts";
import { DeviceLostError, OutOfMemoryError } from "./errors.ts";
import type { Cost } from "./launch.ts";
import { Ledger } from "./ledger.ts";
import { megabytes } from "./pool.ts";
import { type ProfileRow, ProfileTable } from "./profiler.ts";
import { Storage } from "./storage.ts";
import { type TuneMode, Tuner } from "./tuner.ts";

/** Largest block: what an ArrayBuffer can hold on today's engines with room to spare. */
const LIMIT = 2 ** 32;

/** The host itself: memory is an `ArrayBuffer`, kernels are loops that run at once. */
export class CpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly ledger: Ledger = new Ledger();
  readonly tuner: Tuner;
  #collector: Collector;
  #closed = false;
  #profile: ProfileTable | undefined;

  /** Opens the host as a device; `reason` says why it was chosen. */
  constructor(reason: string, options: { tune: TuneMode; memoryBudget: number }) {
    this.#collector = new Collector(this.ledger, options.memoryBudget);
    this.info = {
      backend: "cpu",
      name: "CPU (TypeScript)",
      vendor: "",
      software: true,
      reason,
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
        longLoops: true,
      },
      limits: {
        bindingBytes: LIMIT,
        workgroups: Infinity,
        invocations: 1,
        workgroupBytes: 0,
        storageBuffers: Infinity,
        imageTexels: 0,
      },
    };
    this.tuner = new Tuner("cpu", options.tune);
  }

  get closed(): boolean {
    return this.#closed;
  }

  #use(): void {
    if (this.#closed) throw new DeviceLostError(`The device "${this.info.name}" is closed; open() gives a new one`);
  }

  allocate(bytes: number, label: string): Storage {
    this.#use();
    const size = Math.max(8, Math.ceil(bytes / 8) * 8);
    if (size > LIMIT) {
      throw new OutOfMemoryError(
        `Cannot allocate ${megabytes(size)} for "${label}": the device holds at most ${megabytes(LIMIT)} in one block`,
        size,
        LIMIT,
      );
    }
    let memory: ArrayBuffer;
    try {
      memory = new ArrayBuffer(size);
    } catch {
      throw new OutOfMemoryError(`Cannot allocate ${megabytes(size)} for "${label}": out of memory`, size);
    }
    const storage = new Storage(memory, size, label, (s) => this.ledger.remove(s.id));
    this.ledger.add(storage.id, label, size);
    return storage;
  }

  allocateImage(): Storage {
    throw new TypeError("The CPU device has no images");
  }

  upload(data: TypedArray, label: string): Storage {
    const storage = this.allocate(data.byteLength, label);
    new Uint8Array(storage.memory).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return storage;
  }

  async read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    const copy = storage.memory.slice(byteOffset, byteOffset + byteLength);
    await this.sync();
    return copy;
  }

  dispatch(): void {
    throw new TypeError("The CPU device runs host loops, not WGSL kernels");
  }

  runHost(label: string, work: () => void): void {
    this.#use();
    if (!this.#profile) return work();
    const start = performance.now();
    work();
    this.#profile.row(label).ms += performance.now() - start;
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
    this.#profile = new ProfileTable();
  }

  stopProfile(): Promise<ProfileRow[]> {
    const rows = this.#profile?.rows() ?? [];
    this.#profile = undefined;
    return Promise.resolve(rows);
  }

  close(): void {
    this.#closed = true;
  }
}
