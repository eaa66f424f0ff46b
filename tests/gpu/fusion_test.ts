import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { assertClose } from "../../src/testing/mod.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** How often each op ran in `fn`, whatever the kernel variant. */
async function calls(gpu: Gpu, fn: () => unknown): Promise<Record<string, number>> {
  const { entries } = await gpu.profile(fn);
  const counts: Record<string, number> = {};
  for (const { kernel, count } of entries) {
    const op = kernel.split("/")[0];
    if (op !== "(wall time)") counts[op] = (counts[op] ?? 0) + count;
  }
  return counts;
}

onEachDevice("a chain of elementwise operations is one kernel", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), y = gpu.tensor([[0.5], [2]]);
  const counts = await calls(gpu, async () => {
    assertEquals(await x.mul(2).add(y).sub(1).maximum(y.square()).neg().array(), [[-1.5, -3.5, -5.5], [-4, -5, -7]]);
  });
  assertEquals(counts, { map: 1 });
});

onEachDevice("a reduction takes in the elementwise work before it", async (gpu) => {
  const x = gpu.tensor([[1, 2], [3, 4]]), y = gpu.tensor([1, 1]);
  const counts = await calls(gpu, async () => assertEquals(await x.sub(y).square().sum(1).array(), [1, 13]));
  assertEquals(counts, { reduce: 1 });
});

onEachDevice("a softmax takes in its scores, and is one kernel", async (gpu) => {
  const s = gpu.tensor([[1, 2], [3, 8]]), mask = gpu.tensor([[0, -Infinity], [0, 0]]);
  const counts = await calls(gpu, async () => {
    const y = await s.mul(0.5).add(mask).softmax(1).array() as number[][];
    const odds = Math.exp(2.5);
    assertEquals(y[0], [1, 0]);
    assertAlmostEquals(y[1][1], odds / (1 + odds), 1e-6);
  });
  assertEquals(counts, { softmax: 1 });
});

onEachDevice("work in another dtype than its result is stored in is not taken in", async (gpu) => {
  const x = gpu.tensor([1.75, 2.5, -3.25]);
  const counts = await calls(gpu, async () => {
    assertEquals(await x.mul(2).astype("i32").mul(0.5).array(), [1.5, 2.5, -3]);
  });
  assertEquals(counts, { map: 2 });
});

onEachDevice("a subexpression that a formula reads several times is taken in once", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]);
  const counts = await calls(gpu, async () => {
    const z = x.add(1);
    assertEquals(await z.mul(z).add(z).array(), [6, 12, 20]);
  });
  assertEquals(counts, { map: 1 });
});

onEachDevice("a result that a second consumer needs is stored, and then only read", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), z = x.add(1);
  const read = (k: number) => calls(gpu, async () => assertEquals(await z.mul(k).array(), [2 * k, 3 * k, 4 * k]));
  assertEquals(await read(2), { map: 1 });
  assertEquals(await read(3), { map: 2 });
  assertEquals(await read(4), { map: 1 });
});

onEachDevice("what has been read once is not computed again", async (gpu) => {
  const z = gpu.tensor([1, 2, 3]).add(1);
  await z.data();
  assertEquals(await calls(gpu, async () => assertEquals(await z.array(), [2, 3, 4])), {});
  assertEquals(await calls(gpu, async () => assertEquals(await z.reshape([3, 1]).array(), [[2], [3], [4]])), {});
});

onEachDevice("nothing runs before a value is needed", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]);
  assertEquals(await calls(gpu, () => x.add(1).mul(2).exp()), {});
});

onEachDevice("a chain of ten thousand operations is right, in few kernels and little memory", async (gpu) => {
  const n = 1000, steps = 10_000;
  let x = gpu.zeros([n]).add(0);
  // The first profile measures the device's peaks.
  await calls(gpu, () => x.data());
  gpu.device.ledger.resetPeak();
  const counts = await calls(gpu, async () => {
    for (let k = 0; k < steps; k++) {
      using before = x;
      x = before.add(1);
    }
    const data = await x.data();
    assert(data.every((v) => v === steps), `got ${data[0]}`);
  });
  assert(counts.map <= steps / 10, `${counts.map} kernels`);
  assert(gpu.device.ledger.peak < 8 * 4 * n, `${gpu.device.ledger.peak} bytes at the peak`);
  x.dispose();
});

onEachDevice("a chain whose links are never disposed of is right too", async (gpu) => {
  let x = gpu.ones([3]);
  for (let k = 0; k < 2500; k++) x = x.neg().maximum(x).mul(0.5).add(0.5);
  assertEquals(await x.array(), [1, 1, 1]);
});

onEachDevice("doubling an expression sixty times does not double its formula", async (gpu) => {
  let x = gpu.tensor([1, 3]);
  for (let k = 0; k < 60; k++) x = x.add(x);
  assertEquals(await x.array(), [2 ** 60, 3 * 2 ** 60]);
});

onEachDevice("a chain through dtypes, views and reductions does not recurse without end", async (gpu) => {
  let x = gpu.ones([2, 3]);
  for (let k = 0; k < 1500; k++) {
    x = x.astype("i32").add(1).astype("f32").transpose().mul(0.5).add(x.T.sum(0, { keepDims: true }).mul(0));
  }
  assertClose(await x.data(), [1, 1, 1, 1, 1, 1]);
});

onEachDevice("more arrays than a kernel can bind are split over several", async (gpu) => {
  const xs = Array.from({ length: 24 }, (_, k) => gpu.full([5], k).add(gpu.zeros([5])));
  for (const x of xs) await x.data();
  const sum = (ts: Tensor[]) => ts.reduce((a, b) => a.add(b));
  assertEquals(await sum(xs).array(), Array(5).fill(276));
  const counts = await calls(gpu, async () => {
    // Six arrays each: the reduction can take in one of the two sums only.
    assertEquals(
      await gpu.reduce("sum", "a * b", { a: sum(xs.slice(0, 6)), b: sum(xs.slice(6, 12)) }).item(),
      15 * 51 * 5,
    );
  });
  assertEquals(counts, { map: 1, reduce: 1 });
});

onEachDevice("a reduction has the dtype that it has without fusion", async (gpu) => {
  if (!gpu.info.probes.f16) return;
  const h = gpu.tensor([1, 2], { dtype: "f16" });
  const total = () => gpu.reduce("sum", "exp(z)", { z: h.less(2) });
  const z = h.less(2);
  await z.data();
  assertEquals(total().dtype, gpu.reduce("sum", "exp(z)", { z }).dtype);
  assertClose(await total().data(), [Math.E + 1], { rtol: 2 ** -20 });
});

onEachDevice("inputs may be disposed of before the result that needs them is read", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), y = gpu.tensor([10]);
  const sum = x.add(y), view = x.flip(), total = sum.mul(view);
  for (const t of [x, y, sum, view]) t.dispose();
  assertEquals(await total.array(), [33, 24, 13]);
  total.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("an absorbed input that another operand stores keeps what it was made from", async (gpu) => {
  const x = gpu.tensor([1.5, 2.5]), a = x.add(1);
  // The product absorbs `a`, then `b` makes `a` be stored, which lets go of `x`: the product still reads it.
  const b = a.astype("i32"), product = a.mul(b);
  for (const t of [x, a, b]) t.dispose();
  assertEquals(await product.array(), [5, 10.5]);
  product.dispose();
  const y = gpu.tensor([1.5, 2.5]), c = y.add(1), d = c.astype("i32");
  y.dispose();
  const sum = gpu.reduce("sum", "c * d", { c, d });
  for (const t of [c, d]) t.dispose();
  assertEquals(await sum.item(), 15.5);
  sum.dispose();
  assertEquals(gpu.memory().rows, []);
});
