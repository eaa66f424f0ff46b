import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseCsv, vegaDataset } from "../../../src/data/mod.ts";

Deno.test("CSV: numbers, empty fields, quotes, line breaks in fields, a byte order mark", () => {
  const rows = parseCsv('\uFEFFname,x,note\n"a, ""b""",-1.5e3,\r\nc,007,"two\nlines"\n');
  assertEquals(rows, [{ name: 'a, "b"', x: -1500, note: null }, { name: "c", x: "007", note: "two\nlines" }]);
});

Deno.test("CSV: a row of the wrong length and an open quote are refused", () => {
  assertThrows(() => parseCsv("a,b\n1\n"), TypeError, "Expected 2 fields in row 1 of the CSV, got 1");
  assertThrows(() => parseCsv('a\n"x'), TypeError, "ends inside a quoted field");
});

Deno.test("data sets are read from the installed package, JSON and CSV", async () => {
  const airports = await vegaDataset<{ iata: string; latitude: number }[]>("airports.csv");
  assertEquals(airports.length, 3376);
  assert(airports.every((a) => Math.abs(a.latitude) <= 90));
  const quakes = await vegaDataset<{ features: unknown[] }>("earthquakes.json");
  assertEquals(quakes.features.length, 1707);
});

Deno.test("data sets that are not there are refused", async () => {
  await assertRejects(() => vegaDataset("nope.csv"), TypeError, 'has no file "nope.csv"');
  await assertRejects(() => vegaDataset("../package.json"), TypeError, "Expected a .json or .csv file");
});
