import { type DType, typedView } from "./dtype.ts";
import { OutOfMemoryError } from "./errors.ts";
import { ALIGNMENT, FreeList } from "./free_list.ts";
import { megabytes } from "./pool.ts";

/** Bytes of a WebAssembly page, the unit in which memory grows. */
const PAGE = 65_536;
/** Most pages of a memory with 32-bit addresses. */
const MOST_PAGES = 65_536;

/**
 * Bytes at both ends that are in no block, so that a kernel may read a whole vector where a block has only a part of one left, and
 * before its start.
 */
const GUARD = ALIGNMENT;

/** A block of the host's memory. */
export interface HostBlock {
  /** The memory it is in. */
  readonly memory: HostMemory;
  /** Byte at which it begins, a multiple of 64. */
  readonly address: number;
  /** Size in bytes, a multiple of 64. */
  readonly bytes: number;
}

/** Elements of a block as a typed array; valid until the next allocation, which may move the memory. */
export type HostView = Float32Array | Float16Array | Float64Array | Int32Array | Uint32Array;

/**
 * One WebAssembly memory from which the blocks of every CPU device of this thread come, so that kernels and worker threads read
 * them where they are. It is shared between threads where the host allows it, and grows on demand to 4 GiB.
 */
export class HostMemory {
  /** The memory that kernels import. */
  readonly memory: WebAssembly.Memory;
  /** Whether worker threads can read it. */
  readonly shared: boolean;
  /** Size to which it can grow, in bytes. */
  readonly limit: number;
  #free = new FreeList();

  /** Makes an empty memory of at most `pages` pages of 64 KiB. */
  constructor(pages: number = MOST_PAGES) {
    this.limit = pages * PAGE;
    const made = makeMemory(pages);
    this.memory = made.memory;
    this.shared = made.shared;
    this.#free.give(GUARD, PAGE - 2 * GUARD);
  }

  /** Bytes that have been asked of the system so far; they are not given back to it. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** Bytes of them that are free. */
  get unused(): number {
    return this.#free.free;
  }

  /** A block of at least `bytes` with undefined contents. Throws {@linkcode OutOfMemoryError} when all is in use. */
  allocate(bytes: number, label: string): HostBlock {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    let address = this.#free.take(size);
    if (address === undefined) {
      this.#grow(size, label);
      address = this.#free.take(size)!;
    }
    return { memory: this, address, bytes: size };
  }

  /** Takes a block back. */
  release(block: HostBlock): void {
    this.#free.give(block.address, block.bytes);
  }

  /** The elements of a block. */
  view(block: HostBlock, dtype: DType): HostView {
    const bytes = block.bytes / typedView(dtype, EMPTY).BYTES_PER_ELEMENT;
    return typedView(dtype, this.memory.buffer as ArrayBuffer, block.address, bytes);
  }

  /** The bytes from `address` on. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  #grow(size: number, label: string): void {
    const now = this.size, missing = size - this.#free.endingAt(now - GUARD);
    const least = Math.ceil(missing / PAGE), most = (this.limit - now) / PAGE;
    // Pages cost nothing before they are written, so growth by a quarter keeps the number of calls small.
    const pages = Math.min(Math.max(least, Math.ceil(now / PAGE / 4), 16), most);
    if (least > most || !this.#tryGrow(pages, least)) {
      throw new OutOfMemoryError(
        `Cannot allocate ${megabytes(size)} for "${label}": the device holds at most ${
          megabytes(this.limit)
        } in all, of which ${megabytes(this.limit - now + this.unused)} are free, in pieces`,
        size,
        this.limit,
      );
    }
    this.#free.give(now - GUARD, this.size - now);
  }

  #tryGrow(pages: number, least: number): boolean {
    for (const wish of [pages, least]) {
      try {
        this.memory.grow(wish);
        return true;
      } catch { /* the system has less */ }
    }
    return false;
  }
}

const EMPTY = new ArrayBuffer(0);

/** A shared memory where there is one; some hosts refuse to reserve as many addresses as others. */
function makeMemory(pages: number): { memory: WebAssembly.Memory; shared: boolean } {
  if (typeof SharedArrayBuffer !== "undefined") {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum: pages, shared: true }), shared: true };
    } catch { /* no room for the reservation */ }
  }
  return { memory: new WebAssembly.Memory({ initial: 1, maximum: pages }), shared: false };
}
