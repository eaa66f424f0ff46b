import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../../src/device/errors.ts";
import { HostMemory } from "../../../src/device/host_memory.ts";

Deno.test("blocks keep their contents while the memory grows, and are aligned to cache lines", () => {
  const memory = new HostMemory(256);
  const blocks = Array.from({ length: 40 }, (_, k) => memory.allocate(1000 * (k + 1), `block ${k}`));
  blocks.forEach((block, k) => memory.view(block, "f64").fill(k));
  const large = memory.allocate(8 << 20, "large");
  memory.view(large, "u32").fill(0xffffffff);
  blocks.forEach((block, k) => {
    assertEquals(block.address % 64, 0);
    assert(memory.view(block, "f64").every((value) => value === k));
  });
});

Deno.test("memory that is given back is used again", () => {
  const memory = new HostMemory(64);
  for (let round = 0; round < 100; round++) memory.release(memory.allocate(2 << 20, "again"));
  assert(memory.size <= 3 << 20, `the memory grew to ${memory.size} bytes`);
});

Deno.test("a block that does not fit is refused with both sizes, and smaller ones still fit", () => {
  const memory = new HostMemory(64), kept = memory.allocate(1 << 20, "kept");
  const error = assertThrows(() => memory.allocate(4 << 20, "too large"), OutOfMemoryError);
  assertEquals([error.requested, error.limit], [4 << 20, 4 << 20]);
  assertEquals(
    error.message,
    'Cannot allocate 4.2 MB for "too large": the device holds at most 4.2 MB in all, of which 3.1 MB are free, in pieces',
  );
  memory.release(kept);
  assertEquals(memory.allocate(3 << 20, "fits").bytes, 3 << 20);
});

Deno.test("a vector can be read past the end of the last block", () => {
  const memory = new HostMemory(16), block = memory.allocate(16 * 65_536 - 128, "everything");
  assert(block.address + block.bytes + 16 <= memory.size);
});
