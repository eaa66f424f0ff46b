import { assertEquals, assertMatch } from "@std/assert";
import { reduce } from "../../src/ops/reduce.ts";
import { run } from "../../src/ops/run.ts";
import { sinkhorn } from "../../src/methods/transport/mod.ts";
import { type Gpu, open, Tensor } from "../../src/tensor/mod.ts";
import { checkOp } from "../../src/testing/mod.ts";
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
  assertMatch(
    gpu.info.reason,
    /adapter was found; calls run on the CPU .* where the adapter would save less than \d+(\.\d+)? ms/,
  );
  assertEquals([gpu.info.backend, gpu.info.threads > 0], ["webgpu", true]);
  const profile = await gpu.profile(async () => {
    const a = gpu.tensor([[1, 2], [3, 4]]);
    assertEquals(await a.matmul(a.T).add(1).sum(1).array(), [18, 38]);
    await gpu.sync();
  });
  assertEquals([...new Set(profile.entries.map((e) => e.on))], ["cpu"]);
  assertEquals(profile.waits, []);
});

/** Distances to the nearest of 10,000 points: long enough to be sent to any adapter, whatever the number of processors. */
const nearest = (gpu: Gpu, x: Tensor) => gpu.pairwise("min", "sqdist(x[i], x[j])", { x });
const points = (gpu: Gpu) => gpu.tensor(new Float32Array(20_000).map((_, k) => k % 97), { shape: [10_000, 2] });

onPair("long calls run on the adapter, and what they give stays there", async (gpu) => {
  using x = points(gpu);
  assertEquals(x.value.storage.onHost, true);
  assertEquals(await places(gpu, async () => void await nearest(gpu, x).data()), ["webgpu"]);
  using d = nearest(gpu, x);
  assertEquals(d.value.storage.onHost, false);
  assertEquals(await places(gpu, async () => void await d.add(1).data()), ["webgpu"]);
});

onPair("products stay on the host beside a software adapter, which has the same processors", async (gpu) => {
  using a = gpu.tensor(new Float32Array(1500 * 1500).fill(1), { shape: [1500, 1500] });
  assertEquals(await places(gpu, async () => void await a.matmul(a).data()), [gpu.info.software ? "cpu" : "webgpu"]);
});

onPair("an array of the host gets one copy on the adapter, freed with it", (gpu) => {
  const x = points(gpu), count = gpu.device.ledger.count;
  const [first, second] = [nearest(gpu, x), nearest(gpu, x)].map((t) => (t.value, t));
  assertEquals(gpu.device.ledger.count, count + 3);
  for (const t of [first, second, x]) t.dispose();
  assertEquals(gpu.memory().rows, []);
});

onPair("a kernel that is asked for by name runs where it is, and ops are checked on the adapter", async (gpu) => {
  using x = gpu.tensor([1, 2, 3]);
  const runs = async (variant: string) => {
    const made = run(gpu.device, reduce, { x: x.value }, { reduction: "sum", formula: "x" }, { variant });
    using total = Tensor.from(made.out);
    return [total.value.storage.onHost, await total.item()];
  };
  assertEquals([await runs("wasm"), await runs("reference"), await runs("rows")], [[true, 6], [true, 6], [false, 6]]);
  const small = { ...reduce, cases: reduce.cases.slice(0, 3) };
  const variants = (await checkOp(gpu.device, small)).map((r) => r.variant);
  assertEquals(variants.every((name) => reduce.kernels.some((k) => k.name === name)), true);
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
