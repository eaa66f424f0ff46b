import { type Batch, newBatch, originOf, settle } from "./batch.ts";
import type { Launch } from "./launch.ts";
import type { Pipeline } from "./pipelines.ts";
import type { Storage } from "./storage.ts";

/** Dispatches recorded before they are sent without being asked: keeps the device busy while the host goes on. */
const FLUSH_AFTER = 512;
/** Bytes of the uniform buffer that one batch may fill. */
const UNIFORM_BYTES = 1 << 16;
/** Dispatches whose timestamps fit in one query set: WebGPU allows 4096 queries in each. */
const TIMED = 2048;
/** Bind groups kept for reuse by iterative work. */
const BIND_GROUPS = 2048;

/**
 * Records dispatches into one compute pass and one submission: a separate submit costs up to 0.7 ms, a dispatch in a shared
 * pass 8 µs. Uniform words of the whole batch go up in one write.
 */
export class Recorder {
  #device: GPUDevice;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #batch = newBatch();
  #report: (batch: Batch) => void;
  #count = 0;
  #uniforms: GPUBuffer;
  #host = new Uint32Array(UNIFORM_BYTES / 4);
  #used = 0;
  #slots = new Map<string, number>();
  #step: number;
  #groups = new Map<string, GPUBindGroup>();
  #timed: { labels: string[]; sets: GPUQuerySet[] } | undefined;

  /** `alignment` is the device's alignment of dynamic uniform offsets in bytes; `report` receives every batch that is sent. */
  constructor(device: GPUDevice, alignment: number, report: (batch: Batch) => void) {
    this.#device = device;
    this.#report = report;
    this.#step = Math.max(16, alignment) / 4;
    this.#uniforms = device.createBuffer({
      label: "uniforms",
      size: UNIFORM_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** True if there is work that has not been sent. */
  get pending(): boolean {
    return this.#encoder !== undefined;
  }

  /** Records a dispatch. */
  dispatch(launch: Launch, pipeline: Pipeline): void {
    if (launch.workgroups.some((n) => n === 0)) return;
    if (pipeline.fault) {
      const failed = newBatch(pipeline.fault);
      for (const s of launch.write) s.origin = failed.alone;
      this.#report(failed);
      return;
    }
    // The first dispatch of a kernel is sent by itself: should its text be wrong, nothing else is refused with it.
    const first = !pipeline.tried;
    if (first) this.flush();
    pipeline.tried = true;
    const timed = this.#timed;
    let offset = launch.uniforms.length ? this.#slot(launch.uniforms) : 0;
    if (offset < 0) {
      this.flush();
      offset = this.#slot(launch.uniforms);
    }
    this.#encoder ??= this.#device.createCommandEncoder({ label: "denovo" });
    if (timed) {
      const k = timed.labels.length % TIMED * 2;
      if (k === 0) timed.sets.push(this.#device.createQuerySet({ type: "timestamp", count: 2 * TIMED }));
      timed.labels.push(launch.label);
      const pass = this.#encoder.beginComputePass({
        label: launch.label,
        timestampWrites: { querySet: timed.sets.at(-1)!, beginningOfPassWriteIndex: k, endOfPassWriteIndex: k + 1 },
      });
      this.#encode(pass, launch, pipeline, offset);
      pass.end();
    } else {
      this.#pass ??= this.#encoder.beginComputePass({ label: "denovo" });
      this.#encode(this.#pass, launch, pipeline, offset);
    }
    this.#note(launch, pipeline);
    if (first || ++this.#count >= FLUSH_AFTER) this.flush();
  }

  /** What the launch writes depends on this batch, and on those that what it reads depends on. */
  #note(launch: Launch, pipeline: Pipeline): void {
    if (!pipeline.proven) this.#batch.unproven.add(pipeline);
    const origin = originOf(this.#batch, [...launch.read, ...launch.write]);
    for (const s of launch.write) s.origin = origin;
  }

  #encode(pass: GPUComputePassEncoder, launch: Launch, pipeline: Pipeline, offset: number): void {
    pass.setPipeline(pipeline.pipeline);
    const group = this.#bind(launch, pipeline);
    if (launch.uniforms.length) pass.setBindGroup(0, group, [offset]);
    else pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...launch.workgroups);
  }

  /** Byte offset of these words in the uniform buffer; equal words share a slot; −1 when the buffer is full. */
  #slot(words: Uint32Array): number {
    const key = words.join();
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const span = Math.ceil(words.length / this.#step) * this.#step;
    if (this.#used + span > this.#host.length) return -1;
    const offset = this.#used * 4;
    this.#host.set(words, this.#used);
    this.#used += span;
    this.#slots.set(key, offset);
    return offset;
  }

  #bind(launch: Launch, pipeline: Pipeline): GPUBindGroup {
    let key = `${pipeline.id}:${launch.uniforms.length}`;
    for (const s of [...launch.read, ...launch.write]) key += `,${labelOf(resourceOf(s))}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const entries: GPUBindGroupEntry[] = [];
    for (const s of [...launch.read, ...launch.write]) {
      const resource = s.kind === "image" ? s.texture.createView() : { buffer: s.buffer };
      entries.push({ binding: entries.length, resource });
    }
    if (launch.uniforms.length) {
      const size = Math.ceil(launch.uniforms.length / 4) * 16;
      entries.push({ binding: entries.length, resource: { buffer: this.#uniforms, size } });
    }
    const group = this.#device.createBindGroup({ label: launch.label, layout: pipeline.layout, entries });
    // A Map iterates in insertion order: the oldest entries go first.
    if (this.#groups.size >= BIND_GROUPS) this.#groups.delete(this.#groups.keys().next().value as string);
    this.#groups.set(key, group);
    return group;
  }

  /** Forgets the bind groups that hold a buffer or texture which is about to be destroyed. */
  forget(resource: GPUBuffer | GPUTexture): void {
    const part = `,${labelOf(resource)}`;
    for (const key of this.#groups.keys()) {
      if (key.endsWith(part) || key.includes(part + ",")) this.#groups.delete(key);
    }
  }

  /** Records a copy of bytes between buffers; gives the batch it is in. */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): Batch {
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder({ label: "denovo" });
    this.#encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    return this.#batch;
  }

  /** Sends what was recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#endPass();
    if (this.#used) this.#device.queue.writeBuffer(this.#uniforms, 0, this.#host, 0, this.#used);
    const batch = this.#batch;
    this.#batch = newBatch();
    this.#device.pushErrorScope("validation");
    this.#device.queue.submit([encoder.finish()]);
    settle(batch, this.#device.popErrorScope());
    this.#report(batch);
    this.#encoder = undefined;
    this.#count = 0;
    this.#used = 0;
    this.#slots.clear();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  /** Gives each following dispatch its own pass with two timestamps. */
  startTiming(): void {
    this.flush();
    this.#timed = { labels: [], sets: [] };
  }

  /** Stops timing; gives the labels in order and a buffer with two 64-bit nanosecond stamps for each. */
  stopTiming(): { labels: string[]; stamps: GPUBuffer | undefined } {
    const timed = this.#timed;
    this.#timed = undefined;
    if (!timed || timed.labels.length === 0) return { labels: [], stamps: undefined };
    const bytes = timed.labels.length * 16;
    const stamps = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#encoder ??= this.#device.createCommandEncoder({ label: "denovo" });
    const encoder = this.#encoder;
    timed.sets.forEach((set, k) => {
      const count = Math.min(TIMED, timed.labels.length - k * TIMED);
      encoder.resolveQuerySet(set, 0, 2 * count, stamps, k * TIMED * 16);
    });
    this.flush();
    for (const set of timed.sets) set.destroy();
    return { labels: timed.labels, stamps };
  }
}

function resourceOf(storage: Storage): GPUBuffer | GPUTexture {
  return storage.kind === "image" ? storage.texture : storage.buffer;
}

const numbers = new WeakMap<GPUBuffer | GPUTexture, number>();
let next = 0;
/** A number for a GPU buffer or texture: they outlive the storages that borrow them from the pool. */
function labelOf(resource: GPUBuffer | GPUTexture): number {
  let n = numbers.get(resource);
  if (n === undefined) numbers.set(resource, n = next++);
  return n;
}
