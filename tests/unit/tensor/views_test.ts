import { assertEquals } from "@std/assert";
import { open, type Tensor } from "../../../src/tensor/mod.ts";
import { generator } from "../formula/random.ts";
import * as nd from "./nd_array.ts";

/** A tensor of 0, 1, 2, … and the plain array with the same numbers. */
async function withCounting(
  shape: number[],
  fn: (t: Tensor, a: nd.NdArray, buffers: () => number) => Promise<void>,
): Promise<void> {
  await using gpu = await open({ backend: "cpu" });
  let n = 0;
  const a = nd.build(shape, "f32", () => n++);
  await fn(gpu.tensor(a.data, { shape }), a, () => gpu.memory().rows.reduce((s, r) => s + r.count, 0));
}

async function assertSame(t: Tensor, a: nd.NdArray, message: string): Promise<void> {
  assertEquals([[...t.shape], Array.from(await t.data())], [[...a.shape], [...a.data]], message);
}

Deno.test("every slice of an axis is what Python's is", async () => {
  const ends = [null, -7, -6, -5, -3, -1, 0, 1, 2, 4, 5, 6];
  await withCounting([5, 2], async (t, a) => {
    for (const start of ends) {
      for (const stop of ends) {
        for (const step of [-7, -3, -2, -1, 1, 2, 3, 7]) {
          using part = t.slice([start, stop, step]);
          await assertSame(part, nd.slice(a, [[start, stop, step]]), `${start}:${stop}:${step}`);
        }
      }
    }
  });
});

Deno.test("views of views share memory and give what plain arrays give", async () => {
  await withCounting([3, 4, 5, 2], async (t, a, buffers) => {
    const once = t.slice(null, [null, null, -2], [1, 4]).transpose([2, 0, 3, 1]);
    const expected = nd.transpose(nd.slice(a, [null, [null, null, -2], [1, 4]]), [2, 0, 3, 1]);
    await assertSame(once, expected, "slice, transpose");
    const twice = once.flip(-1).slice([null, null, -1], 1).expandDims(1);
    const flipped = nd.slice(expected, [[null, null, -1], 1, null, [null, null, -1]]);
    await assertSame(twice, nd.reshape(flipped, [3, 1, 2, 2]), "flip, slice, expandDims");
    const wide = twice.broadcastTo([2, 3, 4, 2, 2]).transpose([4, 1, 0, 3, 2]).squeeze();
    const spread = nd.transpose(nd.broadcastTo(nd.reshape(flipped, [3, 1, 2, 2]), [2, 3, 4, 2, 2]), [4, 1, 0, 3, 2]);
    await assertSame(wide, spread, "broadcastTo, transpose, squeeze");
    assertEquals(buffers(), 1);
  });
});

Deno.test("a reshape copies only where strides cannot express it", async () => {
  await withCounting([4, 6, 2], async (t, a, buffers) => {
    const free: [Tensor, number[]][] = [
      [t, [2, 2, 3, 4]],
      [t.slice([1, 3]), [12, 2]],
      [t.slice(null, [null, null, 2]), [2, 2, 3, 2]],
      [t.slice(null, null, 0), [24]],
      [t.transpose([2, 0, 1]), [2, 24]],
      [t.slice(null, null, 0).flip(0), [4, 1, 2, 3]],
      [t.slice(0, 0).broadcastTo([5, 3, 2]), [15, 1, 2]],
    ];
    for (const [view, shape] of free) {
      const model = nd.reshape({ ...a, shape: view.shape, data: Array.from(await view.data()) }, shape);
      await assertSame(view.reshape(shape), model, `[${view.shape}] to [${shape}]`);
    }
    assertEquals(buffers(), 1);
    await assertSame(t.T.reshape([48]), nd.reshape(nd.transpose(a, [0, 2, 1]), [48]), "transposed");
    assertEquals(buffers(), 2);
  });
});

Deno.test("constants of any size keep the memory of one element through every view", async () => {
  await using gpu = await open({ backend: "cpu" });
  const x = gpu.full([1000, 1, 5000, 200], 3);
  const views = [x.squeeze(), x.expandDims(0), x.reshape([-1, 100]), x.flatten(), x.T, x.flip(2), x.slice([0, 7])];
  // One element takes the smallest block there is.
  await using other = await open({ backend: "cpu" });
  using one = other.tensor(3);
  assertEquals(gpu.memory().rows, other.memory().rows);
  assertEquals(gpu.memory().rows.map(({ count }) => count), [1]);
  assertEquals(one.size, 1);
  assertEquals(await views[2].slice(-1, [0, 2]).array(), [3, 3]);
  for (const v of [x, ...views]) v.dispose();
});

Deno.test("random reshapes of random views hold their elements in order", async () => {
  const random = generator(3), below = (n: number) => Math.floor(random() * n);
  await withCounting([4, 6, 6], async (t, a) => {
    for (let k = 0; k < 300; k++) {
      const axes = [0, 1, 2].sort(() => random() - 0.5);
      const parts = axes.map((axis): nd.Part =>
        random() < 0.5 ? null : [null, null, [1, 2, -1, 3][below(axis ? 4 : 3)]]
      );
      const view = t.transpose(axes).slice(...parts), model = nd.slice(nd.transpose(a, axes), parts);
      const shape: number[] = [];
      for (let rest = nd.count(model.shape); rest > 1;) {
        const divisor = [2, 3, rest].filter((d) =>
          rest % d === 0
        )[below([2, 3, rest].filter((d) => rest % d === 0).length)];
        shape.splice(below(shape.length + 1), 0, divisor);
        rest /= divisor;
      }
      using reshaped = view.reshape(shape);
      await assertSame(reshaped, nd.reshape(model, shape), `[${view.shape}] to [${shape}]`);
      view.dispose();
    }
  });
});
