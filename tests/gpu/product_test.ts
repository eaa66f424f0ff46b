import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Gpu } from "../../src/tensor/mod.ts";
import { generator } from "../unit/formula/random.ts";
import * as nd from "../unit/tensor/nd_array.ts";
import { onEachDevice } from "./devices.ts";

/** A plain array of small whole numbers: products of them are exact in every dtype and order. */
function numbers(shape: readonly number[], seed: number): nd.NdArray {
  const random = generator(seed);
  return nd.build(shape, "f32", () => Math.floor(random() * 9) - 4);
}

/** The product by its definition; vectors are rows on the left and columns on the right. */
function product(a: nd.NdArray, b: nd.NdArray): nd.NdArray {
  const left = a.shape.length === 1 ? nd.reshape(a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? nd.reshape(b, [...b.shape, 1]) : b;
  const [m, k] = left.shape.slice(-2), n = right.shape.at(-1)!;
  const batch = nd.commonShape(left.shape.slice(0, -2), right.shape.slice(0, -2))!;
  const x = nd.broadcastTo(left, [...batch, m, k]), y = nd.broadcastTo(right, [...batch, k, n]);
  const out = nd.build([...batch, m, n], "f32", (index) => {
    const outer = index.slice(0, -2), [i, j] = index.slice(-2);
    let sum = 0;
    for (let q = 0; q < k; q++) sum += nd.at(x, [...outer, i, q]) * nd.at(y, [...outer, q, j]);
    return sum;
  });
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return nd.reshape(out, shape);
}

const SHAPES: readonly [number[], number[]][] = [
  [[3], [3]],
  [[3], [3, 4]],
  [[2, 3], [3]],
  [[2, 3], [3, 4]],
  [[1, 1], [1, 1]],
  [[17, 33], [33, 19]],
  [[5, 2, 3], [3, 4]],
  [[2, 3], [5, 3, 4]],
  [[5, 1, 2, 3], [4, 3, 2]],
  [[3], [5, 3, 4]],
  [[5, 2, 3], [3]],
  [[0, 3], [3, 4]],
  [[2, 0], [0, 4]],
  [[0, 2, 3], [3, 1]],
];

onEachDevice("products of vectors, matrices and stacks of them follow the definition", async (gpu) => {
  for (const [left, right] of SHAPES) {
    const a = numbers(left, 1), b = numbers(right, 2), expected = product(a, b);
    using x = gpu.tensor(a.data, { shape: left }), y = gpu.tensor(b.data, { shape: right });
    using out = x.matmul(y);
    const where = `[${left}] by [${right}]`;
    assertEquals([[...out.shape], out.dtype], [[...expected.shape], "f32"], where);
    assertEquals(Array.from(await out.data()), [...expected.data], where);
  }
});

onEachDevice("products of views read them as they are", async (gpu) => {
  const a = numbers([6, 8], 3), b = numbers([9, 6], 4);
  const x = gpu.tensor(a.data, { shape: [6, 8] }), y = gpu.tensor(b.data, { shape: [9, 6] });
  const every = [null, null, 2] as const, back = [null, null, -1] as const;
  const cases: [actual: ReturnType<typeof x.matmul>, expected: nd.NdArray][] = [
    [x.T.matmul(y.T), product(nd.transpose(a, [1, 0]), nd.transpose(b, [1, 0]))],
    [y.matmul(x), product(b, a)],
    [y.flip(1).matmul(x.slice(back, every)), product(nd.slice(b, [null, back]), nd.slice(a, [back, every]))],
    [y.slice([2, 7]).matmul(x.broadcastTo([3, 6, 8])), product(nd.slice(b, [[2, 7]]), nd.broadcastTo(a, [3, 6, 8]))],
  ];
  for (const [actual, expected] of cases) {
    assertEquals(Array.from(await actual.data()), [...expected.data]);
  }
});

onEachDevice("a product keeps the dtype of its operands", async (gpu) => {
  for (const dtype of ["i32", "u32", ...(gpu.info.probes.f16 ? ["f16" as const] : [])] as const) {
    using x = gpu.tensor([[1, 2], [3, 4]], { dtype });
    using out = x.matmul(x);
    assertEquals([out.dtype, await out.array()], [dtype, [[7, 10], [15, 22]]]);
  }
});

/** How often each op ran in `fn`. */
async function calls(gpu: Gpu, fn: () => Promise<void>): Promise<Record<string, number>> {
  const { entries } = await gpu.profile(fn), counts: Record<string, number> = {};
  for (const { kernel, count } of entries) {
    const op = kernel.split("/")[0];
    if (op !== "(wall time)") counts[op] = (counts[op] ?? 0) + count;
  }
  return counts;
}

onEachDevice("elementwise work after a product runs in the product's kernel", async (gpu) => {
  const x = gpu.tensor([[1, -2], [3, 4]]), bias = gpu.tensor([10, -10]);
  const layer = () => x.matmul(x).add(bias).relu().mul(2);
  assertEquals(await calls(gpu, async () => assertEquals(await layer().array(), [[10, 0], [50, 0]])), { matmul: 1 });
  // A product that two results need is computed once and stored.
  const shared = x.matmul(x);
  assertEquals(
    await calls(gpu, async () => {
      const [a, b] = [shared.add(1), shared.mul(0.5)];
      assertEquals([await a.array(), await b.array(), await shared.array()], [
        [[-4, -9], [16, 11]],
        [[-2.5, -5], [7.5, 5]],
        [[-5, -10], [15, 10]],
      ]);
    }),
    { matmul: 2, map: 1 },
  );
});

onEachDevice("a product and what it was made from may be disposed of before a result is read", async (gpu) => {
  const x = gpu.tensor([[1, 2], [3, 4]]), y = x.add(0.5), p = y.matmul(x);
  // The epilogue reads the product twice: as it is, and through another dtype, which makes it be stored.
  const whole = p.astype("i32"), both = p.mul(whole);
  for (const t of [x, y, p, whole]) t.dispose();
  assertEquals(await both.array(), [[9 * 9, 13 * 13], [17 * 17, 25 * 25]]);
  both.dispose();
  assertEquals(gpu.memory().rows, []);
});

onEachDevice("thousands of products in a row do not recurse, and hold no more than they need", async (gpu) => {
  const turn = gpu.tensor([[0, -1], [1, 0]]);
  let x = gpu.tensor([[1], [2]]);
  gpu.device.ledger.resetPeak();
  for (let k = 0; k < 4001; k++) {
    using before = x;
    x = turn.matmul(before);
  }
  assertEquals(await x.array(), [[-2], [1]]);
  assert(gpu.memory().peak <= 16 * 256, `${gpu.memory().peak} bytes at the peak`);
});

onEachDevice("products that do not fit are refused with both shapes", (gpu) => {
  const x = gpu.ones([3, 4]);
  assertThrows(() => x.matmul(gpu.ones([5, 2])), TypeError, "[3, 4]");
  assertThrows(() => x.matmul(gpu.ones([5, 2])), TypeError, "[5, 2]: inner sizes 4 and 5 differ");
  assertThrows(() => gpu.ones([2, 3, 4]).matmul(gpu.ones([3, 4, 2])), TypeError, "a [2], those of b [3]");
  assertThrows(() => x.matmul(gpu.tensor(2)), TypeError, "Cannot multiply [3, 4] by []: use mul for scalars");
});
