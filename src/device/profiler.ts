import type { Cost } from "./launch.ts";

/** What one kernel did while it was profiled. */
export interface ProfileRow {
  /** Name of the op and its kernel variant. */
  kernel: string;
  /** Where it ran. */
  on: "webgpu" | "cpu";
  /** True for waiting: nothing ran meanwhile, or nothing that this thread knows of. */
  wait: boolean;
  /** Number of calls. */
  count: number;
  /** Milliseconds in all: on the device where it has timestamps, on the host's clock otherwise. */
  ms: number;
  /** Floating-point operations that the calls needed at least. */
  flops: number;
  /** Bytes that the calls needed to move at least. */
  bytes: number;
}

/** Collects times and costs per kernel. */
export class ProfileTable {
  #rows = new Map<string, ProfileRow>();
  #on: "webgpu" | "cpu";

  /** For one device. */
  constructor(on: "webgpu" | "cpu") {
    this.#on = on;
  }

  /** The row of a kernel, made on first use. */
  row(kernel: string): ProfileRow {
    let row = this.#rows.get(kernel);
    if (!row) {
      this.#rows.set(kernel, row = { kernel, on: this.#on, wait: false, count: 0, ms: 0, flops: 0, bytes: 0 });
    }
    return row;
  }

  /** Adds a wait of some milliseconds. */
  wait(label: string, ms: number): void {
    const row = this.row(label);
    row.wait = true;
    row.count++;
    row.ms += ms;
  }

  /** Adds the cost of one call. */
  cost(kernel: string, cost: Cost): void {
    const row = this.row(kernel);
    row.count++;
    row.flops += cost.flops;
    row.bytes += cost.bytes;
  }

  /** Rows, slowest first. */
  rows(): ProfileRow[] {
    return [...this.#rows.values()].sort((a, b) => b.ms - a.ms);
  }
}
