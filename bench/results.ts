/**
 * The stored results: one JSON file per device under `bench/results/`.
 *
 * @module
 */
import type { RaceResult } from "./harness.ts";

/** One contestant of one benchmark, as stored. */
export interface StoredEntry {
  family: string;
  name: string;
  size: string;
  contestant: string;
  median_ms: number;
  min_ms: number;
  q1: number;
  q3: number;
  rounds: number;
  /** Median of the per-round ratios to the baseline; above 1 is faster. */
  ratio: number;
  /** Quartiles of those ratios; runs before they were kept have none. */
  ratio_q1?: number;
  ratio_q3?: number;
  baseline: string;
  flops?: number;
  bytes?: number;
  elements?: number;
  pairs?: number;
  note?: string;
  /** The day of the measurement: entries of one file may come from several runs. */
  date: string;
}

/** The results of one device; `date`, `command` and `versions` are those of the last run. */
export interface StoredResults {
  device: string;
  /** Processors of the machine. */
  cores?: number;
  versions: Record<string, string>;
  date: string;
  command: string;
  entries: StoredEntry[];
}

/** The file name's part for a device, such as `nvidia-h200` for `"NVIDIA H200"`. */
export function deviceSlug(device: string): string {
  const slug = device.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  if (slug === "") throw new RangeError(`Cannot make a file name of the device "${device}"`);
  return slug;
}

// Five digits are beyond what a run repeats, and keep the diff of a new run readable.
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** The stored results with those of a new run in the place of earlier ones of the same family, name and size. */
export function mergeResults(
  stored: StoredResults | undefined,
  run: Omit<StoredResults, "entries">,
  results: readonly RaceResult[],
): StoredResults {
  const key = ({ family, name, size }: { family: string; name: string; size: string }) => `${family}\n${name}\n${size}`;
  const replaced = new Set(results.map(({ benchmark }) => key(benchmark)));
  const kept = stored?.entries.filter((entry) => !replaced.has(key(entry))) ?? [];
  const added = results.flatMap(({ benchmark: { family, name, size, baseline, ...work }, timings }) =>
    timings.map(({ contestant, median, min, q1, q3, rounds, ratio, ratioQ1, ratioQ3, note }): StoredEntry => ({
      ...{ family, name, size, contestant, median_ms: rounded(median), min_ms: rounded(min) },
      ...{ q1: rounded(q1), q3: rounded(q3), rounds, baseline },
      ...{ ratio: rounded(ratio), ratio_q1: rounded(ratioQ1), ratio_q3: rounded(ratioQ3) },
      ...work,
      ...(note === undefined ? {} : { note }),
      date: run.date,
    }))
  );
  const order = (entry: StoredEntry) => `${key(entry)}\n${entry.contestant}`;
  const entries = [...kept, ...added].sort((a, b) => order(a).localeCompare(order(b), "en", { numeric: true }));
  return { ...run, versions: { ...stored?.versions, ...run.versions }, entries };
}

/**
 * Merges results into `<folder>/<device slug>.json` and returns its path. The date is today's; Deno's version is added to
 * `versions`.
 */
export async function saveResults(
  folder: string,
  { device, versions, command }: { device: string; versions: Record<string, string>; command: string },
  results: readonly RaceResult[],
): Promise<string> {
  const path = `${folder}/${deviceSlug(device)}.json`;
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  const run = {
    device,
    cores: navigator.hardwareConcurrency,
    versions: { deno: Deno.version.deno, ...versions },
    date: new Date().toISOString().slice(0, 10),
    command,
  };
  const merged = mergeResults(text === undefined ? undefined : JSON.parse(text), run, results);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(merged, null, 1) + "\n");
  return path;
}
