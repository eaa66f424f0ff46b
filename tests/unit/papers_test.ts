import { assert, assertEquals } from "@std/assert";
import { CLAIM_MIME, claimHolds, claimsOf, FAMILIES, type Paper, readPapers, validate } from "../../tools/papers.ts";

const ROOT = new URL("../../", import.meta.url);
const papers = await readPapers();

const GOOD: Paper = {
  slug: "a-paper",
  title: "A Paper",
  family: "Transport",
  tier: "A",
  method: "A method.",
  claim: "A claim.",
  measuredBy: "A measurement.",
  symbol: null,
  notebook: null,
  status: "planned",
};

/** The member that a dotted path names, or undefined. */
function member(module: unknown, path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], module);
}

/** What a symbol names: an export of mod.ts, or of the public module that its first part names. */
async function resolve(symbol: string): Promise<unknown> {
  const path = symbol.split(".");
  const found = member(await import(new URL("mod.ts", ROOT).href), path);
  if (found !== undefined) return found;
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const file: string | undefined = exports[`./${path[0]}`];
  return file === undefined ? undefined : member(await import(new URL(file, ROOT).href), path.slice(1));
}

Deno.test("the catalogue of papers is valid and has all 166", () => {
  assertEquals(validate(papers), []);
  assertEquals(papers.length, 166);
});

Deno.test("every family of the catalogue has papers", () => {
  for (const family of FAMILIES) assert(papers.some((paper) => paper.family === family), family);
});

Deno.test("the catalogue names only functions that are exported", async () => {
  const symbols = new Set(
    papers.flatMap(({ symbol, uses }) => [...(symbol === null ? [] : [symbol]), ...(uses ?? [])]),
  );
  const missing: string[] = [];
  for (const symbol of symbols) {
    if (typeof await resolve(symbol) !== "function") missing.push(symbol);
  }
  assertEquals(missing, []);
});

Deno.test("every notebook of the catalogue exists, and a verified paper's has a claim that held", async () => {
  for (const { slug, notebook, status } of papers) {
    if (notebook === null) continue;
    const text = await Deno.readTextFile(new URL(notebook, ROOT));
    const held = claimsOf(JSON.parse(text)).some((claim) => claimHolds(claim, slug));
    assert(status !== "verified" || held, `${notebook} has no stored claim of ${slug} that held`);
  }
});

Deno.test("the checks find what is wrong with an entry", () => {
  assertEquals(validate([GOOD]), []);
  const wrong: [Record<string, unknown>, string][] = [
    [{ title: "" }, "title is not a text"],
    [{ slug: "A Paper" }, "slug is not lower-case words with hyphens"],
    [{ family: "Sparse" }, 'family "Sparse" is not one of the families'],
    [{ tier: "D" }, 'tier "D" is not A, B or C'],
    [{ status: "done" }, 'status "done" is not one of the statuses'],
    [{ status: "out-of-reach" }, "reason goes with out-of-reach"],
    [{ reason: "none" }, "reason goes with out-of-reach"],
    [{ status: "implemented" }, "implemented needs a symbol"],
    [{ status: "verified", symbol: "open" }, "verified needs a notebook"],
    [{ symbol: undefined }, "symbol is neither a text nor null"],
    [{ uses: [] }, "uses is not a list of texts"],
    [{ extra: 1 }, "extra is not a field"],
  ];
  for (const [change, problem] of wrong) {
    assert(validate([{ ...GOOD, ...change }])[0].endsWith(problem), JSON.stringify(change));
  }
  assertEquals(validate([GOOD, GOOD]), ["1 a-paper: the slug occurs twice"]);
  assertEquals(validate({}), ["the catalogue is not a list"]);
});

Deno.test("a claim counts only if it is complete, about the paper, and held", () => {
  const claim = { paper: "a-paper", says: "faster", measured: { ratio: 2 }, holds: true };
  const notebook = {
    cells: [{}, { outputs: [{}, { data: { "text/plain": "2" } }, { data: { [CLAIM_MIME]: claim } }] }],
  };
  assertEquals(claimsOf(notebook), [claim]);
  assert(claimHolds(claim, "a-paper"));
  assert(!claimHolds(claim, "another"));
  assert(!claimHolds({ ...claim, holds: false }, "a-paper"));
  assert(!claimHolds({ ...claim, measured: undefined }, "a-paper"));
  assert(!claimHolds(null, "a-paper"));
});
