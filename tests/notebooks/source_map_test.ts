import { assertEquals } from "@std/assert";
import { decodeMappings } from "../../src/notebook/source_map.ts";

Deno.test("mappings are decoded by line, with sources counted on from the segment before", () => {
  // Numbers are signed, of 5 bits a digit: A 0, C 1, D −1, I 4, gB 16, hC −32.
  assertEquals(
    decodeMappings("AAAA,IACC;;gBADhC"),
    [
      [{ column: 0, sourceLine: 0, sourceColumn: 0 }, { column: 4, sourceLine: 1, sourceColumn: 1 }],
      [],
      [{ column: 16, sourceLine: 0, sourceColumn: -31 }],
    ].map((line) => line),
  );
});

Deno.test("a generated piece that comes from nowhere has no segment but moves the column", () => {
  assertEquals(decodeMappings("C,CAAA"), [[{ column: 2, sourceLine: 0, sourceColumn: 0 }]]);
});
