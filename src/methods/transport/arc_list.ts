import { improves, type Pricing } from "./network_simplex.ts";
import type { SpanningTree } from "./spanning_tree.ts";

/** Arcs between sources and targets, more of which can be added. */
export class ArcList {
  /** How many there are; the arrays have room for more. */
  count = 0;
  sources: Int32Array = new Int32Array(1024);
  targets: Int32Array = new Int32Array(1024);
  costs: Float64Array = new Float64Array(1024);
  #known = new Set<number>();
  readonly #m: number;

  /** For so many targets. */
  constructor(m: number) {
    this.#m = m;
  }

  /** Adds an arc, if it is new. */
  add(source: number, target: number, cost: number): boolean {
    const key = source * this.#m + target;
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    if (this.count === this.sources.length) {
      const grown = <T extends Int32Array | Float64Array>(old: T, made: T): T => (made.set(old), made);
      this.sources = grown(this.sources, new Int32Array(2 * this.count));
      this.targets = grown(this.targets, new Int32Array(2 * this.count));
      this.costs = grown(this.costs, new Float64Array(2 * this.count));
    }
    this.sources[this.count] = source;
    this.targets[this.count] = target;
    this.costs[this.count++] = cost;
    return true;
  }
}

/** Finds the most negative reduced cost of a block of the list, from where the last block ended. */
export function listPricing({ n, potential }: SpanningTree, arcs: ArcList): Pricing {
  let at = 0;
  return (found) => {
    const { count, sources, targets, costs } = arcs, block = Math.ceil(Math.sqrt(count));
    let best = -1, least = 0;
    for (let done = 0; done < count;) {
      for (let k = 0; k < block && done < count; k++, done++) {
        if (at >= count) at = 0;
        const cost = costs[at], f = potential[sources[at]], g = potential[n + targets[at]], reduced = cost - f - g;
        if (reduced < least && improves(reduced, cost, f, g)) {
          least = reduced;
          best = at;
        }
        at++;
      }
      if (best >= 0) {
        found.source = sources[best];
        found.target = targets[best];
        found.cost = costs[best];
        return true;
      }
    }
    return false;
  };
}
