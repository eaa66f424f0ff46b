/**
 * Writes `bench/README.md` from the stored results: `deno run -A bench/table.ts`.
 *
 * @module
 */
import { digits, markdown, rate } from "./harness.ts";
import type { StoredEntry, StoredResults } from "./results.ts";

const OWN = "denovo";

/** The entries by a property, in the order in which it first comes. */
function groups<T>(entries: readonly T[], by: (entry: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const entry of entries) found.set(by(entry), [...found.get(by(entry)) ?? [], entry]);
  return found;
}

/** A range in few digits; one number where both ends are the same. */
function range(low: number, high: number): string {
  const ends = [low, high].map((value) => String(Number(value.toPrecision(2))));
  return ends[0] === ends[1] ? ends[0] : ends.join("–");
}

/** How much faster Denovo is than a contestant, in bold where it is not slower, and the quartiles of that over the rounds. */
function faster({ ratio, ratio_q1, ratio_q3 }: StoredEntry): string {
  const text = `${digits(1 / ratio)}×`, shown = ratio <= 1 ? `**${text}**` : text;
  return ratio_q1 === undefined || ratio_q3 === undefined ? shown : `${shown} (${range(1 / ratio_q3, 1 / ratio_q1)})`;
}

type Benchmark = readonly StoredEntry[];

/** Benchmarks with the same contestants, some of which may be missing from some, go into one table. */
function alike(benchmarks: readonly Benchmark[]): Benchmark[][] {
  const tables: { names: Set<string>; benchmarks: Benchmark[] }[] = [];
  for (const benchmark of benchmarks) {
    const names = new Set(benchmark.map(({ contestant }) => contestant));
    const fitting = tables.find((table) => names.isSubsetOf(table.names) || names.isSupersetOf(table.names));
    if (fitting === undefined) tables.push({ names, benchmarks: [benchmark] });
    else {
      fitting.names = fitting.names.union(names);
      fitting.benchmarks.push(benchmark);
    }
  }
  return tables.map(({ benchmarks }) => benchmarks);
}

/** Denovo's time, and its speed relative to every other contestant's. */
function factors(benchmarks: readonly Benchmark[]): string {
  const others = [...new Set(benchmarks.flat().map(({ contestant }) => contestant))].filter((name) => name !== OWN);
  const rows = [["benchmark", "size", "Denovo", "rate", ...others.map((name) => `vs ${name}`)]];
  for (const benchmark of benchmarks) {
    const own = benchmark.find(({ contestant }) => contestant === OWN)!;
    const cells = others.map((name) => benchmark.find(({ contestant }) => contestant === name));
    rows.push([
      ...[own.name, own.size, `${digits(own.median_ms)} ms (${range(own.q1, own.q3)})`, rate(own, own.median_ms)],
      ...cells.map((entry) => entry ? faster(entry) : ""),
    ]);
  }
  const kept = rows[0].map((_, k) => k < 2 || rows.slice(1).some((row) => row[k] !== ""));
  return markdown(rows.map((row) => row.filter((_, k) => kept[k])));
}

/** One family's results: tables of those with several contestants, and what the contestants say of themselves. */
export function familyTables(entries: readonly StoredEntry[]): string {
  const benchmarks = [...groups(entries, ({ name, size }) => `${name}\n${size}`).values()];
  const own = benchmarks.filter((found) => found.some(({ contestant }) => contestant === OWN));
  const lines = benchmarks.flatMap((found) =>
    found.filter((entry) => entry.note !== undefined || !own.includes(found)).map((entry) => {
      const { name, size, contestant, median_ms, note } = entry;
      return `- ${name}, ${size}, ${contestant}: ${digits(median_ms)} ms${note === undefined ? "" : `, ${note}`}`;
    })
  );
  return [...alike(own).map(factors), ...(lines.length > 0 ? [lines.join("\n")] : [])].join("\n\n");
}

/** The results of one device; they may come from several runs. */
export function deviceSection({ device, versions, command, entries }: StoredResults): string {
  const dates = [...new Set(entries.map(({ date }) => date))].sort().join(", ");
  const shown = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const families = [...groups(entries, ({ family }) => family)];
  return [
    `## ${device}`,
    `${dates}, \`${command}\`; ${shown}.`,
    ...families.map(([family, found]) => `### ${family}\n\n${familyTables(found)}`),
  ].join("\n\n");
}

const INTRODUCTION = `# Benchmarks

Written by \`deno run -A bench/table.ts\` from the stored runs in \`bench/results\`.

\`deno task bench\` races Denovo against NumPy, SciPy and POT (in a Python process of their own), PyTorch (in another, where it is
installed; on CUDA without TF32), jax-js, TensorFlow.js, ONNX Runtime Web and ml-matrix on the same inputs, interleaved in one run, after
checking that the results agree. The device is Denovo's default one; \`deno task bench --backend cpu\` races its CPU device. Times are
medians, and in brackets are quartiles. What runs on a GPU is measured until the device is idle, without Deno's fixed 10 ms sleep after
each wait, the same for all; whole solves (transport) are measured end to end, with every wait. A factor is how many times as fast as the
other Denovo is; it is bold where Denovo is not the slower one. A peer that lacks an operation has no figure.

ONNX Runtime runs models that are written at run time (\`peers/onnx_model.ts\`); on WebAssembly its inputs and results are copied at every
call, as its users' are. \`deno bench -A --lock=bench/deno.lock bench/matmul.bench.ts\` and its neighbours measure the JavaScript libraries alone;
\`deno run -A bench/compare.ts old.json new.json\` says what changed between two stored runs.`;

/** The whole page. */
export function page(results: readonly StoredResults[]): string {
  return [INTRODUCTION, ...results.map(deviceSection)].join("\n\n") + "\n";
}

if (import.meta.main) {
  const folder = new URL("./results/", import.meta.url);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".json")).sort();
  const results = files.map((name): StoredResults => JSON.parse(Deno.readTextFileSync(new URL(name, folder))));
  const readme = new URL("./README.md", import.meta.url);
  Deno.writeTextFileSync(readme, page(results));
  // The formatter wraps the lines: what it makes of them is what the gate expects.
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", readme.pathname] }).output();
  console.log(`bench/README.md: ${results.map(({ device }) => device).join(", ")}`);
}
