import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type Gpu, open, type Profile, type ProfileEntry } from "../../src/tensor/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";

/** The entries of kernels; a device without timestamps adds one for the whole. */
function kernels({ entries }: Profile): ProfileEntry[] {
  return entries.filter((e) => e.kernel !== "(wall time)");
}

type Displayed = { [Symbol.toStringTag]?: string } & Record<symbol, () => unknown>;

/** What a notebook shows of something. */
async function shown(value: unknown): Promise<Record<string, unknown>> {
  return await (value as Displayed)[Symbol.for("Jupyter.display")]() as Record<string, unknown>;
}

/** Adds two arrays of `n` numbers three times and sums one of them. */
async function work(gpu: Gpu, n: number): Promise<Profile> {
  using x = gpu.tensor(new Float32Array(n).fill(1)), y = gpu.tensor(new Float32Array(n).fill(2));
  return await gpu.profile(async () => {
    for (let k = 0; k < 3; k++) {
      using sum = x.add(y);
      sum.value;
    }
    using total = x.sum();
    assertEquals(await total.item(), n);
  });
}

onEachDevice("a profile counts calls, operations and bytes of every kernel", async (gpu) => {
  const n = 1000, profile = await work(gpu, n), entries = kernels(profile);
  const byOp = Object.fromEntries(entries.map(({ kernel, ...entry }) => [kernel.split("/")[0], entry]));
  assertEquals(Object.keys(byOp).sort(), ["map", "reduce"]);
  assertEquals([byOp.map.count, byOp.map.flops, byOp.map.bytes], [3, 3 * n, 3 * 3 * 4 * n]);
  assertEquals([byOp.reduce.count, byOp.reduce.flops, byOp.reduce.bytes], [1, n, 4 * n + 4]);
  for (const { ms, gflops, gbps, flops, bytes } of entries) {
    assert(ms >= 0 && Number.isFinite(ms));
    if (ms > 0) assertEquals([gflops, gbps], [flops / (ms / 1e3) / 1e9, bytes / (ms / 1e3) / 1e9]);
  }
  const total = (rows: { ms: number }[]) => rows.reduce((s, e) => s + e.ms, 0);
  assertEquals([profile.kernelMs, profile.waitMs], [total(profile.entries), total(profile.waits)]);
  // What is on the host is read without waiting.
  assertEquals(
    profile.waits.map((w) => [w.kernel, w.count]),
    gpu.info.backend === "webgpu" ? [["wait for a read", 1]] : [],
  );
  assert(profile.wallMs > 0);
});

onEachDevice("a profile is a table, in terminals and notebooks", async (gpu) => {
  const profile = await work(gpu, 100), text = profile.toString(), lines = text.split("\n");
  assertMatch(lines[0], /^kernel +on +calls +ms +GFLOP\/s +GB\/s +of roofline$/);
  assertEquals(lines.length, profile.entries.length + profile.waits.length + 2);
  assertMatch(text, /\nmap\S* +(cpu|webgpu) +3 +\d+\.\d\d +/);
  assert(lines.at(-1)!.startsWith(`${gpu.info.name}: `));
  assertEquals(new Set(lines.slice(0, -1).map((l) => l.length)).size, 1);
  assertEquals(Deno.inspect(profile), text);
  const bundle = await shown(profile);
  assertEquals(bundle["text/plain"], text);
  assertMatch(bundle["text/html"] as string, /^<table><tr><th>kernel<\/th>.*<td>3<\/td>.*<\/table>/);
});

onEachDevice("a profile without work is empty, and one ends with the call that it measures", async (gpu) => {
  assertEquals(kernels(await gpu.profile(() => {})), []);
  await assertRejects(
    () =>
      gpu.profile(async () => {
        await gpu.tensor([1]).add(1).data();
        throw new Error("stop here");
      }),
    Error,
    "stop here",
  );
  await gpu.tensor([1]).exp().data();
  assertEquals(kernels(await gpu.profile(() => gpu.tensor([2]).sum().data())).map((e) => e.count), [1]);
});

onEachDevice("profiles of one device do not nest", async (gpu) => {
  const profile = await gpu.profile(async () => {
    await assertRejects(() => gpu.profile(() => {}), TypeError, "Cannot profile within another profile");
    await gpu.tensor([1]).add(1).data();
  });
  assertEquals(kernels(profile).map((e) => e.count), [1]);
  assertEquals(kernels(await gpu.profile(() => {})), []);
});

onEachDevice("a profile may be longer than a query set", async (gpu) => {
  const x = gpu.tensor([1, 2]), calls = 5000;
  const profile = await gpu.profile(async () => {
    for (let k = 0; k < calls; k++) {
      using y = x.add(k);
      y.value;
    }
    // The last kernel's time comes from the last of the sets.
    await x.sum().data();
  });
  const entries = kernels(profile);
  assertEquals(entries.map((e) => e.count).sort(), [1, calls]);
  for (const { ms } of entries) assert(ms > 0, `${ms}`);
});

onEachDevice("the share of the roofline is given where the device has a clock", async (gpu) => {
  const entries = kernels(await work(gpu, 1 << 16)),
    clock = gpu.info.backend === "cpu" || gpu.info.features.includes("timestamp-query");
  for (const { roofline } of entries) {
    if (clock) assert(roofline !== undefined && roofline > 0, `${roofline}`);
    else assertEquals(roofline, undefined);
  }
});

onGpu("no kernel is far beyond the roofline", async (gpu) => {
  if (!gpu.info.features.includes("timestamp-query")) return;
  // The peaks are measured once per device, on a machine that may be busy just then: the best of three devices counts.
  const shares: number[] = [];
  for (let k = 0; k < 3; k++) {
    await using own = await open({ backend: "webgpu", tune: "off" });
    const profile = await work(own, 1 << 20);
    assert(profile.peak!.gflops > 0 && profile.peak!.gbps > 0);
    shares.push(Math.max(...kernels(profile).map((e) => e.roofline!)));
  }
  assert(Math.min(...shares) <= 1.5, `${shares}`);
});

onEachDevice("the memory table names what is held", async (gpu) => {
  const weights = gpu.tensor(new Float32Array(1 << 18), { label: "<weights>" }),
    one = gpu.tensor([1]),
    two = one.add(1);
  await two.data();
  const memory = gpu.memory(), lines = memory.toString().split("\n");
  assertEquals(memory.rows.map((r) => r.label).sort(), ["<weights>", "map", "tensor"]);
  assertMatch(lines[0], /^live 1\.\d{3} MB, pooled \d+\.\d{3} MB, peak 1\.\d{3} MB$/);
  assertMatch(lines[1], /^<weights> +1 +1\.049 MB$/);
  assertEquals(lines.length, memory.rows.length + 1);
  assertEquals([memory.live, memory.peak >= memory.live], [memory.rows.reduce((s, r) => s + r.bytes, 0), true]);
  assertEquals(Deno.inspect(memory), memory.toString());
  const bundle = await shown(memory);
  assertEquals(bundle["text/plain"], memory.toString());
  assertStringIncludes(bundle["text/html"] as string, "<tr><td>&#60;weights&#62;</td><td>1</td><td>1.049 MB</td></tr>");
  for (const t of [weights, one, two]) t.dispose();
  assertEquals(gpu.memory().live, 0);
});

onEachDevice("a device shows what was opened and why", async (gpu) => {
  const { backend, name, reason, libraries: { blas, lapack } } = gpu.info;
  const bundle = await shown(gpu.info);
  assertEquals(bundle["text/plain"], `${name} (${backend}): ${reason}\nBLAS: ${blas}\nLAPACK: ${lapack}`);
  assertStringIncludes(Deno.inspect(gpu.info), JSON.stringify(lapack));
  assertEquals(bundle["application/vnd.denovo.device+json"], { name, backend });
  assertEquals(Deno.inspect(gpu), `Gpu: ${name} (${backend}; ${reason})`);
  assertEquals(JSON.parse(JSON.stringify(gpu.info)).name, name);
});
