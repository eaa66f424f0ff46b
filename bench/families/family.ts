import type { Benchmark } from "../harness.ts";
import type { Job, Peer } from "../peers/peer.ts";

/** One benchmark of a family: what is raced, and how each peer makes its contestants. */
export interface FamilyBenchmark extends Omit<Benchmark, "family" | "baseline"> {
  /** The peer's contestants by name, each made when it is called for; undefined for what the peer does not have. */
  contestants(peer: Peer): Readonly<Record<string, (() => Promise<Job>) | undefined>>;
  /** How far results may be apart, relative to their magnitude. Default 1e-4. */
  tolerance?: number;
  /** How often a measured section has it. Default: as often as makes the section long enough. */
  repeat?: number;
  /** Whether a quick run has it. */
  quick?: boolean;
}

/** The benchmarks of one part of the library. */
export interface Family {
  readonly name: string;
  readonly benchmarks: readonly FamilyBenchmark[];
}

/** The contestants of a peer that does the work in one way: `make` gives its method's job, or undefined. */
export function only(make: (peer: Peer) => (() => Promise<Job>) | undefined): FamilyBenchmark["contestants"] {
  return (peer) => ({ [peer.name]: make(peer) });
}
