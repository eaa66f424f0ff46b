import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { linalg } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onEachDevice } from "./devices.ts";
import { apart, normal } from "./linalg_matrices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

onEachDevice("norms of large and small elements are in range", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    const [big, small] = dtype === "f32" ? [1e30, 1e-30] : [1e200, 1e-200], u = roundoff(dtype);
    const x = gpu.tensor([3, -4, 0, 12], { dtype });
    for (const scale of [big, small]) {
      const expected = [[2, 13], [3, 1819 ** (1 / 3)], [1, 19], [0, 3], [Infinity, 12], [
        0.5,
        (Math.sqrt(3) + 2 + Math.sqrt(12)) ** 2,
      ]];
      for (const [p, size] of expected) {
        const found = await (await linalg.norm(x.mul(scale), { ord: p })).item() / (p === 0 ? 1 : scale);
        assert(Math.abs(found / size - 1) < 64 * u, `${dtype}, ${p}, ${scale}: ${found}`);
      }
      const found = await (await linalg.norm(x.mul(scale).reshape([2, 2]))).item() / scale;
      assert(Math.abs(found / 13 - 1) < 64 * u);
    }
  }
});

onEachDevice("norms of NaN, infinities, zeros and nothing", async (gpu) => {
  const norm = async (values: number[], ord: linalg.NormOrder | null) =>
    await (await linalg.norm(gpu.tensor(new Float32Array(values)), { ord })).item();
  for (const ord of [null, 1, 2, 3, 0.5, -1, Infinity, -Infinity]) {
    assertEquals(await norm([1, NaN, 2], ord), NaN);
    assertEquals(await norm([0, 0], ord), 0);
  }
  for (const ord of [null, 1, 2, 3, Infinity]) assertEquals(await norm([1, -Infinity], ord), Infinity);
  assertEquals([await norm([1, -Infinity], -Infinity), await norm([1, -Infinity], -1)], [1, 1]);
  assertEquals([await norm([0, 5], -1), await norm([NaN, 0], 0)], [0, 1]);
  for (const ord of [null, 0, 1, 2, 3, Infinity]) assertEquals(await norm([], ord), 0);
  assertEquals([await norm([], -1), await norm([], -2)], [Infinity, Infinity]);
  await assertRejects(() => norm([], -Infinity), RangeError, "smallest of no elements");
});

withAndWithoutLibraries("norms over axes of stacks", async (gpu) => {
  const a = normal(gpu, [2, 3, 4, 5], 1, "f64"), data = await a.data();
  for (const ord of ["fro", "nuc", 1, -1, 2, -2, Infinity, -Infinity] as const) {
    const found = await linalg.norm(a, { ord, axis: [3, 1] });
    assertEquals([found.shape, (await linalg.norm(a, { ord, axis: [-1, 1], keepDims: true })).shape], [[2, 4], [
      2,
      1,
      4,
      1,
    ]]);
    for (let i = 0; i < 2; i++) {
      for (let k = 0; k < 4; k++) {
        const rows = Array.from(
          { length: 5 },
          (_, c) => Array.from({ length: 3 }, (_, r) => data[((i * 3 + r) * 4 + k) * 5 + c]),
        );
        const one = await (await linalg.norm(gpu.tensor(rows, { dtype: "f64" }), { ord })).item();
        assert(Math.abs(await found.slice(i, k).item() - one) <= 1e-14 * one);
      }
    }
  }
  assertEquals((await linalg.norm(a, { axis: 2 })).shape, [2, 3, 5]);
  assertEquals((await linalg.norm(a, { keepDims: true })).shape, [1, 1, 1, 1]);
});

onEachDevice("Kronecker and Khatri-Rao products", async (gpu) => {
  const a = normal(gpu, [2, 1, 3, 2], 1), b = normal(gpu, [4, 2, 3], 2), [x, y] = [await a.data(), await b.data()];
  const k = linalg.kron(a, b);
  assertEquals(k.shape, [2, 4, 6, 6]);
  const found = await k.data();
  for (let at = 0; at < found.length; at++) {
    const [s, t, i, j] = [Math.floor(at / 144), Math.floor(at / 36) % 4, Math.floor(at / 6) % 6, at % 6];
    const [p, q] = [x[s * 6 + Math.floor(i / 2) * 2 + Math.floor(j / 3)], y[t * 6 + (i % 2) * 3 + j % 3]];
    assertEquals(found[at], Math.fround(p * q));
  }
  const c = gpu.tensor([[1, 2], [3, 4]], { dtype: "i32" });
  assertEquals(await linalg.kron(c, c).slice(2).array(), [3, 6, 4, 8]);
  assertEquals(await linalg.kron(gpu.tensor([1, 2]), gpu.tensor([[1], [3]])).array(), [[1, 2], [3, 6]]);
  assertEquals(await linalg.khatriRao(c, gpu.tensor([[1, 10], [2, 20], [3, 30]], { dtype: "i32" })).array(), [
    [1, 20],
    [2, 40],
    [3, 60],
    [3, 40],
    [6, 80],
    [9, 120],
  ]);
  assertEquals(linalg.kron(gpu.ones([0, 3]), gpu.ones([2, 2])).shape, [0, 6]);
  assertEquals(linalg.khatriRao(gpu.ones([2, 0]), gpu.ones([5, 3, 0])).shape, [5, 6, 0]);
  assertThrows(() => linalg.khatriRao(gpu.ones([2, 3]), gpu.ones([2, 4])), TypeError, "3 and 4 columns differ");
  assertThrows(() => linalg.kron(gpu.tensor(1), c), TypeError, "Expected a vector or a matrix");
});

withAndWithoutLibraries("powers of matrices", async (gpu) => {
  const a = gpu.tensor([[2, 1], [1, 1]], { dtype: "f64" });
  assertEquals(await (await linalg.matrixPower(a, 10)).array(), [[10946, 6765], [6765, 4181]]);
  assertEquals(await (await linalg.matrixPower(a, 0)).array(), [[1, 0], [0, 1]]);
  assertEquals(await (await linalg.matrixPower(a, 1)).array(), [[2, 1], [1, 1]]);
  assert(await apart(gpu, await linalg.matrixPower(a, -3), gpu.tensor([[5, -8], [-8, 13]], { dtype: "f64" })) < 1e-13);
  const stack = normal(gpu, [3, 4, 4], 1, "f64"), third = stack.matmul(stack).matmul(stack);
  assert(await apart(gpu, await linalg.matrixPower(stack, 3), third) < 1e-13);
  assertEquals((await linalg.matrixPower(gpu.ones([0, 0]), 5)).shape, [0, 0]);
  assertEquals((await linalg.matrixPower(gpu.ones([2, 3, 3]), 0)).shape, [2, 3, 3]);
  await assertRejects(() => linalg.matrixPower(a, 0.5), RangeError, "whole number");
  await assertRejects(() => linalg.matrixPower(gpu.zeros([2, 2]), -1), linalg.SingularMatrixError);
});
