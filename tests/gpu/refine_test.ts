import { assert, assertEquals } from "@std/assert";
import { linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { normal } from "./linalg_matrices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

withAndWithoutLibraries(
  "refinement makes f32 solutions right to their last digits, and leaves none worse",
  async (gpu) => {
    for (const [m, n] of [[20, 20], [30, 12], [12, 30]]) {
      const k = Math.min(m, n), { q: left } = await linalg.qr(normal(gpu, [m, k], 1, "f64"));
      const { q: right } = await linalg.qr(normal(gpu, [n, k], 2, "f64")), b = normal(gpu, [m, 3], 3);
      for (const power of [0, 2, 4]) {
        const s = gpu.tensor(Float64Array.from({ length: k }, (_, i) => 10 ** (-power * i / (k - 1))), {
          dtype: "f64",
        });
        const a = left.mul(s).matmul(right.T).astype("f32"), [wide, sides] = [a.astype("f64"), b.astype("f64")];
        const find = async (a: Tensor, b: Tensor, refine: boolean) =>
          m === n ? await linalg.solve(a, b, { refine }) : (await linalg.lstsq(a, b, { refine })).x;
        const expected = await find(wide, sides, true), size = await expected.abs().max(0).data();
        const error = async (x: Tensor) =>
          Math.max(...(await x.astype("f64").sub(expected).abs().max(0).data()).map((v, c) => v / size[c]));
        assert(await error(await find(a, b, true)) <= 2 * roundoff("f32"), `[${m}, ${n}], 1e${power}`);
        const vector = await find(a, b.slice(null, 1), true);
        assertEquals([vector.shape, await vector.array()], [
          [n],
          await (await find(a, b, true)).slice(null, 1).array(),
        ]);
        for (const [matrix, given] of [[a, b], [wide, sides]]) {
          if (m !== n) continue;
          const plain = await linalg.certificate(matrix, { x: await find(matrix, given, false), b: given });
          const fine = await linalg.certificate(matrix, { x: await find(matrix, given, true), b: given });
          assert(fine.backwardError <= plain.backwardError + roundoff(matrix.dtype), `[${m}, ${n}], 1e${power}`);
        }
      }
    }
    // Where no step helps: nearly singular, all zero, of rank 1, and without a right-hand side.
    const hilbert = gpu.map("1 / (i + j + 1)", { i: gpu.arange(14).expandDims(1), j: gpu.arange(14) });
    const x = await linalg.solve(hilbert, gpu.ones([14]), { refine: true });
    assert((await x.isFinite().all().item()) === 1);
    assert((await linalg.certificate(hilbert, { x, b: gpu.ones([14]) })).backwardError < 16 * 14 * roundoff("f32"));
    assertEquals(await (await linalg.solve(gpu.eye(3), gpu.zeros([3]), { refine: true })).array(), [0, 0, 0]);
    const { x: least, rank } = await linalg.lstsq(gpu.ones([3, 2]), gpu.tensor([1, 2, 3]), { refine: true });
    assertEquals([await rank.item(), (await least.array() as number[]).map((v) => Math.round(v * 1e5) / 1e5)], [1, [
      1,
      1,
    ]]);
    assertEquals((await linalg.solve(gpu.eye(3), gpu.ones([3, 0]), { refine: true })).shape, [3, 0]);
    assertEquals((await linalg.solve(gpu.ones([0, 0]), gpu.ones([0, 2]), { refine: true })).shape, [0, 2]);
    const stack = normal(gpu, [2, 4, 4], 7), sides = normal(gpu, [4], 8);
    const each = await linalg.solve(stack, sides, { refine: true });
    assertEquals(await each.at(1).array(), await (await linalg.solve(stack.at(1), sides, { refine: true })).array());
  },
);
