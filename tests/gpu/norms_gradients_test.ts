import { assertEquals } from "@std/assert";
import { grad, linalg, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";
import { assertGradient, normal } from "./linalg_differences.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

withAndWithoutLibraries("gradients of norms and condition numbers agree with differences", async (gpu) => {
  const a = normal(gpu, [2, 4, 3], 1), square = normal(gpu, [2, 3, 3], 2).add(gpu.eye(3).mul(4).astype("f64"));
  for (const ord of ["fro", "nuc", 1, -1, 2, -2, Infinity, -Infinity] as const) {
    await assertGradient(gpu, `the norm ${ord}`, async (x) => ({ y: await linalg.norm(x, { ord, axis: [1, 2] }) }), [
      a,
    ]);
    const f = async (x: Tensor) => ({ y: await linalg.cond(x, { ord }) });
    await assertGradient(gpu, `the condition ${ord}`, f, [square]);
  }
  for (const ord of [null, 0.5, 1, 1.5, 2, 3, 20, -1, -2, Infinity, -Infinity]) {
    await assertGradient(gpu, `the ${ord}-norm`, async (x) => ({ y: await linalg.norm(x, { ord, axis: 1 }) }), [a]);
  }
  for (const scale of [1e150, 1e-150]) {
    const g = grad(async (x: Tensor) => await linalg.norm(x))(gpu.tensor([3, 4], { dtype: "f64" }).mul(scale));
    assertEquals((await (await g).array() as number[]).map((x) => Math.round(x * 1e12) / 1e12), [0.6, 0.8]);
  }
});

withAndWithoutLibraries("gradients of products and powers agree with differences", async (gpu) => {
  const a = normal(gpu, [2, 1, 3, 2], 1), b = normal(gpu, [4, 2, 2], 2), square = normal(gpu, [2, 3, 3], 3);
  const product = (f: (x: Tensor, y: Tensor) => Tensor) => (x: Tensor, y: Tensor) => Promise.resolve({ y: f(x, y) });
  await assertGradient(gpu, "kron", product(linalg.kron), [a, b]);
  await assertGradient(gpu, "khatriRao", product(linalg.khatriRao), [a, b]);
  for (const power of [1, 2, 5, -1, -3]) {
    const f = async (x: Tensor) => ({ y: await linalg.matrixPower(x, power) });
    await assertGradient(gpu, `the power ${power}`, f, [square.add(gpu.eye(3).mul(3).astype("f64"))]);
  }
});

onEachDevice(
  "the gradient of a norm of zeros is zero, and that of larger elements that of their direction",
  async (gpu) => {
    for (const ord of [null, 1, 2, 3] as const) {
      const f = grad(async (x: Tensor) => await linalg.norm(x, { ord }));
      assertEquals(await (await f(gpu.zeros([3]))).array(), [0, 0, 0]);
    }
    const g = await grad(async (x: Tensor) => await linalg.norm(x))(gpu.tensor([3e30, -4e30]));
    assertEquals((await g.array() as number[]).map((x) => Math.round(x * 1e5) / 1e5), [0.6, -0.8]);
  },
);
