import { assertEquals, assertMatch } from "@std/assert";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { hasGpu, sayMissing } from "./devices.ts";

sayMissing();

/** Registers a test on an adapter with the host beside it, as `open()` gives it. */
function onPair(name: string, fn: (gpu: Gpu) => Promise<void> | void): void {
  Deno.test({
    name,
    ignore: !hasGpu,
    fn: async () => {
      await using gpu = await open({ backend: "auto", tune: "off" });
      await fn(gpu);
    },
  });
}

/** Where the kernels of `fn` ran. */
async function places(gpu: Gpu, fn: () => Promise<unknown>): Promise<string[]> {
  const { entries } = await gpu.profile(fn);
  return [...new Set(entries.map((e) => e.on))].sort();
}

onPair("short calls run on the host without a wait, and info says so", async (gpu) => {
  assertMatch(gpu.info.reason, /adapter was found; calls of less than \d+(\.\d+)? ms run on the CPU/);
  assertEquals([gpu.info.backend, gpu.info.threads > 0], ["webgpu", true]);
  const profile = await gpu.profile(async () => {
    const a = gpu.tensor([[1, 2], [3, 4]]);
    assertEquals(await a.matmul(a.T).add(1).sum(1).array(), [18, 38]);
    await gpu.sync();
  });
  assertEquals([...new Set(profile.entries.map((e) => e.on))], ["cpu"]);
  assertEquals(profile.waits, []);
});

onPair("long calls run on the adapter, and what they give stays there", async (gpu) => {
  using a = gpu.tensor(new Float32Array(700 * 700).fill(1), { shape: [700, 700] });
  assertEquals(await places(gpu, async () => void await a.matmul(a).data()), ["webgpu"]);
  const wide = gpu.tensor(new Float32Array(1 << 21));
  assertEquals(wide.value.storage.onHost, false);
  assertEquals(await places(gpu, async () => void await wide.slice([0, 4]).add(1).data()), ["webgpu"]);
});

onPair("an array of the host gets one copy on the adapter, freed with it", (gpu) => {
  const x = gpu.tensor(new Float32Array(64 * 64), { shape: [64, 64] });
  const big = gpu.tensor(new Float32Array(1 << 21), { shape: [64, 1 << 15] });
  assertEquals([x.value.storage.onHost, big.value.storage.onHost], [true, false]);
  const count = gpu.device.ledger.count;
  const [first, second] = [x.matmul(big), x.matmul(big)].map((t) => (t.value, t));
  assertEquals(gpu.device.ledger.count, count + 3);
  for (const t of [first, second, big, x]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});

onPair("f64 is there, whatever the adapter has", async (gpu) => {
  using x = gpu.tensor(new Float64Array([1, 2, 3]), { dtype: "f64" });
  assertEquals(await x.exp().data(), new Float64Array([1, 2, 3].map(Math.exp)));
});

onPair("a small transport problem is solved as on the CPU device", async (gpu) => {
  await using cpu = await open({ backend: "cpu", tune: "off" });
  const solve = async (g: Gpu) => {
    using x = g.random.normal([60, 2], { seed: 5 }), y = g.random.normal([70, 2], { seed: 6 });
    const result = await sinkhorn(x, y, { epsilon: 0.05 });
    return [result.cost, result.converged, result.iterations];
  };
  assertEquals(await solve(gpu), await solve(cpu));
});
