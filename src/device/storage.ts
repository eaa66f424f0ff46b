import type { Batch } from "./batch.ts";
import type { DType } from "./dtype.ts";
import { DisposedError } from "./errors.ts";
import type { HostBlock, HostView } from "./host_memory.ts";

let ids = 0;

/** Texels in a row of an image: the texel with number `at` is at `(at % IMAGE_WIDTH, at / IMAGE_WIDTH)`. */
export const IMAGE_WIDTH = 4096;

/**
 * What a block is to a kernel: an array in memory, or an image, which is a long list of texels (four `f32` each). Adapters that
 * compute on the CPU load a whole texel at once from an image but each number by itself from an array.
 */
export type StorageKind = "memory" | "image";

/** What a device has for a block: on the CPU device a part of the host's memory. */
export type Resource = GPUBuffer | GPUTexture | HostBlock;

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
  /** How kernels see it. */
  readonly kind: StorageKind;
  /**
   * The submissions that its contents depend on, without those known to have been accepted when it was written (WebGPU).
   *
   * @internal
   */
  origin: readonly Batch[] = [];
  /**
   * A copy on the adapter of a block in the host's memory, freed with it.
   *
   * @internal
   */
  companion: Storage | undefined;
  #resource: Resource | undefined;
  #references = 1;
  #free: (storage: Storage, resource: Resource) => void;

  /** Wraps a block; `free` is called once, when the last reference is released. */
  constructor(
    resource: Resource,
    bytes: number,
    label: string,
    free: (storage: Storage, resource: Resource) => void,
    kind: StorageKind = "memory",
  ) {
    this.#resource = resource;
    this.bytes = bytes;
    this.label = label;
    this.kind = kind;
    this.#free = free;
  }

  /** True once the last reference is gone. */
  get disposed(): boolean {
    return this.#resource === undefined;
  }

  /** Whether this is a part of the host's memory. */
  get onHost(): boolean {
    return "address" in this.#use();
  }

  /** The device buffer (WebGPU). */
  get buffer(): GPUBuffer {
    return this.#use() as GPUBuffer;
  }

  /** The device texture of an image (WebGPU). */
  get texture(): GPUTexture {
    return this.#use() as GPUTexture;
  }

  /** The part of the host's memory (CPU device). */
  get block(): HostBlock {
    return this.#use() as HostBlock;
  }

  /** The elements as a typed array, valid until the next allocation (CPU device). */
  view(dtype: DType): HostView {
    const block = this.block;
    return block.memory.view(block, dtype);
  }

  #use(): Resource {
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
    this.companion?.release();
  }
}
