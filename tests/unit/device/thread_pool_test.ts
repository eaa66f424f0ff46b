import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { HostKernels } from "../../../src/device/host_kernels.ts";
import { HostMemory } from "../../../src/device/host_memory.ts";
import { ThreadPool } from "../../../src/device/thread_pool.ts";
import { incrementKernel } from "./tiny_kernel.ts";

function setUp(trapAt?: number, n = 1 << 16) {
  const memory = new HostMemory(256), pool = new ThreadPool(memory), kernels = new HostKernels(memory);
  const data = memory.allocate(4 * n, "data"), args = memory.allocate(8, "args");
  memory.view(data, "i32").fill(0);
  memory.view(args, "i32")[0] = data.address;
  const kernel = kernels.get({
    label: "increment",
    key: "increment",
    code: (shared) => incrementKernel(shared, trapAt),
    args: [],
    count: 0,
    grain: 1,
  });
  const run = (count: number, grain: number, threads: number) =>
    pool.run({ kernel, count, grain, threads, args: args.address });
  return { memory, pool, kernel, run, n, values: () => memory.view(data, "i32").subarray(0, n) };
}

Deno.test("every work item runs once, on any number of threads", () => {
  const { run, n, values, pool } = setUp();
  let rounds = 0;
  for (const threads of [1, 2, 4]) {
    for (const grain of [1, 7, 1000, n]) {
      run(n, grain, threads);
      rounds++;
      assert(values().every((value) => value === rounds), `${threads} threads, grains of ${grain}`);
    }
  }
  assertEquals(pool.failure, undefined);
});

Deno.test("thousands of short jobs one after the other lose no work item", () => {
  const { run, values } = setUp();
  for (let k = 0; k < 5000; k++) run(64, 4, 3);
  assert(values().subarray(0, 64).every((value) => value === 5000));
  assert(values().subarray(64).every((value) => value === 0));
});

Deno.test("workers that have gone to sleep come back", async () => {
  const { run, values, n } = setUp();
  for (let round = 1; round <= 3; round++) {
    run(n, 16, 3);
    assert(values().every((value) => value === round));
    await new Promise((resolve) => setTimeout(resolve, 150 * round));
  }
});

Deno.test("memory that grows after the workers have started is theirs too", () => {
  const { run, memory, kernel, pool, n } = setUp();
  run(n, 16, 2);
  const count = 1 << 20, data = memory.allocate(4 * count, "grown"), args = memory.allocate(8, "args");
  memory.view(data, "i32").fill(5);
  memory.view(args, "i32")[0] = data.address;
  pool.run({ kernel, count, grain: 1024, threads: 2, args: args.address });
  assert(memory.view(data, "i32").every((value) => value === 6));
});

Deno.test("a kernel that traps is reported at its launch, on whichever thread it was", () => {
  const { run, n } = setUp(12_345);
  assertThrows(() => run(n, 16, 2));
  assertThrows(() => run(n, 16, 1));
});

Deno.test("a worker that fails is reported at the launch, and later launches go on without it", () => {
  const { memory, kernel, pool, run, values, n } = setUp();
  // The launching thread has compiled the kernel; workers find its bytes spoilt.
  memory.bytes(kernel.code.address, kernel.codeBytes).fill(0, 8);
  const failed = () => {
    for (let k = 0; k < 1000; k++) run(n, 16, 2);
  };
  assertMatch(assertThrows(failed, Error).message, /^The kernel "increment" did not finish: a worker thread failed/);
  assertMatch(String(pool.failure), /CompileError/);
  const before = [...values()];
  run(n, 16, 2);
  assert(values().every((value, k) => value === before[k] + 1));
});
