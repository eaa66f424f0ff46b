import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../../src/testing/mod.ts";
import { generator } from "../unit/formula/random.ts";
import * as nd from "../unit/tensor/nd_array.ts";
import { onEachDevice } from "./devices.ts";

/** A plain array of small whole numbers. */
function numbers(shape: number[], seed: number): nd.NdArray {
  const random = generator(seed);
  return nd.build(shape, "f32", () => Math.floor(random() * 19) - 9);
}

onEachDevice("take picks positions along any axis, of views and of delayed work", async (gpu) => {
  const a = numbers([4, 5, 3], 1), x = gpu.tensor(a.data, { shape: a.shape });
  const positions = [2, 0, 2, -1];
  for (const axis of [0, 1, 2, -1]) {
    const k = axis < 0 ? axis + 3 : axis, shape = a.shape.map((s, q) => q === k ? positions.length : s);
    const expected = nd.build(shape, "f32", (index) => {
      const at = positions[index[k]];
      return nd.at(a, index.map((i, q) => q === k ? (at < 0 ? at + a.shape[k] : at) : i));
    });
    assertClose(await x.take(positions, axis).data(), expected.data);
    assertClose(await x.neg().take(gpu.tensor(positions, { dtype: "i32" }), axis).neg().data(), expected.data);
  }
  assertEquals(await x.T.flip(0).take([0, 3], 2).slice(0, 1).array(), [nd.at(a, [3, 0, 1]), nd.at(a, [3, 3, 1])]);
  assertEquals(await gpu.tensor([5, 6, 7]).take(gpu.tensor([[0, 1], [2, 2]], { dtype: "i32" })).array(), [[5, 6], [
    7,
    7,
  ]]);
  assertEquals([x.take([], 1).shape, await x.take([], 1).array()], [[4, 0, 3], [[], [], [], []]]);
  assertEquals(await gpu.tensor([true, false]).take([1, 0]).array(), [false, true]);
});

onEachDevice("a position out of range on the device gives NaN, not another element", async (gpu) => {
  const indices = gpu.tensor([0, 3, -4, -1], { dtype: "i32" });
  assertEquals(await gpu.tensor([1, 2, 3]).take(indices).array(), [1, NaN, NaN, 3]);
  assertThrows(
    () => gpu.tensor([1, 2, 3]).take([3]),
    RangeError,
    "Index 3 is out of range for axis 0 of the shape [3]",
  );
  assertThrows(() => gpu.tensor([1, 2]).take(gpu.tensor([0.5])), TypeError, "indices");
});

onEachDevice("scatterAdd adds up repeated positions", async (gpu) => {
  const a = numbers([5, 2], 2), u = numbers([300, 2], 3), random = generator(4);
  const positions = Array.from({ length: 300 }, () => Math.floor(random() * 5));
  const expected = [...a.data];
  positions.forEach((to, k) => [0, 1].forEach((c) => expected[to * 2 + c] += nd.at(u, [k, c])));
  const x = gpu.tensor(a.data, { shape: a.shape }), updates = gpu.tensor(u.data, { shape: u.shape });
  const indices = gpu.tensor(positions, { dtype: "i32" });
  assertClose(await x.scatterAdd(indices, updates).data(), expected);
  assertClose(await x.add(1).scatterAdd(indices, updates.T.T.mul(1)).sub(1).data(), expected);
  // Values are never changed in place.
  assertClose(await x.data(), a.data);
  assertThrows(() => x.scatterAdd(indices, updates.slice([0, 2])), TypeError, "expected updates [300, 2]");
});

onEachDevice("concatenate and stack join any number of tensors along any axis", async (gpu) => {
  const parts = [numbers([2, 3], 5), numbers([2, 1], 6), numbers([2, 0], 7), numbers([2, 4], 8)];
  const tensors = parts.map((a) => gpu.tensor(a.data, { shape: a.shape }));
  const rows = [0, 1].map((r) => parts.flatMap((a) => a.data.slice(r * a.shape[1], (r + 1) * a.shape[1])));
  assertEquals(await gpu.concatenate(tensors, 1).array(), rows);
  assertEquals(await gpu.concatenate(tensors.map((t) => t.T), -2).T.array(), rows);
  assertEquals(await gpu.concatenate([tensors[0].add(1), tensors[0]]).sub(tensors[0].slice([0, 1])).at(0).array(), [
    1,
    1,
    1,
  ]);
  const many = Array.from({ length: 40 }, (_, k) => gpu.full([2], k));
  assertEquals(await gpu.stack(many).T.at(1).array(), Array.from({ length: 40 }, (_, k) => k));
  assertEquals(await gpu.stack(many.slice(0, 3), -1).array(), [[0, 1, 2], [0, 1, 2]]);
  assertEquals(await gpu.stack([gpu.tensor(1), gpu.tensor(2)]).array(), [1, 2]);
  assertThrows(() => gpu.concatenate([tensors[0], tensors[1]]), TypeError, "x0 [2, 3] and x1 [2, 1] along axis 0");
  assertThrows(
    () => gpu.concatenate([tensors[0], tensors[0].astype("i32")]),
    TypeError,
    "x0 f32 and x1 i32: dtypes differ",
  );
  assertThrows(
    () => gpu.concatenate(tensors, 2),
    RangeError,
    "Expected an axis from -2 to 1 for the shape [2, 3], got 2",
  );
});

onEachDevice("random tensors follow their seed and their distribution", async (gpu) => {
  const n = 20_000, { random } = gpu;
  const draw = {
    uniform: await random.uniform([n], { seed: 1, low: -2, high: 6 }).data(),
    normal: await random.normal([n], { seed: 2, mean: 3, std: 2 }).data(),
    sign: await random.rademacher([n], { seed: 3 }).data(),
  };
  assertEquals(await random.uniform([n], { seed: 1, low: -2, high: 6 }).data(), draw.uniform);
  assert(draw.uniform.every((v) => v >= -2 && v < 6));
  assert(draw.sign.every((v) => Math.abs(v) === 1));
  const moments = (v: ArrayLike<number>) => {
    const mean = Array.from(v).reduce((s, x) => s + x, 0) / n;
    return [mean, Math.sqrt(Array.from(v).reduce((s, x) => s + (x - mean) ** 2, 0) / n)];
  };
  // Five standard errors of a mean and of a standard deviation of this many numbers.
  const error = 5 / Math.sqrt(n), width = 8 / Math.sqrt(12);
  assertClose(moments(draw.uniform), [2, width], { atol: width * error });
  assertClose(moments(draw.normal), [3, 2], { atol: 2 * error });
  assertClose(moments(draw.sign), [0, 1], { atol: error });
  const order = await random.permutation(1000, { seed: 4 }).data();
  assertEquals(order instanceof Int32Array, true);
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, k) => k));
  assert(order.some((v, k) => v !== k));
  assertEquals(random.bits([2, 3], { seed: 5 }).dtype, "u32");
  // Without a seed each call has its own.
  const [a, b] = [await random.bits([4]).array(), await random.bits([4]).array()];
  assert(JSON.stringify(a) !== JSON.stringify(b));
  assertThrows(() => random.normal([2], { seed: -1 }), RangeError, 'Expected "seed" to be a whole number');
  assertThrows(() => random.normal([-2]), RangeError, "Expected whole, non-negative sizes");
});
