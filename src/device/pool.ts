import { OutOfMemoryError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";

/** Share of the budget that freed buffers may occupy before the oldest are destroyed. */
const POOL_SHARE = 0.5;

/** GPU buffers by size class; freed ones wait here for the next tensor of their size. */
export class BufferPool {
  #device: GPUDevice;
  #ledger: Ledger;
  #limit: number;
  #keep: number;
  #free = new Map<number, GPUBuffer[]>();
  #report: (fault: Promise<Error | undefined>) => void;
  #beforeDestroy: (buffer: GPUBuffer) => void;

  /** `limit` is the largest binding in bytes, `budget` the bytes meant for live and pooled buffers together. */
  constructor(options: {
    device: GPUDevice;
    ledger: Ledger;
    limit: number;
    budget: number;
    report: (fault: Promise<Error | undefined>) => void;
    beforeDestroy: (buffer: GPUBuffer) => void;
  }) {
    this.#device = options.device;
    this.#ledger = options.ledger;
    this.#limit = options.limit;
    this.#keep = options.budget * POOL_SHARE;
    this.#report = options.report;
    this.#beforeDestroy = options.beforeDestroy;
  }

  /** Bytes really taken for a request: a few size classes per power of two, so that freed buffers fit again. */
  sizeClass(bytes: number): number {
    const grain = bytes <= 4096 ? 256 : 2 ** (Math.floor(Math.log2(bytes)) - 3);
    const size = Math.max(256, Math.ceil(bytes / grain) * grain);
    return size > this.#limit && bytes <= this.#limit ? Math.ceil(bytes / 16) * 16 : size;
  }

  /** A buffer of a size class, and whether it was used before. */
  take(size: number, label: string): { buffer: GPUBuffer; recycled: boolean } {
    if (size > this.#limit) {
      throw new OutOfMemoryError(
        `Cannot allocate ${megabytes(size)} for "${label}": the device binds at most ${megabytes(this.#limit)} at once`,
        size,
        this.#limit,
      );
    }
    const buffer = this.#free.get(size)?.pop();
    if (buffer) {
      this.#ledger.pool(-size);
      return { buffer, recycled: true };
    }
    return { buffer: this.#create(size, label), recycled: false };
  }

  #create(size: number, label: string): GPUBuffer {
    const device = this.#device;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const buffer = device.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const memory = device.popErrorScope(), validation = device.popErrorScope();
    this.#report(
      Promise.all([memory, validation]).then(([m, v]) => {
        const fault = m ?? v;
        return fault
          ? new OutOfMemoryError(
            `Cannot allocate ${megabytes(size)} for "${label}": ${fault.message || "out of memory"}`,
            size,
          )
          : undefined;
      }),
    );
    return buffer;
  }

  /** Takes a buffer back. */
  give(buffer: GPUBuffer, size: number): void {
    if (this.#ledger.pooled + size > this.#keep) {
      this.#beforeDestroy(buffer);
      buffer.destroy();
      return;
    }
    this.#ledger.pool(size);
    const list = this.#free.get(size);
    if (list) list.push(buffer);
    else this.#free.set(size, [buffer]);
  }

  /** Destroys all free buffers. */
  clear(): void {
    for (const [size, list] of this.#free) {
      for (const buffer of list) {
        this.#beforeDestroy(buffer);
        buffer.destroy();
        this.#ledger.pool(-size);
      }
    }
    this.#free.clear();
  }
}

/** A size for messages. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}
