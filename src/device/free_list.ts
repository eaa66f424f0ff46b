/** Blocks begin at multiples of this: a cache line, so that two threads never write into one line of different blocks. */
export const ALIGNMENT = 64;

/** Bins per power of two: the first block of a higher bin is at most a quarter larger than needed, if there is one. */
const BINS = 4;

/**
 * Free ranges of a long line of bytes, found by size and joined with their neighbours when they come back. Sizes are multiples of
 * {@linkcode ALIGNMENT}.
 */
export class FreeList {
  #sizes = new Map<number, number>();
  #starts = new Map<number, number>();
  #bins: number[][] = [];
  /** Where the start of a range stands in its bin. */
  #places = new Map<number, number>();
  #free = 0;

  /** Bytes in all free ranges. */
  get free(): number {
    return this.#free;
  }

  /** Adds a range, joined with the free ranges that it touches. */
  give(start: number, size: number): void {
    const before = this.#starts.get(start), after = this.#sizes.get(start + size);
    if (before !== undefined) {
      size += start - before;
      start = before;
      this.#remove(before);
    }
    if (after !== undefined) {
      this.#remove(start + size);
      size += after;
    }
    this.#insert(start, size);
  }

  /** The start of a range of `size` bytes that is no longer free; undefined if no free range is large enough. */
  take(size: number): number | undefined {
    const own = binOf(size);
    for (let bin = own; bin < this.#bins.length; bin++) {
      // What came back last is the likeliest to be in a cache, and to have been written before.
      for (let k = this.#bins[bin].length - 1; k >= 0; k--) {
        const start = this.#bins[bin][k];
        const length = this.#sizes.get(start)!;
        if (length < size) continue;
        this.#remove(start);
        if (length > size) this.#insert(start + size, length - size);
        return start;
      }
    }
  }

  /** Size of the free range that ends at `end`; 0 if there is none. */
  endingAt(end: number): number {
    const start = this.#starts.get(end);
    return start === undefined ? 0 : end - start;
  }

  #insert(start: number, size: number): void {
    const bin = binOf(size);
    while (this.#bins.length <= bin) this.#bins.push([]);
    this.#places.set(start, this.#bins[bin].push(start) - 1);
    this.#sizes.set(start, size);
    this.#starts.set(start + size, start);
    this.#free += size;
  }

  #remove(start: number): void {
    const size = this.#sizes.get(start)!, bin = this.#bins[binOf(size)], place = this.#places.get(start)!;
    const last = bin.pop()!;
    if (last !== start) {
      bin[place] = last;
      this.#places.set(last, place);
    }
    this.#places.delete(start);
    this.#sizes.delete(start);
    this.#starts.delete(start + size);
    this.#free -= size;
  }
}

/** A bin holds the sizes from (1 + q / BINS)·2^e lines on, up to the next bin's. */
function binOf(size: number): number {
  const lines = size / ALIGNMENT, exponent = Math.floor(Math.log2(lines));
  return exponent * BINS + Math.floor((lines / 2 ** exponent - 1) * BINS);
}
