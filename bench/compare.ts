/**
 * Compares two stored runs: `deno run -A bench/compare.ts old.json new.json`. Says for every contestant of both how its time
 * changed, how much of that may be noise, and which changes are more. Ends with status 1 if Denovo became slower.
 *
 * @module
 */
import { digits, markdown, quantile } from "./harness.ts";
import type { StoredEntry, StoredResults } from "./results.ts";

/** One contestant in two runs. */
export interface Change {
  old: StoredEntry;
  new: StoredEntry;
  /** Old time / new time: 2 is twice as fast as before. */
  speedup: number;
  /** The factor that noise alone may make, from the quartiles of both runs. */
  noise: number;
  /** Whether the change is more than noise. */
  verdict: "faster" | "slower" | "same";
}

/** A median of one round or two says little: its noise is taken as this share, as is that of quartiles closer than the other. */
const FEW = 0.3, LEAST = 0.05;

/** Half the distance of the quartiles as a share of the median. */
function spread({ q1, q3, median_ms, rounds }: StoredEntry): number {
  return Math.max(rounds < 3 ? FEW : LEAST, (q3 - q1) / 2 / median_ms);
}

/** The contestants that both runs have. */
export function changes(old: StoredResults, now: StoredResults): Change[] {
  const key = ({ family, name, size, contestant }: StoredEntry) => [family, name, size, contestant].join("\n");
  const before = new Map(old.entries.map((entry) => [key(entry), entry]));
  return now.entries.flatMap((entry): Change[] => {
    const known = before.get(key(entry));
    if (known === undefined) return [];
    const speedup = known.median_ms / entry.median_ms;
    const noise = 1 + Math.hypot(spread(known), spread(entry));
    const verdict = speedup > noise ? "faster" : speedup < 1 / noise ? "slower" : "same";
    return [{ old: known, new: entry, speedup, noise, verdict }];
  });
}

/** The changes as a table, and a line on the peers: if they changed as much, the machine did. */
export function report(found: readonly Change[]): string {
  const rows = [["benchmark", "size", "contestant", "old ms", "new ms", "speed-up", "noise", ""]];
  for (const change of found) {
    const { name, size, contestant, median_ms } = change.new;
    const [before, after, speedup, noise] = [change.old.median_ms, median_ms, change.speedup, change.noise].map(digits);
    const verdict = change.verdict === "same" ? "" : change.verdict;
    rows.push([name, size, contestant, before, after, `${speedup}x`, `${noise}x`, verdict]);
  }
  const others = found.filter((change) => !ours(change)).map((change) => change.speedup);
  const machine = others.length === 0 ? "" : `\n\nThe peers' median speed-up is ${digits(quantile(others, 0.5))}x.`;
  return markdown(rows) + machine;
}

function ours(change: Change): boolean {
  return change.new.contestant.startsWith("denovo");
}

if (import.meta.main) {
  const [old, now] = Deno.args;
  if (Deno.args.length !== 2) {
    console.error("usage: deno run -A bench/compare.ts old.json new.json");
    Deno.exit(2);
  }
  const [before, after] = await Promise.all([old, now].map(async (path) => JSON.parse(await Deno.readTextFile(path))));
  const found = changes(before, after);
  console.log(report(found));
  if (found.some((change) => ours(change) && change.verdict === "slower")) Deno.exit(1);
}
