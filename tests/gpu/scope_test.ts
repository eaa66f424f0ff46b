import { assertEquals, assertRejects } from "@std/assert";
import { DeviceLostError, DisposedError } from "../../src/device/mod.ts";
import { type Gpu, open, type Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

const pause = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

onEachDevice("a scope frees everything but what it returns", async (gpu) => {
  const inner: Tensor[] = [];
  const result = await gpu.scope(async () => {
    const x = gpu.tensor([1, 2, 3]), y = x.add(1);
    inner.push(x, y);
    await y.data();
    return y.mul(x);
  });
  assertEquals(inner.map((t) => t.disposed), [true, true]);
  assertEquals(await result.array(), [2, 6, 12]);
  result.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("a scope keeps tensors in arrays and objects, views included", async (gpu) => {
  const { pair: [a, b], deep, twice, number } = await gpu.scope(() => {
    const x = gpu.tensor([[1, 2], [3, 4]]);
    return { pair: [x.T, x.slice(0)], deep: { list: [{ t: x.sum() }] }, twice: [x, x], number: 3 };
  });
  assertEquals([await a.array(), await b.array(), number], [[[1, 3], [2, 4]], [1, 2], 3]);
  assertEquals([await deep.list[0].t.item(), await twice[0].array()], [10, [[1, 2], [3, 4]]]);
  for (const t of [a, b, deep.list[0].t, twice[0]]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("an exception in a scope frees everything", async (gpu) => {
  await assertRejects(
    () =>
      gpu.scope(async () => {
        const x = gpu.tensor([1, 2, 3]), y = x.add(1);
        await y.data();
        await gpu.scope(() => y.mul(2));
        return y.add(gpu.tensor([1, 2]));
      }),
    TypeError,
    "Cannot broadcast",
  );
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("what an inner scope returns belongs to the outer one", async (gpu) => {
  let middle: Tensor | undefined;
  const result = await gpu.scope(async () => {
    middle = await gpu.scope(() => gpu.tensor([1, 2]).add(1));
    await pause();
    assertEquals(middle.disposed, false);
    return await gpu.scope(() => middle!.mul(10));
  });
  assertEquals([middle!.disposed, await result.array()], [true, [20, 30]]);
  result.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("a tensor from outside stays, even if scopes return it", async (gpu) => {
  const x = gpu.tensor([1, 2]);
  await gpu.scope(async () => {
    assertEquals(await gpu.scope(() => x), x);
    const [sum, same] = await gpu.scope(() => [x.add(1), x]);
    assertEquals([await sum.array(), same], [[2, 3], x]);
  });
  assertEquals([x.disposed, await x.array()], [false, [1, 2]]);
  x.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("concurrent scopes do not mix", async (gpu) => {
  const work = (k: number) =>
    gpu.scope(async () => {
      const x = gpu.tensor([k]);
      await pause(k % 3);
      const y = x.add(1);
      await pause((k + 1) % 3);
      assertEquals([x.disposed, await y.item()], [false, k + 1]);
      return y;
    });
  const outside = (async () => {
    await pause(1);
    return gpu.tensor([-1]);
  })();
  const results = await Promise.all(Array.from({ length: 12 }, (_, k) => work(k)));
  assertEquals(await Promise.all(results.map((t) => t.item())), Array.from({ length: 12 }, (_, k) => k + 1));
  assertEquals(await (await outside).item(), -1);
  for (const t of [...results, await outside]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("disposing in a scope, and `using`, are safe", async (gpu) => {
  await gpu.scope(() => {
    using x = gpu.tensor([1]);
    x.add(1).dispose();
    return 5;
  });
  {
    using x = gpu.tensor([1]);
    assertEquals(await x.item(), 1);
  }
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("the end of a block closes a device", async ({ info }) => {
  let kept: { gpu: Gpu; x: Tensor };
  {
    await using gpu = await open({ backend: info.backend, tune: "off" });
    const x = gpu.tensor([1]);
    x.add(1).exp().value;
    kept = { gpu, x };
  }
  assertEquals(kept.gpu.device.closed, true);
  await assertRejects(() => kept.x.data(), DeviceLostError);
  await assertRejects(async () => await kept.x.add(1).data(), DeviceLostError);
  kept.x.dispose();
  await assertRejects(() => kept.x.data(), DisposedError);
  kept.gpu.close();
  using again = await open({ backend: info.backend, tune: "off" });
  assertEquals(await again.tensor([1]).add(1).item(), 2);
});
