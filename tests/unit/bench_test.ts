import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { changes, report } from "../../bench/compare.ts";
import type { Family } from "../../bench/families/mod.ts";
import { race } from "../../bench/harness.ts";
import { type Checksum, hostTime, type Job, job, type Peer } from "../../bench/peers/peer.ts";
import { raceFamily } from "../../bench/race_family.ts";
import { mergeResults, type StoredResults } from "../../bench/results.ts";
import { familyTables } from "../../bench/table.ts";

const ABOUT = { family: "map", name: "axpy", size: "8" };

async function stored(times: Record<string, number[]>): Promise<StoredResults> {
  const contestants = Object.fromEntries(
    Object.entries(times).map(([name, list]) => {
      let call = 0;
      return [name, () => list[call++]];
    }),
  );
  const result = await race(ABOUT, contestants, { rounds: 4, warmup: 0 });
  return mergeResults(undefined, { device: "", versions: {}, date: "", command: "" }, [result]);
}

Deno.test("a contestant sits out once its budget is spent, but not before it has a round", async () => {
  const real = performance.now;
  let now = 0, calls = 0;
  performance.now = () => now;
  try {
    const quick = () => void (now += 1);
    const slow = () => void (now += 40, calls++);
    const { timings } = await race(ABOUT, { quick, slow }, { rounds: 3, warmup: 2, budget: 30 });
    assertEquals(calls, 1);
    assertEquals(timings.map(({ rounds, median }) => [rounds, median]), [[3, 1], [1, 40]]);
  } finally {
    performance.now = real;
  }
});

Deno.test("a change is told from noise by the quartiles of both runs", async () => {
  const old = await stored({ denovo: [10, 10, 10, 10], numpy: [10, 10, 20, 20], other: [3, 3, 3, 3] });
  const now = await stored({ denovo: [20, 20, 20, 20], numpy: [11, 12, 19, 21], other: [1, 1, 1, 1] });
  const found = changes(old, now);
  assertEquals(found.map(({ verdict }) => verdict), ["slower", "same", "faster"]);
  assertEquals(found.map(({ speedup }) => Math.round(100 * speedup) / 100), [0.5, 0.97, 3]);
  assertStringIncludes(report(found), "The peers' median speed-up is 1.98x");
});

Deno.test("a table shows how many times as fast as the others Denovo is, in bold where it is not slower", async () => {
  const { entries } = await stored({ denovo: [10, 10, 10, 10], numpy: [5, 5, 5, 5], tfjs: [40, 40, 40, 40] });
  const text = familyTables(entries);
  assertStringIncludes(text, "| axpy ");
  assertStringIncludes(text, "10 ms");
  assertStringIncludes(text, "| 0.5× ");
  assertStringIncludes(text, "| **4×** ");
});

Deno.test("a repeated job takes the time of one of its computations", async () => {
  let calls = 0;
  const log: string[] = [];
  const watch = { start: () => void log.push("start"), end: () => void log.push("end") };
  const ms = await hostTime(() => void calls++, { repeat: 5, watch }, () => void log.push("finish"));
  assertEquals(calls, 5);
  assertEquals(log, ["start", "finish", "end"]);
  assert(ms >= 0);
});

Deno.test("contestants that fail or compute something else are left out of the race and named", async () => {
  const of = (sum: number): Job => {
    const checksum = (): Promise<Checksum> => Promise.resolve({ sum, magnitude: 1 });
    return job(() => Promise.resolve(1), checksum, () => {});
  };
  const peer = (name: string, sum: number | undefined): Peer => ({
    name,
    available: () => Promise.resolve(true),
    versions: () => Promise.resolve({}),
    exp: () => sum === undefined ? Promise.reject(new Error("no adapter")) : Promise.resolve(of(sum)),
  });
  const family: Family = {
    name: "map",
    benchmarks: [{ name: "exp", size: "8", contestants: (p) => ({ [p.name]: () => p.exp!(8) }) }],
  };
  const lines: string[] = [];
  const peers = [peer("right", 0.5), peer("close", 0.50001), peer("wrong", 0.6), peer("broken", undefined)];
  const results = await Array.fromAsync(
    raceFamily(family, peers, { rounds: 1, warmup: 0, report: (line) => void lines.push(line) }),
  );
  assertEquals(results.map(({ timings }) => timings.map(({ contestant }) => contestant)), [["right", "close"]]);
  assertEquals(lines, [
    "exp, 8: wrong is left out, its result is 0.10 away from right's",
    "exp, 8: broken is left out, it fails: no adapter",
  ]);
});
