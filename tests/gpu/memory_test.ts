import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Ledger, OutOfMemoryError } from "../../src/device/mod.ts";
import { Collector } from "../../src/device/collector.ts";
import { BufferPool } from "../../src/device/pool.ts";
import { collectGarbage } from "../../src/device/runtime.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";

/** Buffers that the device holds, by label. */
function held(gpu: Gpu): Record<string, number> {
  return Object.fromEntries(gpu.memory().rows.map((r) => [r.label, r.count]));
}

onEachDevice("memory balances to zero after work, and views do not count twice", async (gpu) => {
  const x = gpu.tensor(new Float32Array(1000), { shape: [10, 100], label: "weights" });
  const { live } = gpu.memory();
  const views = [x.T, x.slice(3), x.reshape([100, 10]), x.flip(1), x.broadcastTo([4, 10, 100])];
  assertEquals([gpu.memory().live, held(gpu)], [live, { weights: 1 }]);
  x.dispose();
  assertEquals(held(gpu), { weights: 1 });
  assertEquals((await views[1].data()).length, 100);
  for (const view of views) view.dispose();
  assertEquals([gpu.memory().live, gpu.memory().rows], [0, []]);
});

onEachDevice("a constant takes the memory of one element", async (gpu) => {
  using x = gpu.zeros([1000, 1000]);
  assert(gpu.memory().live <= 256);
  assertEquals(await x.slice([0, 2], [0, 2]).array(), [[0, 0], [0, 0]]);
});

onEachDevice("memory balances after calls that were refused", async (gpu) => {
  const x = gpu.tensor([[1, 2], [3, 4]]), y = gpu.tensor([1, 2, 3]);
  const lazy = x.add(1);
  for (
    const call of [
      () => lazy.mul(2).add(y),
      () => gpu.map("a + nothing", { a: lazy }),
      () => lazy.sum(5),
      () => lazy.reshape([3]),
      () => lazy.transpose([1, 1]),
      () => gpu.stack([x, y]),
      () => gpu.tensor([[1], [2, 3]]),
      () => x.variance(0, { ddof: 2 }),
    ]
  ) assertThrows(call);
  await assertRejects(() => lazy.item());
  for (const t of [x, y, lazy]) t.dispose();
  // What the refused calls made on the way has no handle left: only a collection can free it.
  await assertCollected(gpu);
});

/** Waits until nothing is held any more by tensors without a handle. */
async function assertCollected(gpu: Gpu): Promise<void> {
  for (let k = 0; k < 20 && gpu.memory().rows.length > 0; k++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(gpu.memory().rows, []);
}

onEachDevice("more than the device can hold is refused with both sizes, and the device goes on", async (gpu) => {
  const { bindingBytes } = gpu.info.limits, n = bindingBytes / 4 + 1;
  const huge = gpu.zeros([n]).add(1);
  const error = await assertRejects(() => huge.data(), OutOfMemoryError);
  assert(error.requested > bindingBytes, `${error.requested}`);
  assertEquals(error.limit, bindingBytes);
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  assert(
    error.message.startsWith(`Cannot allocate ${megabytes(error.requested)} for "map": the device `),
    error.message,
  );
  assert(error.message.includes(megabytes(bindingBytes)), error.message);
  assertEquals(await gpu.tensor([1, 2]).add(1).array(), [2, 3]);
});

onEachDevice("live bytes stay bounded when tensors are dropped without disposing of them", async ({ info }) => {
  const budget = 8e6, bytes = 1e6;
  await using gpu = await open({ backend: info.backend, tune: "off", memoryBudget: budget });
  const data = new Float32Array(bytes / 4).fill(1);
  for (let k = 0; k < 60; k++) {
    const total = gpu.tensor(data).add(k).exp().log().slice([0, 10]).sum();
    assert(Math.abs(await total.item() - 10 * (k + 1)) < 1);
    assert(gpu.memory().live <= budget + 3 * bytes, `${gpu.memory().live} bytes are live in round ${k}`);
  }
  for (let k = 0; k < 60; k++) {
    gpu.tensor(data);
    await gpu.sync();
    assert(gpu.memory().live <= budget + 3 * bytes, `${gpu.memory().live} bytes are live after ${k} uploads`);
  }
});

onEachDevice("what is in use beyond the budget is not collected for again at every read", async ({ info }) => {
  await using gpu = await open({ backend: info.backend, tune: "off", memoryBudget: 1e6 });
  const kept = Array.from({ length: 5 }, () => gpu.tensor(new Float32Array(250_000)));
  /** A collection waits for one macrotask, so a timer set before it has fired when it is done. */
  const collects = async () => {
    const collector = new Collector(gpu.device.ledger, 1e6);
    const run = async () => {
      let fired = false;
      const timer = setTimeout(() => fired = true, 0);
      await collector.collect();
      clearTimeout(timer);
      return fired;
    };
    return [await run(), await run()];
  };
  assertEquals(await collects(), [true, false]);
  for (const t of kept) t.dispose();
  assertEquals(await collects(), [false, false]);
});

onGpu("freed buffers are used again", async (gpu) => {
  const make = (k: number) => gpu.tensor(new Float32Array(1000).fill(k));
  const first = make(1), { live } = gpu.memory();
  assertEquals(gpu.memory().pooled, 0);
  first.dispose();
  assertEquals([gpu.memory().live, gpu.memory().pooled], [0, live]);
  const second = make(2);
  assertEquals([gpu.memory().live, gpu.memory().pooled, gpu.memory().peak], [live, 0, live]);
  const sum = second.add(1);
  assertEquals((await sum.data())[999], 3);
  for (const t of [second, sum]) t.dispose();
  assertEquals([gpu.memory().live, gpu.memory().pooled], [0, 2 * live]);
});

onGpu("the pool keeps at most half the budget, and gives way to live memory", async () => {
  await using gpu = await open({ backend: "webgpu", tune: "off", memoryBudget: 4e6 });
  const make = (bytes: number) => gpu.tensor(new Float32Array(bytes / 4));
  for (const t of Array.from({ length: 10 }, () => make(1e6))) t.dispose();
  const { pooled } = gpu.memory();
  assert(pooled > 0 && pooled <= 2e6, `${pooled} bytes are pooled`);
  using _large = make(3e6);
  assertEquals(gpu.memory().pooled, 0);
});

Deno.test("a buffer that the device could not make is not given out again", async () => {
  const faults: Promise<Error | undefined>[] = [], destroyed: string[] = [];
  let made = 0, failing = true;
  const device = {
    pushErrorScope() {},
    popErrorScope: () => Promise.resolve(failing ? { message: "no memory left" } : null),
    createBuffer: () => {
      const label = `buffer ${made++}`;
      return { label, destroy: () => destroyed.push(label) };
    },
  };
  const pool = new BufferPool({
    device: device as unknown as GPUDevice,
    ledger: new Ledger(),
    limits: { memory: 1e6, image: 0 },
    budget: 1e9,
    report: (fault) => faults.push(fault),
    beforeDestroy: () => {},
  });
  const { resource } = pool.take(256, "x", "memory");
  const [fault] = await Promise.all(faults);
  assertEquals([fault instanceof OutOfMemoryError, fault?.message], [
    true,
    'Cannot allocate 256 bytes for "x": no memory left',
  ]);
  pool.give(resource, 256, "memory");
  failing = false;
  const again = pool.take(256, "y", "memory");
  assertEquals([again.recycled, destroyed], [false, ["buffer 0"]]);
  await Promise.all(faults);
  pool.give(again.resource, 256, "memory");
  assertEquals(pool.take(256, "z", "memory").recycled, true);
});

onEachDevice("a new upload never overwrites what recorded work still reads", async (gpu) => {
  const n = 5000, reads: Promise<ArrayLike<number>>[] = [];
  for (let k = 0; k < 120; k++) {
    const x = gpu.tensor(new Float32Array(n).fill(k)), sum = x.add(0.5);
    // Computed, but not sent: the buffer of `x` goes back to the pool and the next upload takes it.
    if (k % 3 > 0) assertEquals(sum.value.shape, [n]);
    x.dispose();
    gpu.tensor(new Float32Array(n).fill(-1)).dispose();
    reads.push(sum.data());
    if (k % 5 === 0) await reads[reads.length - 2];
    sum.dispose();
  }
  (await Promise.all(reads)).forEach((data, k) => {
    assertEquals([data[0], data[n >> 1], data[n - 1]], [k + 0.5, k + 0.5, k + 0.5]);
  });
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("many reads at once each give their own numbers", async (gpu) => {
  const shape = (k: number) => [1 + (k * 37) % 400, 1 + k % 3];
  const tensors = Array.from({ length: 150 }, (_, k) => gpu.full(shape(k), k).add(gpu.zeros(shape(k))));
  const reads = tensors.map((t, k) => k % 2 ? t.data() : t.T.data());
  // Neither disposing of the tensor nor new uploads into its buffer may reach a read that has begun.
  for (const t of tensors) t.dispose();
  const noise = tensors.map((_, k) => gpu.tensor(new Float32Array((k * 37) % 1200 + 1).fill(-1)));
  (await Promise.all(reads)).forEach((data, k) => {
    assertEquals(data.length, shape(k)[0] * shape(k)[1]);
    assert(data.every((v) => v === k), `read ${k} gave ${data.find((v) => v !== k)}`);
  });
  for (const t of noise) t.dispose();
  await assertCollected(gpu);
});
