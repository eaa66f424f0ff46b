import type { Family, FamilyBenchmark } from "./families/mod.ts";
import { type Contestant, race, type RaceOptions, type RaceResult } from "./harness.ts";
import { type Checksum, difference, type Job, type Peer } from "./peers/peer.ts";

// What single precision keeps of a sum of many terms, added up in the order that a device likes.
const TOLERANCE = 1e-4;

/** Milliseconds that a measured section should last: shorter calls are repeated in it. */
const SECTION = 60;
const MOST = 100;

/** How a family is raced. */
export interface FamilyOptions extends RaceOptions {
  /** Only the benchmarks of a quick run. */
  quick?: boolean;
  /** Is told, line by line, what is left out and why. */
  report?: (line: string) => void;
}

/**
 * Races the benchmarks of a family, with the first peer as the baseline. A contestant that fails, or whose result is not that of
 * the first one, is reported and left out: its time would say nothing.
 */
export async function* raceFamily(
  family: Family,
  peers: readonly Peer[],
  { quick = false, report = console.log, ...options }: FamilyOptions = {},
): AsyncGenerator<RaceResult> {
  for (const benchmark of family.benchmarks) {
    if (quick && !benchmark.quick) continue;
    const result = await raceOne(family.name, benchmark, peers, report, options);
    if (result) yield result;
  }
}

async function raceOne(
  family: string,
  { contestants, tolerance = TOLERANCE, quick: _, repeat, ...about }: FamilyBenchmark,
  peers: readonly Peer[],
  report: (line: string) => void,
  options: RaceOptions,
): Promise<RaceResult | undefined> {
  const here = `${about.name}, ${about.size}`;
  if (peers.length > 0 && Object.values(contestants(peers[0])).every((make) => make === undefined)) {
    report(`${here}: not raced, ${peers[0].name} does not have it here`);
    return undefined;
  }
  const jobs: Record<string, Job> = {};
  let first: Checksum | undefined;
  try {
    for (const [name, make] of peers.flatMap((peer) => Object.entries(contestants(peer)))) {
      if (make === undefined) continue;
      try {
        const job = await make();
        jobs[name] = job;
        const checksum = await job.checksum();
        first ??= checksum;
        const apart = difference(first, checksum);
        // A NaN among the results makes the difference NaN, which is not small either.
        if (apart <= tolerance) continue;
        report(
          `${here}: ${name} is left out, its result is ${apart.toPrecision(2)} away from ${Object.keys(jobs)[0]}'s`,
        );
      } catch (error) {
        report(`${here}: ${name} is left out, it fails: ${error instanceof Error ? error.message : error}`);
        // There is nothing to compare the others with.
        if (first === undefined) return undefined;
      }
      jobs[name]?.dispose();
      delete jobs[name];
    }
    if (Object.keys(jobs).length === 0) return undefined;
    const sections: Record<string, Contestant> = {};
    for (const [name, job] of Object.entries(jobs)) {
      const often = repeat ?? Math.max(1, Math.min(MOST, Math.ceil(SECTION / await job())));
      sections[name] = () => job({ repeat: often });
    }
    return await race({ family, ...about }, sections, options);
  } finally {
    for (const job of Object.values(jobs)) job.dispose();
  }
}
