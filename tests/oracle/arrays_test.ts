import type { Tensor } from "../../src/tensor/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load, type Nested } from "./fixtures.ts";

const flat = (v: Nested): number[] => typeof v === "number" ? [v] : (v as Nested[]).flatMap(flat);
const U = 2 ** -24;

/** Fails with the case's name unless the tensor is within `bound` of the fixture. */
async function agree(t: Tensor, expected: Nested, bound: number, name: string): Promise<void> {
  try {
    assertClose(await t.data(), flat(expected), { atol: bound, rtol: 4 * U });
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
}

/** The largest finite magnitude: what rounding errors are in proportion to. */
const magnitude = (v: Nested) => flat(v).reduce((m, x) => Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m, 0);

onEachDevice("matrix products agree with NumPy", async (gpu) => {
  for (const { name, a, b, c } of load("matmul").cases) {
    using x = gpu.tensor(a), y = gpu.tensor(b);
    using product = x.matmul(y);
    const inner = x.shape.at(-1)!;
    await agree(product, c, inner * U * inner * magnitude(a) * magnitude(b), name);
  }
});

onEachDevice("reductions agree with NumPy", async (gpu) => {
  for (const { name, x, axis, ...expected } of load("reduce").cases) {
    await gpu.scope(async () => {
      const t = gpu.tensor(x), size = magnitude(x), n = t.size, sums = n * U * n * size;
      await agree(t.sum(axis), expected.sum, sums, `${name}: sum`);
      await agree(t.mean(axis), expected.mean, n * U * size, `${name}: mean`);
      await agree(t.max(axis), expected.max, 0, `${name}: max`);
      await agree(t.min(axis), expected.min, 0, `${name}: min`);
      await agree(t.argmax(axis), expected.argmax, 0, `${name}: argmax`);
      await agree(t.argmin(axis), expected.argmin, 0, `${name}: argmin`);
      await agree(t.norm(axis), expected.norm, sums, `${name}: norm`);
      await agree(t.logsumexp(axis), expected.logsumexp, (n + 64 + 2 * size) * 2 * U, `${name}: logsumexp`);
    });
  }
});

onEachDevice("softmax and its relatives agree with SciPy", async (gpu) => {
  for (const { name, x, axis, softmax, logSoftmax, logsumexp } of load("softmax").cases) {
    await gpu.scope(async () => {
      const t = gpu.tensor(x), bound = (64 + 8 * magnitude(x)) * U;
      await agree(t.softmax(axis), softmax, bound, `${name}: softmax`);
      await agree(t.logSoftmax(axis), logSoftmax, bound, `${name}: logSoftmax`);
      await agree(t.logsumexp(axis), logsumexp, bound, `${name}: logsumexp`);
    });
  }
});
