/**
 * Side-by-side measurement: contestants run interleaved in one process, so that a slow minute of the machine falls on all of
 * them, and what is reported is a ratio within the run.
 *
 * ```ts
 * const result = await race(
 *   { family: "matmul", name: "f32 product", size: "1024", flops: 2 * 1024 ** 3, baseline: "numpy" },
 *   { denovo: () => ours(), numpy: await numpy.matmul!(1024) },
 * );
 * console.log(table([result]));
 * ```
 *
 * @module
 */

/**
 * One call of the work to be measured. A number that it returns is its own measure in milliseconds and replaces the harness's
 * clock: for work that runs in another process, and for a device whose wait costs more than the work.
 */
export interface Contestant {
  (): void | number | Promise<void | number>;
  /** What to say of its last call, such as the iterations that it took. */
  note?(): string;
}

/** What is raced. */
export interface Benchmark {
  /** The part of the library, such as `"matmul"`. */
  family: string;
  name: string;
  /** The problem size as the table shows it, such as `"1024"` or `"4096x512"`. */
  size: string;
  /** The contestant whose time is 1; the first one by default. */
  baseline?: string;
  /** Floating-point operations of one call, for the GFLOP/s column. */
  flops?: number;
  /** Bytes that one call must move, for the GB/s column. */
  bytes?: number;
  /** Elements that one call reads, makes or reduces, for the Gelem/s column. */
  elements?: number;
  /** Pairs (i, j) that one call goes through, for the Gpair/s column. */
  pairs?: number;
}

/** One contestant's times, in milliseconds. */
export interface Timing {
  contestant: string;
  median: number;
  min: number;
  q1: number;
  q3: number;
  rounds: number;
  /** Median over the rounds of baseline time / own time: 2 is twice as fast as the baseline. */
  ratio: number;
  /** Quartiles of those ratios. */
  ratioQ1: number;
  ratioQ3: number;
  /** What the contestant says of its last call. */
  note?: string;
}

/** A finished race; `timings` are in the contestants' order. */
export interface RaceResult {
  benchmark: Benchmark & { baseline: string };
  timings: Timing[];
}

/** The `fraction` quantile of values, linearly interpolated between neighbours. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError("Cannot take a quantile of no values");
  const sorted = values.toSorted((a, b) => a - b);
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/** The contestant's milliseconds, and those that went by. */
async function time(contestant: Contestant): Promise<{ elapsed: number; passed: number }> {
  const start = performance.now();
  const own = await contestant();
  const passed = performance.now() - start;
  return { elapsed: typeof own === "number" ? own : passed, passed };
}

/** How long to measure. */
export interface RaceOptions {
  /** Measured rounds. Default 7. */
  rounds?: number;
  /** Rounds before them. Default 2. */
  warmup?: number;
  /**
   * Milliseconds of waiting after which a contestant has had its share: it sits out the rest, once it has one measured round. One
   * whose first call takes as long is not called again, and that call is its round. Default: no limit.
   */
  budget?: number;
}

/**
 * Runs the contestants `rounds` times each, interleaved, after `warmup` unmeasured rounds. Each round starts with another
 * contestant, so that none always runs behind the same neighbour.
 *
 * @throws {RangeError} if there is no contestant, no round, or no contestant of the baseline's name.
 */
export async function race(
  benchmark: Benchmark,
  contestants: Record<string, Contestant>,
  { rounds = 7, warmup = 2, budget = Infinity }: RaceOptions = {},
): Promise<RaceResult> {
  const names = Object.keys(contestants);
  const baseline = benchmark.baseline ?? names[0];
  if (names.length === 0) throw new RangeError("Cannot race no contestants");
  if (!names.includes(baseline)) {
    throw new RangeError(`Cannot compare with "${baseline}": the contestants are ${names.join(", ")}`);
  }
  if (!(rounds >= 1)) throw new RangeError(`Cannot race ${rounds} rounds: expected at least 1`);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  const spent = new Map<string, number>(names.map((name) => [name, 0]));
  for (let round = -warmup; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + warmup) % names.length], own = times.get(name)!, before = spent.get(name)!;
      if (before >= budget && own.length > 0) continue;
      const { elapsed, passed } = await time(contestants[name]);
      spent.set(name, before + passed);
      if (round >= 0 || passed >= budget) own.push(elapsed);
    }
  }
  const reference = times.get(baseline)!, usual = quantile(reference, 0.5);
  const timings = names.map((contestant): Timing => {
    const own = times.get(contestant)!, note = contestants[contestant].note?.();
    const ratios = own.map((ms, round) => (reference[round] ?? usual) / ms);
    return {
      contestant,
      median: quantile(own, 0.5),
      min: Math.min(...own),
      q1: quantile(own, 0.25),
      q3: quantile(own, 0.75),
      rounds: own.length,
      ratio: quantile(ratios, 0.5),
      ratioQ1: quantile(ratios, 0.25),
      ratioQ3: quantile(ratios, 0.75),
      ...(note === undefined ? {} : { note }),
    };
  });
  return { benchmark: { ...benchmark, baseline }, timings };
}

/** Three significant digits without an exponent. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The rate of a benchmark at a time, such as `12.3 GB/s`; empty if it has none. */
export function rate({ flops, bytes, elements, pairs }: Partial<Benchmark>, ms: number): string {
  const rates = { "FLOP/s": flops, "B/s": bytes, "elem/s": elements, "pair/s": pairs };
  for (const [unit, count] of Object.entries(rates)) {
    if (count !== undefined) return `${digits(count / ms / 1e6)} G${unit}`;
  }
  return "";
}

/** Rows of cells, the first of which are the head, as a Markdown table that is also readable on a terminal. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}

/** The results as a table. */
export function table(results: readonly RaceResult[]): string {
  const noted = results.some(({ timings }) => timings.some(({ note }) => note !== undefined));
  const head = ["benchmark", "size", "contestant", "median ms", "min", "quartiles", "rate", "against baseline"];
  const rows = [noted ? [...head, "note"] : head];
  for (const { benchmark, timings } of results) {
    for (const { contestant, median, min, q1, q3, ratio, ratioQ1, ratioQ3, note } of timings) {
      const [m, l, a, b] = [median, min, q1, q3].map(digits);
      const against = contestant === benchmark.baseline
        ? "1 (baseline)"
        : `${digits(ratio)}x (${digits(ratioQ1)} to ${digits(ratioQ3)})`;
      const row = [benchmark.name, benchmark.size, contestant, m, l, `${a} to ${b}`, rate(benchmark, median), against];
      rows.push(noted ? [...row, note ?? ""] : row);
    }
  }
  return markdown(rows);
}
