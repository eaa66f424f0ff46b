import type { Ledger } from "./ledger.ts";
import { collectGarbage } from "./runtime.ts";

/** How much more than after the last collection must be live before the next one: what is in use is not looked through each time. */
const GROWTH = 1.25;

/** Collects unreachable tensors when a device holds more than its budget. */
export class Collector {
  #ledger: Ledger;
  #budget: number;
  #threshold: number;

  /** `budget` is in bytes. */
  constructor(ledger: Ledger, budget: number) {
    this.#ledger = ledger;
    this.#budget = budget;
    this.#threshold = budget;
  }

  /** Over budget, lets the registry of unreachable tensors run: it needs a collection and one macrotask. */
  async collect(): Promise<void> {
    if (this.#ledger.live <= this.#budget) this.#threshold = this.#budget;
    if (this.#ledger.live <= this.#threshold || !collectGarbage()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#threshold = Math.max(this.#budget, GROWTH * this.#ledger.live);
  }
}
