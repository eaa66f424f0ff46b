import { assert, assertEquals, assertThrows } from "@std/assert";
import { grad, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

onEachDevice("sort, argsort and topk agree with each other and with arrays", async (gpu) => {
  const x = gpu.tensor([[3, -1, NaN, 2, 3], [0, 5, -2, 5, 1]]);
  assertEquals(await x.sort().array(), [[-1, 2, 3, 3, NaN], [-2, 0, 1, 5, 5]]);
  assertEquals(await x.argsort().array(), [[1, 3, 0, 4, 2], [2, 0, 4, 1, 3]]);
  assertEquals(await x.sort(-1, { descending: true }).array(), [[3, 3, 2, -1, NaN], [5, 5, 1, 0, -2]]);
  assertEquals(await x.argsort(1, { descending: true }).array(), [[0, 4, 3, 1, 2], [1, 3, 4, 0, 2]]);
  assertEquals(await x.sort(0).array(), [[0, -1, -2, 2, 1], [3, 5, NaN, 5, 3]]);
  assertEquals(await x.argsort(0).array(), [[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]]);
  const best = x.topk(2);
  assertEquals(await best.values.array(), [[3, 3], [5, 5]]);
  assertEquals([await best.positions.array(), best.positions.dtype], [[[0, 4], [1, 3]], "i32"]);
  assertEquals(await x.topk(1, 0).values.array(), [[3, 5, -2, 5, 3]]);
  assertEquals(x.topk(0).values.shape, [2, 0]);
  const long = gpu.random.normal([3, 2, 700], { seed: 4 }), data = await long.data();
  const sorted = await long.sort().data();
  for (let r = 0; r < 6; r++) {
    assertEquals(sorted.slice(700 * r, 700 * (r + 1)), data.slice(700 * r, 700 * (r + 1)).sort());
  }
  assertThrows(() => x.topk(6), RangeError, "from 0 to the size 5");
  assertThrows(() => x.sort(2), RangeError);
  assertThrows(() => gpu.tensor(1).sort(), RangeError);
});

onEachDevice("sorting keeps no memory but its results", async (gpu) => {
  const x = gpu.random.normal([50, 40], { seed: 1 });
  await x.data();
  const before = gpu.device.ledger.count;
  for (const axis of [0, 1]) {
    using sorted = x.sort(axis);
    using order = x.argsort(axis);
    const { values, positions } = x.topk(3, axis);
    await Promise.all([sorted.data(), order.data(), values.data(), positions.data()]);
    values.dispose();
    positions.dispose();
  }
  assertEquals(gpu.device.ledger.count, before);
});

Deno.test("the gradient through sort, along any axis, arrives where each element came from", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.tensor([[3, 1, 2], [0, 5, -2]]), w = gpu.tensor([[1, 10, 100], [2, 20, 200]]);
  const last = await grad((x: Tensor) => x.sort().mul(w).sum())(x);
  assertEquals(await last.array(), [[100, 1, 10], [20, 200, 2]]);
  const first = await grad((x: Tensor) => x.sort(0).mul(w).sum())(x);
  assertEquals(await first.array(), [[2, 10, 200], [1, 20, 100]]);
  const two = await grad((x: Tensor) => x.topk(2).values.sum())(x);
  assertEquals(await two.array(), [[1, 0, 1], [1, 1, 0]]);
  assert(last.dtype === "f32");
});
