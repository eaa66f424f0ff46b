import { DisposedError } from "./errors.ts";

let ids = 0;

/**
 * A block of device memory with a reference count. Views of a tensor share one storage; when the last of them lets go, the
 * block returns to its device's pool.
 */
export class Storage {
  /** Unique in this process. */
  readonly id: number = ++ids;
  /** Size in bytes, a multiple of 4. */
  readonly bytes: number;
  /** What made it: shown by `gpu.memory()`. */
  readonly label: string;
  #resource: GPUBuffer | ArrayBuffer | undefined;
  #references = 1;
  #free: (storage: Storage, resource: GPUBuffer | ArrayBuffer) => void;

  /** Wraps a block; `free` is called once, when the last reference is released. */
  constructor(
    resource: GPUBuffer | ArrayBuffer,
    bytes: number,
    label: string,
    free: (storage: Storage, resource: GPUBuffer | ArrayBuffer) => void,
  ) {
    this.#resource = resource;
    this.bytes = bytes;
    this.label = label;
    this.#free = free;
  }

  /** True once the last reference is gone. */
  get disposed(): boolean {
    return this.#resource === undefined;
  }

  /** The device buffer (WebGPU). */
  get buffer(): GPUBuffer {
    return this.#use() as GPUBuffer;
  }

  /** The memory itself (CPU device). */
  get memory(): ArrayBuffer {
    return this.#use() as ArrayBuffer;
  }

  #use(): GPUBuffer | ArrayBuffer {
    if (this.#resource === undefined) {
      throw new DisposedError(`Cannot use the buffer "${this.label}" after it was disposed of`);
    }
    return this.#resource;
  }

  /** Adds a reference and returns this storage. */
  retain(): this {
    this.#use();
    this.#references++;
    return this;
  }

  /** Drops a reference. */
  release(): void {
    if (this.#resource === undefined || --this.#references > 0) return;
    const resource = this.#resource;
    this.#resource = undefined;
    this.#free(this, resource);
  }
}
