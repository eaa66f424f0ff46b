import type { CpuDevice } from "./cpu_device.ts";
import type { TypedArray } from "./dtype.ts";
import type { Device, DeviceInfo, Placement } from "./device.ts";
import type { Cost, HostLaunch, Launch } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import type { ProfileRow } from "./profiler.ts";
import type { Storage } from "./storage.ts";
import type { SystemLibraries } from "./system_libraries.ts";
import type { Tuner } from "./tuner.ts";
import type { WebGpuDevice } from "./webgpu_device.ts";

/** Larger arrays go to a hardware adapter at once: no short call reads them. */
const SMALL_BYTES = 4 << 20;

/**
 * An adapter and the host as one device. Calls run on the host as long as all that they read is there and the adapter would not save
 * enough, so that small problems never wait for it; the others run on the adapter, which gets copies of what they read. Nothing comes
 * back unless it is read. A software adapter, which has the host's processors, saves little but in reductions over pairs.
 */
export class PairedDevice implements Device {
  readonly info: DeviceInfo;
  readonly ledger: Ledger;
  readonly tuner: Tuner;
  readonly libraries: SystemLibraries;
  /** A call runs on the adapter if that saves so many milliseconds: a read from it costs as much as twenty such calls save. */
  short = 0.5;
  #adapter: WebGpuDevice;
  #host: CpuDevice;
  /** Whether the adapter may have work that nobody has waited for. */
  #asked = false;

  /** Takes over two devices with one ledger. */
  constructor(adapter: WebGpuDevice, host: CpuDevice) {
    this.#adapter = adapter;
    this.#host = host;
    this.ledger = adapter.ledger;
    this.tuner = adapter.tuner;
    this.libraries = adapter.libraries;
    this.info = {
      ...adapter.info,
      threads: host.info.threads,
      reason:
        `${adapter.info.reason}; calls run on the ${host.info.name} where the adapter would save less than ${this.short} ms`,
    };
  }

  get closed(): boolean {
    return this.#adapter.closed;
  }

  place(call: Placement): Device {
    if (this.#isForHost(call)) return this.#host;
    this.#asked = true;
    return this.#adapter;
  }

  #isForHost({ reads, dtypes, ms, gain }: Placement): boolean {
    if (!reads.every((storage) => storage.onHost)) return false;
    const { probes } = this.#adapter.info;
    if (dtypes.includes("f64") && !probes.f64 || dtypes.includes("f16") && !probes.f16) return true;
    return this.info.software ? ms * (1 - 1 / gain) < this.short : ms < this.short;
  }

  bring(storage: Storage, part: Device): Storage {
    if (part === this.#host || !storage.onHost) return storage;
    // A view of shared memory is copied first: not every host takes one.
    return storage.companion ??= this.#adapter.upload(new Uint32Array(storage.view("u32")), storage.label);
  }

  allocate(bytes: number, label: string): Storage {
    return this.#adapter.allocate(bytes, label);
  }

  allocateImage(texels: number, label: string): Storage {
    return this.#adapter.allocateImage(texels, label);
  }

  upload(data: TypedArray, label: string): Storage {
    const { probes } = this.#adapter.info;
    const foreign = data instanceof Float64Array && !probes.f64 || data instanceof Float16Array && !probes.f16;
    const stays = foreign || this.info.software || data.byteLength <= SMALL_BYTES;
    return (stays ? this.#host : this.#adapter).upload(data, label);
  }

  read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    return (storage.onHost ? this.#host : this.#adapter).read(storage, byteOffset, byteLength);
  }

  dispatch(launch: Launch): void {
    this.#asked = true;
    this.#adapter.dispatch(launch);
  }

  runHost(label: string, work: () => void): void {
    this.#host.runHost(label, work);
  }

  runWasm(launch: HostLaunch): void {
    this.#host.runWasm(launch);
  }

  account(label: string, cost: Cost): void {
    this.#adapter.account(label, cost);
  }

  flush(): void {
    this.#adapter.flush();
  }

  time(): number | undefined {
    return this.#adapter.time();
  }

  async sync(): Promise<void> {
    await this.#host.sync();
    if (!this.#asked) return;
    this.#asked = false;
    await this.#adapter.sync();
  }

  startProfile(): void {
    this.#adapter.startProfile();
    this.#host.startProfile();
  }

  async stopProfile(): Promise<ProfileRow[]> {
    const rows = [...await this.#adapter.stopProfile(), ...await this.#host.stopProfile()];
    return rows.sort((a, b) => b.ms - a.ms);
  }

  close(): void {
    this.#host.close();
    this.#adapter.close();
  }
}
