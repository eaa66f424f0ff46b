/** One row of the memory table: all live buffers of one label. */
export interface MemoryRow {
  /** What the buffers hold (the op that made them, or the tensor's label). */
  label: string;
  /** How many there are. */
  count: number;
  /** Their bytes. */
  bytes: number;
}

/** What a device holds: all sizes in bytes. */
export interface MemoryReport {
  /** Bytes that tensors own now. */
  live: number;
  /** Freed bytes kept for reuse. */
  pooled: number;
  /** The most that was ever live at once since the device was opened or {@linkcode Ledger.resetPeak} was called. */
  peak: number;
  /** Live buffers by label, largest first. */
  rows: MemoryRow[];
}

/** Counts every buffer of a device, so that leaks show and ceilings can be asserted. */
export class Ledger {
  #live = new Map<number, { label: string; bytes: number }>();
  #bytes = 0;
  #pooled = 0;
  #peak = 0;

  /** Bytes that tensors own now. */
  get live(): number {
    return this.#bytes;
  }

  /** Freed bytes kept for reuse. */
  get pooled(): number {
    return this.#pooled;
  }

  /** Most bytes live at once. */
  get peak(): number {
    return this.#peak;
  }

  /** How many buffers are live. */
  get count(): number {
    return this.#live.size;
  }

  /** Notes that buffer `id` of `bytes` is in use. */
  add(id: number, label: string, bytes: number): void {
    this.#live.set(id, { label, bytes });
    this.#bytes += bytes;
    this.#peak = Math.max(this.#peak, this.#bytes);
  }

  /** Notes that buffer `id` is no longer in use. */
  remove(id: number): void {
    const entry = this.#live.get(id);
    if (!entry) return;
    this.#live.delete(id);
    this.#bytes -= entry.bytes;
  }

  /** Notes a change of the pool by `bytes` (negative when buffers leave it). */
  pool(bytes: number): void {
    this.#pooled += bytes;
  }

  /** Starts a new measurement of the peak from what is live now. */
  resetPeak(): void {
    this.#peak = this.#bytes;
  }

  /** The table. */
  report(): MemoryReport {
    const rows = new Map<string, MemoryRow>();
    for (const { label, bytes } of this.#live.values()) {
      const row = rows.get(label) ?? { label, count: 0, bytes: 0 };
      row.count++;
      row.bytes += bytes;
      rows.set(label, row);
    }
    return {
      live: this.#bytes,
      pooled: this.#pooled,
      peak: this.#peak,
      rows: [...rows.values()].sort((a, b) => b.bytes - a.bytes),
    };
  }
}
