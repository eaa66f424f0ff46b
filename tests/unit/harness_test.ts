import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { quantile, race, table } from "../../bench/harness.ts";
import { deviceSlug, mergeResults, saveResults } from "../../bench/results.ts";

/** A contestant that claims the given times in turn, and writes its name in the log at every call. */
function scripted(name: string, times: number[], log: string[]): () => Promise<number> {
  let call = 0;
  return () => {
    log.push(name);
    return Promise.resolve(times[call++]);
  };
}

const BENCHMARK = { family: "matmul", name: "f32 product", size: "1024", flops: 2e9 };

Deno.test("a race interleaves its contestants and starts each round with another one", async () => {
  const log: string[] = [];
  const contestants = { a: scripted("a", [9, 1, 1], log), b: scripted("b", [9, 1, 1], log) };
  await race(BENCHMARK, contestants, { rounds: 2, warmup: 1 });
  assertEquals(log, ["a", "b", "b", "a", "a", "b"]);
});

Deno.test("a race leaves out the warm-up and compares round by round with the baseline", async () => {
  const contestants = { ours: scripted("", [100, 1, 2, 4], []), numpy: scripted("", [100, 4, 4, 40], []) };
  const { benchmark, timings } = await race({ ...BENCHMARK, baseline: "numpy" }, contestants, { rounds: 3, warmup: 1 });
  assertEquals(benchmark.baseline, "numpy");
  assertEquals(timings, [
    { contestant: "ours", median: 2, min: 1, q1: 1.5, q3: 3, rounds: 3, ratio: 4, ratioQ1: 3, ratioQ3: 7 },
    { contestant: "numpy", median: 4, min: 4, q1: 4, q3: 22, rounds: 3, ratio: 1, ratioQ1: 1, ratioQ3: 1 },
  ]);
});

Deno.test("a race takes its own clock for a contestant that returns nothing, and waits for its promise", async () => {
  let finished = 0;
  const contestant = () => Promise.resolve().then(() => void finished++);
  const { timings } = await race(BENCHMARK, { contestant }, { rounds: 3, warmup: 0 });
  assertEquals(finished, 3);
  assert(timings[0].min >= 0);
});

Deno.test("a race refuses no contestants, no rounds and an unknown baseline", async () => {
  await assertRejects(() => race(BENCHMARK, {}), RangeError, "Cannot race no contestants");
  await assertRejects(() => race(BENCHMARK, { a: () => 1 }, { rounds: 0 }), RangeError, "expected at least 1");
  await assertRejects(
    () => race({ ...BENCHMARK, baseline: "b" }, { a: () => 1 }),
    RangeError,
    'Cannot compare with "b"',
  );
});

Deno.test("quantiles interpolate between the sorted values", () => {
  assertEquals([0, 0.25, 0.5, 1].map((fraction) => quantile([4, 1, 3, 2], fraction)), [1, 1.75, 2.5, 4]);
  assertThrows(() => quantile([], 0.5), RangeError);
});

Deno.test("the table shows rate and ratio", async () => {
  const text = table([await race(BENCHMARK, { numpy: () => 2, ours: () => 4 })]);
  assertStringIncludes(text, "1000 GFLOP/s");
  assertStringIncludes(text, "0.5x");
  assertStringIncludes(text, "1 (baseline)");
});

Deno.test("merged results replace the same family, name and size and keep the others", async () => {
  const run = (date: string) => ({ device: "Test GPU", versions: { deno: "1" }, date, command: "bench" });
  const at = (size: string, ms: number) => race({ ...BENCHMARK, size }, { ours: () => ms }, { rounds: 1, warmup: 0 });
  const first = mergeResults(undefined, run("2026-01-01"), [await at("512", 1), await at("1024", 8)]);
  const second = mergeResults(first, { ...run("2026-01-02"), versions: { numpy: "2" } }, [await at("1024", 7)]);
  assertEquals(second.entries.map(({ size, median_ms, date }) => [size, median_ms, date]), [
    ["512", 1, "2026-01-01"],
    ["1024", 7, "2026-01-02"],
  ]);
  assertEquals(second.versions, { deno: "1", numpy: "2" });
  assertEquals(second.date, "2026-01-02");
});

Deno.test("saved results are read back and merged under the device's name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const about = { device: "Test GPU (1.0)", versions: {}, command: "bench" };
    await saveResults(folder, about, [await race(BENCHMARK, { ours: () => 1 })]);
    const path = await saveResults(folder, about, [await race({ ...BENCHMARK, size: "2" }, { ours: () => 1 })]);
    assert(path.endsWith("/test-gpu-1-0.json"));
    const { entries, versions } = JSON.parse(await Deno.readTextFile(path));
    assertEquals(entries.map((entry: { size: string }) => entry.size), ["2", "1024"]);
    assertEquals(versions.deno, Deno.version.deno);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a device slug has letters, digits and single hyphens", () => {
  assertEquals(deviceSlug("llvmpipe (LLVM 15.0.6, 256 bits)"), "llvmpipe-llvm-15-0-6-256-bits");
  assertThrows(() => deviceSlug("()"), RangeError);
});
