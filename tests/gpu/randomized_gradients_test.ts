import { assert, assertEquals } from "@std/assert";
import { type Gpu, grad, linalg, open, type Tensor } from "../../mod.ts";

/** Losses of factorizations with fixed random numbers: functions of the matrix like others. */
const LOSSES: Record<string, (a: Tensor, gpu: Gpu) => Promise<Tensor>> = {
  "randomizedSvd, values": async (a) =>
    (await linalg.randomizedSvd(a, { rank: 3, oversample: 2, seed: 1 })).s.square().sum(),
  "randomizedSvd, the matrix": async (a, gpu) => {
    const { u, s, v } = await linalg.randomizedSvd(a, { rank: 3, oversample: 2, seed: 1 });
    return u.mul(s).matmul(v.T).mul(gpu.random.normal([9, 7], { seed: 2 }).astype("f64")).sum();
  },
  "randomizedRange, the projection": async (a, gpu) => {
    const { q } = await linalg.randomizedRange(a, { rank: 2, oversample: 1, powerIterations: 1, seed: 3 });
    return q.matmul(q.T.matmul(a)).mul(gpu.random.normal([9, 7], { seed: 4 }).astype("f64")).sum();
  },
  "nystrom, the matrix": async (a, gpu) => {
    const { u, s } = await linalg.nystrom(a.T.matmul(a), { rank: 2, oversample: 2, seed: 5 });
    return u.mul(s).matmul(u.T).mul(gpu.random.normal([7, 7], { seed: 6 }).astype("f64")).sum();
  },
  "cur, the matrix": async (a, gpu) => {
    const { c, u, r } = await linalg.cur(a, { rank: 3, seed: 7 });
    return c.matmul(u).matmul(r).mul(gpu.random.normal([9, 7], { seed: 8 }).astype("f64")).sum();
  },
  "hutchPlusPlus": async (a) => (await linalg.hutchPlusPlus(a.T.matmul(a), { products: 9, seed: 9 })).trace,
  "hutchinson": async (a) => (await linalg.hutchinson(a.T.matmul(a), { products: 9, seed: 9 })).trace,
};

Deno.test("gradients of randomized factorizations agree with central differences", async (t) => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  for (const [name, loss] of Object.entries(LOSSES)) {
    await t.step(name, async () => {
      const before = gpu.memory().live;
      await gpu.scope(async () => {
        const a = gpu.random.normal([9, 7], { seed: 20 }).astype("f64"),
          d = gpu.random.normal([9, 7], { seed: 21 }).astype("f64");
        const f = (x: Tensor) => loss(x, gpu), slope = await (await grad(f)(a)).mul(d).sum().item();
        const difference = async (h: number) =>
          (await (await f(a.add(d.mul(h)))).item() - await (await f(a.sub(d.mul(h)))).item()) / (2 * h);
        const near = await difference(1e-5), far = await difference(2e-5);
        const bound = 4 * Math.abs(near - far) + 1e-6 * Math.abs(near) + 1e-7;
        assert(Math.abs(slope - near) <= bound, `${slope}, by differences ${near}`);
      });
      assertEquals(gpu.memory().live, before);
    });
  }
});
