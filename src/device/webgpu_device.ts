import { type Batch, faultOf } from "./batch.ts";
import { Collector } from "./collector.ts";
import type { TypedArray } from "./dtype.ts";
import type { Device, DeviceInfo } from "./device.ts";
import type { DeviceSettings } from "./device_settings.ts";
import { DeviceLostError } from "./errors.ts";
import type { Cost, Launch } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import { PipelineCache } from "./pipelines.ts";
import { BufferPool } from "./pool.ts";
import { type ProfileRow, ProfileTable } from "./profiler.ts";
import { Recorder } from "./recorder.ts";
import { deno } from "./runtime.ts";
import { Storage, type StorageKind } from "./storage.ts";
import type { SystemLibraries } from "./system_libraries.ts";
import { Tuner } from "./tuner.ts";

/** One WebGPU adapter: buffers from a pool, kernels compiled once, dispatches recorded into few submissions. */
export class WebGpuDevice implements Device {
  readonly info: DeviceInfo;
  readonly ledger: Ledger;
  readonly tuner: Tuner;
  readonly libraries: SystemLibraries;
  /** The WebGPU device itself, for code that brings its own pipelines. */
  readonly gpu: GPUDevice;
  #pool: BufferPool;
  #pipelines: PipelineCache;
  #recorder: Recorder;
  #collector: Collector;
  #staging: GPUBuffer[] = [];
  #faults: Promise<Error | undefined>[] = [];
  #uncaptured: Error[] = [];
  #refused: Error | undefined;
  #settling: Promise<void> = Promise.resolve();
  #lost: string | undefined;
  #budget: number;
  #profile: { table: ProfileTable; timestamps: boolean; started: number } | undefined;

  /** Takes over `gpu`, which was opened with the features and limits in `info`; `fingerprint` tells its driver from others. */
  constructor(
    gpu: GPUDevice,
    info: DeviceInfo,
    options: DeviceSettings & { readonly fingerprint: string },
  ) {
    this.gpu = gpu;
    this.ledger = options.ledger;
    this.info = info;
    this.libraries = options.libraries;
    this.#budget = options.memoryBudget;
    this.#collector = new Collector(this.ledger, options.memoryBudget);
    this.tuner = new Tuner(`${info.name} ${info.vendor} ${options.fingerprint}`, options.tune);
    this.#recorder = new Recorder(
      gpu,
      Number(gpu.limits.minUniformBufferOffsetAlignment),
      (batch) => this.#follow(batch),
    );
    this.#pipelines = new PipelineCache(gpu, !info.probes.specials);
    this.#pool = new BufferPool({
      device: gpu,
      ledger: this.ledger,
      limits: { memory: info.limits.bindingBytes, image: info.limits.imageTexels * 16 },
      budget: options.memoryBudget,
      // A lost device rejects: the read says so itself.
      report: (fault) => this.#faults.push(fault.catch(() => undefined)),
      beforeDestroy: (resource) => {
        this.#recorder.flush();
        this.#recorder.forget(resource);
      },
    });
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#uncaptured.push(new Error((event as GPUUncapturedErrorEvent).error.message));
    });
    gpu.lost.then((info) => this.#lost ??= info.message || info.reason || "lost");
  }

  get closed(): boolean {
    return this.#lost !== undefined;
  }

  #use(): void {
    if (this.#lost !== undefined) {
      throw new DeviceLostError(`The device "${this.info.name}" is gone (${this.#lost}); open() gives a new one`);
    }
  }

  allocate(bytes: number, label: string): Storage {
    return this.#allocate(bytes, label).storage;
  }

  allocateImage(texels: number, label: string): Storage {
    return this.#allocate(texels * 16, label, "image").storage;
  }

  #allocate(bytes: number, label: string, kind: StorageKind = "memory"): { storage: Storage; recycled: boolean } {
    this.#use();
    const size = this.#pool.sizeClass(Math.max(4, bytes), kind);
    if (this.ledger.live + this.ledger.pooled + size > this.#budget && this.ledger.pooled) this.#pool.clear();
    const { resource, recycled } = this.#pool.take(size, label, kind);
    const storage = new Storage(resource, size, label, (s, resource) => {
      this.ledger.remove(s.id);
      if (this.#lost === undefined) this.#pool.give(resource as GPUBuffer | GPUTexture, size, kind);
    }, kind);
    this.ledger.add(storage.id, label, size);
    return { storage, recycled };
  }

  upload(data: TypedArray, label: string): Storage {
    const { storage, recycled } = this.#allocate(data.byteLength, label);
    // A write happens before everything not yet submitted: recorded kernels may still read the recycled buffer.
    if (recycled) this.#recorder.flush();
    const odd = data.byteLength % 4;
    const whole = data.byteLength - odd;
    const queue = this.gpu.queue;
    if (whole) queue.writeBuffer(storage.buffer, 0, data.buffer, data.byteOffset, whole);
    if (odd) {
      const tail = new Uint8Array(4);
      tail.set(new Uint8Array(data.buffer, data.byteOffset + whole, odd));
      queue.writeBuffer(storage.buffer, whole, tail);
    }
    return storage;
  }

  async read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    this.#use();
    const start = Math.floor(byteOffset / 4) * 4, end = Math.ceil((byteOffset + byteLength) / 4) * 4;
    const size = end - start;
    if (size === 0) {
      await this.sync();
      return new ArrayBuffer(0);
    }
    const staging = this.#takeStaging(size);
    const batches = new Set([...storage.origin, this.#recorder.copy(storage.buffer, start, staging, 0, size)]);
    this.#recorder.flush();
    const copy = await this.#take(staging, byteOffset - start, byteLength);
    if (this.#staging.length < 4) this.#staging.push(staging);
    else staging.destroy();
    await this.#check();
    const fault = await faultOf(batches);
    if (fault) {
      if (this.#refused === fault) this.#refused = undefined;
      throw fault;
    }
    await this.#collector.collect();
    return copy;
  }

  /** A part of what was copied into a staging buffer, which can then be used again. */
  async #take(staging: GPUBuffer, from: number, bytes: number): Promise<ArrayBuffer> {
    try {
      const mapped = staging.mapAsync(GPUMapMode.READ), asked = performance.now();
      await mapped;
      this.#profile?.table.wait("wait for a read", performance.now() - asked);
      // Only now: getMappedRange before mapAsync has resolved ends the process in some hosts.
      const copy = staging.getMappedRange().slice(from, from + bytes);
      staging.unmap();
      return copy;
    } catch (error) {
      // A lost device may refuse the mapping before it says that it is lost.
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([this.gpu.lost, new Promise((resolve) => timer = setTimeout(resolve, 200))]);
      clearTimeout(timer);
      await this.#check();
      throw error;
    }
  }

  /** Remembers the first batch that was refused, for `sync`. */
  #follow(batch: Batch): void {
    this.#settling = this.#settling.then(() => batch.settled).then(() => {
      this.#refused ??= batch.fault;
    });
  }

  #takeStaging(size: number): GPUBuffer {
    const k = this.#staging.findIndex((b) => b.size >= size && b.size <= 4 * size + 4096);
    if (k >= 0) return this.#staging.splice(k, 1)[0];
    return this.gpu.createBuffer({ label: "readback", size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Throws the first thing that went wrong since the last check. */
  async #check(): Promise<void> {
    const faults = this.#faults.splice(0);
    for (const fault of await Promise.all(faults)) if (fault) throw this.#clearUncaptured(fault);
    if (this.#lost !== undefined) this.#use();
    const stray = this.#uncaptured[0];
    if (stray) throw this.#clearUncaptured(stray);
  }

  #clearUncaptured(error: Error): Error {
    this.#uncaptured.length = 0;
    return error;
  }

  dispatch(launch: Launch): void {
    this.#use();
    const pipeline = this.#pipelines.get(launch);
    this.#recorder.dispatch(launch, pipeline);
  }

  runWasm(): void {
    throw new TypeError("A WebGPU device runs WGSL kernels, not WebAssembly");
  }

  runHost(): void {
    throw new TypeError("A WebGPU device runs kernels, not host loops");
  }

  account(label: string, cost: Cost): void {
    this.#profile?.table.cost(label, cost);
  }

  flush(): void {
    this.#recorder.flush();
  }

  time(): number | undefined {
    // In Deno the call itself (not its promise) blocks until the queue is idle; elsewhere there is no such clock.
    if (!deno) return undefined;
    this.#recorder.flush();
    this.gpu.queue.onSubmittedWorkDone().catch(() => {});
    return performance.now();
  }

  async sync(): Promise<void> {
    this.#use();
    this.#recorder.flush();
    const done = this.gpu.queue.onSubmittedWorkDone(), asked = performance.now();
    await done;
    this.#profile?.table.wait("wait for all work", performance.now() - asked);
    await this.#check();
    await this.#settling;
    const fault = this.#refused;
    this.#refused = undefined;
    if (fault) throw fault;
    await this.#collector.collect();
  }

  startProfile(): void {
    this.#use();
    const timestamps = this.info.features.includes("timestamp-query");
    if (timestamps) this.#recorder.startTiming();
    this.#profile = { table: new ProfileTable("webgpu"), timestamps, started: performance.now() };
  }

  async stopProfile(): Promise<ProfileRow[]> {
    const profile = this.#profile;
    this.#profile = undefined;
    if (!profile) return [];
    if (!profile.timestamps) {
      await this.sync();
      const rows = profile.table.rows();
      // Without timestamps only the whole is known.
      const ms = performance.now() - profile.started;
      rows.unshift({ kernel: "(wall time)", on: "webgpu", wait: false, count: 1, ms, flops: 0, bytes: 0 });
      return rows;
    }
    const { labels, stamps } = this.#recorder.stopTiming();
    if (!stamps) {
      await this.sync();
      return profile.table.rows();
    }
    const staging = this.#takeStaging(stamps.size);
    this.#recorder.copy(stamps, 0, staging, 0, stamps.size);
    this.#recorder.flush();
    const times = new BigUint64Array(await this.#take(staging, 0, stamps.size));
    staging.destroy();
    stamps.destroy();
    await this.#check();
    for (const [k, label] of labels.entries()) {
      profile.table.row(label).ms += Number(times[2 * k + 1] - times[2 * k]) / 1e6;
    }
    return profile.table.rows();
  }

  close(): void {
    if (this.#lost !== undefined) return;
    this.#pool.clear();
    this.#lost = "closed";
    this.gpu.destroy();
  }
}
