import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, linalg, open, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { hasGpu, onGpu } from "./devices.ts";

const normal = (gpu: Gpu, shape: number[], seed: number) => gpu.random.normal(shape, { seed });

onGpu("gradients through factors of the adapter are those of the host's", async (gpu) => {
  const a = normal(gpu, [20, 20], 1).add(gpu.eye(20).mul(8)), b = normal(gpu, [20, 2], 2);
  const losses = (place: "host" | "adapter"): ((x: Tensor) => Promise<Tensor>)[] => [
    async (x) => (await linalg.solve(x, b, { on: place })).square().sum(),
    async (x) => (await linalg.solve(a, x.slice(null, [0, 3]), { on: place })).square().sum(),
    async (x) => (await linalg.solveTriangular(x, b, { lower: true, on: place })).square().sum(),
    async (x) => (await linalg.inv(x, { on: place })).square().sum(),
    async (x) => (await linalg.slogdet(x, { on: place })).logAbsDet,
    async (x) => (await linalg.lu(x, { on: place })).u.square().sum(),
    async (x) => (await linalg.cholesky(x.matmul(x.T), { on: place })).sum(),
  ];
  const host = losses("host"), adapter = losses("adapter");
  for (let k = 0; k < host.length; k++) {
    const expected = await grad(host[k])(a),
      found = await grad(adapter[k])(a),
      size = await expected.abs().max().item();
    assert(
      await gpu.reduce("max", "abs(x - y)", { x: found, y: expected }).item() <= 1e4 * roundoff("f32") * size,
      `gradient ${k}`,
    );
  }
});

Deno.test("a place that does not exist is refused", async () => {
  await using cpu = await open({ backend: "cpu" });
  const a = cpu.eye(2);
  assertEquals(
    (await assertRejects(() => linalg.cholesky(a, { on: "adapter" }), TypeError)).message,
    `Cannot compute cholesky on an adapter: ${cpu.info.name} has none`,
  );
  assertEquals(
    (await assertRejects(() => linalg.lu(a, { on: "gpu" as "host" }), TypeError)).message,
    'Expected "on" to be "host" or "adapter", got "gpu"',
  );
  assertEquals(await (await linalg.cholesky(a, { on: "host" })).array(), [[1, 0], [0, 1]]);
});

Deno.test({
  name: "a device of an adapter and the host factors where it is told to",
  ignore: !hasGpu,
  fn: async () => {
    await using gpu = await open();
    const a = normal(gpu, [40, 40], 1), before = gpu.device.ledger.count;
    for (const place of ["host", "adapter", undefined] as const) {
      const { p, l, u } = await linalg.lu(a, { on: place });
      const { backwardError } = await linalg.certificate(a, { p, l, u });
      assert(backwardError <= 4 * 40 * roundoff("f32"), `lu on ${place}: the backward error is ${backwardError}`);
      assertEquals(l.value.storage.onHost, place !== "adapter");
      for (const t of [p, l, u]) t.dispose();
    }
    a.dispose();
    assert(gpu.device.ledger.count <= before, "buffers are left");
  },
});
