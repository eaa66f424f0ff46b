import { OutOfMemoryError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { IMAGE_WIDTH, type StorageKind } from "./storage.ts";

/** Share of the budget that freed buffers may occupy before the oldest are destroyed. */
const POOL_SHARE = 0.5;

/** Bytes of one row of an image. */
const IMAGE_ROW = IMAGE_WIDTH * 16;

/** What a storage stands on. */
type Resource = GPUBuffer | GPUTexture;

/** GPU buffers and textures by size class; freed ones wait here for the next tensor of their size. */
export class BufferPool {
  #device: GPUDevice;
  #ledger: Ledger;
  #limits: Readonly<Record<StorageKind, number>>;
  #keep: number;
  #free: Readonly<Record<StorageKind, Map<number, Resource[]>>> = { memory: new Map(), image: new Map() };
  /** Buffers that the device could not make: nobody shall get them again. */
  #broken = new WeakSet<Resource>();
  #report: (fault: Promise<Error | undefined>) => void;
  #beforeDestroy: (resource: Resource) => void;

  /** `limits` are the largest blocks of each kind in bytes, `budget` the bytes meant for live and pooled buffers together. */
  constructor(options: {
    device: GPUDevice;
    ledger: Ledger;
    limits: Readonly<Record<StorageKind, number>>;
    budget: number;
    report: (fault: Promise<Error | undefined>) => void;
    beforeDestroy: (resource: Resource) => void;
  }) {
    this.#device = options.device;
    this.#ledger = options.ledger;
    this.#limits = options.limits;
    this.#keep = options.budget * POOL_SHARE;
    this.#report = options.report;
    this.#beforeDestroy = options.beforeDestroy;
  }

  /**
   * Bytes really taken for a request: a few size classes per power of two, so that freed buffers fit again; a whole number of vectors
   * of four of any type.
   */
  sizeClass(bytes: number, kind: StorageKind): number {
    const least = kind === "image" ? IMAGE_ROW : 256, limit = this.#limits[kind];
    const grain = Math.max(least, 2 ** (Math.floor(Math.log2(bytes)) - 3));
    const size = Math.max(least, Math.ceil(bytes / grain) * grain);
    return size > limit && bytes <= limit ? Math.ceil(bytes / 32) * 32 : size;
  }

  /** A buffer or texture of a size class, and whether it was used before. */
  take(size: number, label: string, kind: StorageKind): { resource: Resource; recycled: boolean } {
    const limit = this.#limits[kind];
    if (size > limit) {
      throw new OutOfMemoryError(
        `Cannot allocate ${megabytes(size)} for "${label}": the device binds at most ${megabytes(limit)} at once`,
        size,
        limit,
      );
    }
    const resource = this.#free[kind].get(size)?.pop();
    if (resource) {
      this.#ledger.pool(-size);
      return { resource, recycled: true };
    }
    return { resource: this.#create(size, label, kind), recycled: false };
  }

  #create(size: number, label: string, kind: StorageKind): Resource {
    const device = this.#device;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const resource = kind === "image"
      ? device.createTexture({
        label,
        size: [IMAGE_WIDTH, Math.ceil(size / IMAGE_ROW)],
        format: "rgba32float",
        usage: GPUTextureUsage.STORAGE_BINDING,
      })
      : device.createBuffer({
        label,
        size,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
    const memory = device.popErrorScope(), validation = device.popErrorScope();
    this.#report(
      Promise.all([memory, validation]).then(([m, v]) => {
        const fault = m ?? v;
        if (!fault) return undefined;
        this.#broken.add(resource);
        return new OutOfMemoryError(
          `Cannot allocate ${megabytes(size)} for "${label}": ${fault.message || "out of memory"}`,
          size,
        );
      }),
    );
    return resource;
  }

  /** Takes a buffer or texture back. */
  give(resource: Resource, size: number, kind: StorageKind): void {
    if (this.#ledger.pooled + size > this.#keep || this.#broken.has(resource)) {
      this.#beforeDestroy(resource);
      resource.destroy();
      return;
    }
    this.#ledger.pool(size);
    const list = this.#free[kind].get(size);
    if (list) list.push(resource);
    else this.#free[kind].set(size, [resource]);
  }

  /** Destroys all free buffers. */
  clear(): void {
    for (const free of Object.values(this.#free)) {
      for (const [size, list] of free) {
        for (const resource of list) {
          this.#beforeDestroy(resource);
          resource.destroy();
          this.#ledger.pool(-size);
        }
      }
      free.clear();
    }
  }
}

/** A size for messages. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}
