import { assert, assertEquals } from "@std/assert";
import { ALIGNMENT, FreeList } from "../../../src/device/free_list.ts";
import { generator } from "../../../src/testing/case_inputs.ts";

const LINES = 4096;

Deno.test("ranges that are taken never overlap, and all join again when they are given back", () => {
  const random = generator(7), list = new FreeList(), taken = new Map<number, number>();
  list.give(0, LINES * ALIGNMENT);
  const owner = new Uint8Array(LINES);
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    if (random() < 0.55) {
      const lines = 1 + Math.floor(2 ** (9 * random())), start = list.take(lines * ALIGNMENT);
      if (start === undefined) {
        refused++;
        continue;
      }
      const own = owner.subarray(start / ALIGNMENT, start / ALIGNMENT + lines);
      assertEquals(own.length, lines);
      assert(own.every((mark) => mark === 0), "a range was given out twice");
      own.fill(1);
      taken.set(start, lines);
    } else if (taken.size > 0) {
      const [start, lines] = [...taken][Math.floor(random() * taken.size)];
      list.give(start, lines * ALIGNMENT);
      owner.fill(0, start / ALIGNMENT, start / ALIGNMENT + lines);
      taken.delete(start);
    }
    assertEquals(list.free, owner.reduce((free, mark) => free - mark, LINES) * ALIGNMENT);
  }
  assert(refused > 10, "the list was never full");
  for (const [start, lines] of taken) list.give(start, lines * ALIGNMENT);
  assertEquals(list.take(LINES * ALIGNMENT), 0);
  assertEquals(list.take(ALIGNMENT), undefined);
});

Deno.test("a range that just fits is found among many that do not", () => {
  const list = new FreeList();
  for (let k = 0; k < 100; k++) list.give(k * 64 * ALIGNMENT, (k === 50 ? 9 : 8) * ALIGNMENT);
  assertEquals(list.take(9 * ALIGNMENT), 50 * 64 * ALIGNMENT);
  assertEquals(list.take(9 * ALIGNMENT), undefined);
});
