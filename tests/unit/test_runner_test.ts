import { assertEquals } from "@std/assert";
import { readCount } from "../../tools/test.ts";

Deno.test("the counts of a report are those of its last line", () => {
  const report =
    "ok | 3 passed | 0 failed (1s)\nprinted by a test\n\nFAILED | 12 passed (3 steps) | 2 failed | 1 ignored (4s)\n\n";
  assertEquals(readCount(report), { passed: 12, failed: 2, ignored: 1 });
  assertEquals(readCount("\n\x1b[0m\x1b[32mok\x1b[0m | 16 passed | 0 failed \x1b[0m(1s)\n"), {
    passed: 16,
    failed: 0,
    ignored: 0,
  });
});

Deno.test("a report without a last line is of a process that died", () => {
  assertEquals(readCount("running 3 tests from ./a_test.ts\nfirst ... ok (1ms)\n"), undefined);
});
