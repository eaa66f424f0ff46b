import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { DeviceLostError, KernelError } from "../../src/device/mod.ts";
import type { WebGpuDevice } from "../../src/device/webgpu_device.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { BROKEN, COPY, runBody } from "./broken_op.ts";
import { onEachDevice, onGpu } from "./devices.ts";

/** The WebGPU device behind ours. */
function raw(gpu: Gpu): GPUDevice {
  return (gpu.device as WebGpuDevice).gpu;
}

onEachDevice("a device says what it is, and what its limits are", (gpu) => {
  const { backend, name, reason, limits, features, probes } = gpu.info;
  assertEquals(reason, `asked for by backend: "${backend}"`);
  assert(name.length > 0);
  for (const limit of Object.values(limits)) assertEquals(typeof limit, "number");
  assert(limits.bindingBytes >= 2 ** 27 && limits.bindingBytes % 16 === 0);
  for (const result of Object.values(probes)) assertEquals(typeof result, "boolean");
  if (backend === "cpu") assertEquals([features, probes.f64], [[], true]);
});

onGpu("two adapters and the host can be open at once", async (first) => {
  await using second = await open({ backend: "webgpu", tune: "off" });
  await using host = await open({ backend: "cpu" });
  const gpus = [first, second, host];
  const results = gpus.map((gpu, k) => gpu.tensor([1, 2, 3]).mul(k + 1).sum());
  assertEquals(await Promise.all(results.map((t) => t.item())), [6, 12, 18]);
  second.close();
  assertEquals(await Promise.all([first, host].map((gpu) => gpu.tensor([4]).sqrt().item())), [2, 2]);
});

onGpu("tensors of two devices do not mix, and the message names both", async (gpu) => {
  await using host = await open({ backend: "cpu" });
  const x = gpu.tensor([1]), y = host.tensor([1]);
  const mixed = (a: string, b: string) =>
    `Cannot mix devices: "${a}" is on ${host.info.name}, "${b}" on ${gpu.info.name}`;
  assertEquals(assertThrows(() => x.add(y), TypeError).message, mixed("y", "x"));
  assertEquals(assertThrows(() => x.matmul(y), TypeError).message, mixed("other", "x"));
  assertEquals(
    assertThrows(() => gpu.map("a + b", { a: 1, b: y }), TypeError).message,
    `Cannot mix devices: "b" is on ${host.info.name}, this call on ${gpu.info.name}`,
  );
  assertThrows(() => gpu.concatenate([x, y]), TypeError, "Cannot mix devices");
  assertThrows(() => gpu.reduce("sum", "a", { a: y }), TypeError, "Cannot mix devices");
});

onGpu("f64 is refused on an adapter without it, with what to do instead", (gpu) => {
  gpu.device.info.probes.f64 = false;
  const message = `Cannot compute with f64 on ${gpu.info.name}: open({ backend: "cpu" }) has it, or use f32`;
  assertEquals(assertThrows(() => gpu.tensor([1], { dtype: "f64" }), TypeError).message, message);
  assertEquals(assertThrows(() => gpu.zeros([2], "f64"), TypeError).message, message);
  assertEquals(assertThrows(() => gpu.ones([2]).astype("f64"), TypeError).message, message);
});

onGpu("a lost device fails every use in words, and a new one works", async () => {
  const gpu = await open({ backend: "webgpu", tune: "off" });
  const gone = /^The device ".+" is gone \(.+\); open\(\) gives a new one$/;
  const x = gpu.tensor([1, 2, 3]), pending = x.add(2).data();
  raw(gpu).destroy();
  // Attached at once: a rejection that nobody waits for would end the process.
  const lost = assertRejects(() => pending, DeviceLostError);
  const error = await assertRejects(() => x.add(1).data(), DeviceLostError);
  assertMatch(error.message, gone);
  assertMatch((await lost).message, gone);
  assertEquals(gpu.device.closed, true);
  assertMatch((await assertRejects(() => x.data(), DeviceLostError)).message, gone);
  assertMatch((await assertRejects(() => gpu.sync(), DeviceLostError)).message, gone);
  assertMatch(assertThrows(() => gpu.tensor([1]), DeviceLostError).message, gone);
  await assertRejects(() => gpu.profile(() => x.add(1).data()), DeviceLostError);
  x.dispose();
  gpu.close();
  await using again = await open({ backend: "webgpu", tune: "off" });
  assertEquals(await again.tensor([1, 2]).add(1).array(), [2, 3]);
});

onGpu("a read right after the loss of the device, before it is known, does not hang", async () => {
  const gpu = await open({ backend: "webgpu", tune: "off" });
  const x = gpu.tensor([1, 2, 3]);
  raw(gpu).destroy();
  const reads = [x.data(), x.flip().data(), x.sum().data(), gpu.sync()];
  for (const result of await Promise.allSettled(reads)) {
    assert(result.status === "rejected" && result.reason instanceof DeviceLostError, JSON.stringify(result));
  }
});

onEachDevice("a closed device refuses work", async ({ info }) => {
  const gpu = await open({ backend: info.backend, tune: "off" });
  const x = gpu.tensor([1]), later = x.add(1);
  gpu.close();
  gpu.close();
  for (const use of [() => x.data(), () => later.data(), () => gpu.sync()]) await assertRejects(use, DeviceLostError);
  assertThrows(() => gpu.tensor([1]), DeviceLostError, "open() gives a new one");
  await using again = await open({ backend: info.backend, tune: "off" });
  assertThrows(() => again.tensor([1]).add(x), TypeError, "Cannot mix devices");
});

onGpu("a kernel that does not compile fails at the read, with its line and a caret", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), y = runBody(x, "broken", BROKEN);
  const error = await assertRejects(() => y.data(), KernelError);
  const lines = error.message.split("\n");
  assertMatch(lines[0], /^Cannot compile the kernel "broken\/only": .*`nonsense` \(line \d+, column \d+\)$/);
  assertEquals(lines[1].trim(), "y[id] = x[id] + nonsense;");
  assertEquals(lines[1].slice(lines[2].indexOf("^")), "nonsense;");
  assertEquals([error.kernel, error.wgsl.split("\n").includes(lines[1])], ["broken/only", true]);
  assertEquals(await x.add(1).array(), [2, 3, 4]);
});

onGpu("a broken kernel spoils nothing but its own results and what is made from them", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]);
  // Kernels that are known to be right: their work waits to be sent together with what comes before and after.
  await Promise.all([x.add(1).data(), x.mul(2).sum().data()]);
  const before = x.add(10);
  assertEquals(before.value.shape, [3]);
  const broken = runBody(x, "broken", BROKEN), below = broken.mul(2).sum();
  const after = x.add(20);
  assertEquals([after.value.shape, below.value.shape], [[3], []]);
  const [good, bad, made, late] = await Promise.allSettled([
    before.array(),
    broken.array(),
    below.item(),
    after.array(),
  ]);
  assertEquals([good, late], [{ status: "fulfilled", value: [11, 12, 13] }, {
    status: "fulfilled",
    value: [21, 22, 23],
  }]);
  for (const result of [bad, made]) {
    assert(result.status === "rejected" && result.reason instanceof KernelError, JSON.stringify(result));
  }
  // Again, and through a second call of the op, whose neighbours stay right: never a number.
  await assertRejects(() => broken.data(), KernelError);
  await assertRejects(() => broken.add(1).data(), KernelError);
  const earlier = x.add(30), here = earlier.value.shape, again = runBody(x, "broken", BROKEN), other = x.add(40);
  assertEquals([here, await other.array(), await earlier.array()], [[3], [41, 42, 43], [31, 32, 33]]);
  await assertRejects(() => again.data(), KernelError);
});

onGpu("calls of a broken kernel one after the other all fail, and good ones never give wrong numbers", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), bad = [1, 2, 3].map(() => runBody(x, "broken", BROKEN));
  const good = x.add(1);
  for (const t of bad) await assertRejects(() => t.data(), KernelError);
  // It may have shared a submission with a broken kernel: then the read says so.
  const result = await good.array().catch((error) => error);
  if (!(result instanceof KernelError)) assertEquals(result, [2, 3, 4]);
  assertEquals(await x.add(2).array(), [3, 4, 5]);
});

onGpu("sync reports a broken kernel whose result nobody reads, once", async (gpu) => {
  const y = runBody(gpu.tensor([1, 2, 3]), "broken", BROKEN);
  await assertRejects(() => gpu.sync(), KernelError);
  await gpu.sync();
  y.dispose();
});

onGpu("results that depend on many earlier submissions still know of a fault", async (gpu) => {
  let x = runBody(gpu.tensor([1, 2, 3]), "broken", BROKEN), y = gpu.tensor([1, 2, 3]);
  for (let k = 0; k < 40; k++) {
    x = x.add(1);
    y = y.add(1);
    assertEquals([x.value.shape, y.value.shape], [[3], [3]]);
    gpu.device.flush();
  }
  await assertRejects(() => x.data(), KernelError);
  assertEquals(await y.array(), [41, 42, 43]);
});

onGpu("errors of WebGPU are never silent", async (gpu) => {
  const device = raw(gpu);
  device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  const error = await assertRejects(() => gpu.sync());
  assertMatch(error.message, /MAP/);
  await gpu.sync();
  // Too many workgroups: the submission is refused as a whole.
  const x = gpu.tensor([1, 2, 3]), y = runBody(x, "copy", COPY);
  assertEquals(await y.array(), [1, 2, 3]);
  gpu.device.dispatch({
    label: "too-wide",
    key: "too-wide",
    code: () =>
      "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = 1.0; }",
    read: [],
    write: [y.value.storage],
    uniforms: new Uint32Array(0),
    workgroups: [gpu.info.limits.workgroups + 1, 1, 1],
  });
  await assertRejects(() => y.data());
  assertEquals(await x.add(1).array(), [2, 3, 4]);
});

onGpu("one kernel key for two texts is found where keys are verified", async (gpu) => {
  assertEquals(Deno.env.get("DENOVO_VERIFY_KEYS"), "1");
  const x = gpu.tensor([1, 2, 3]);
  assertEquals(await runBody(x, "copy", COPY).array(), [1, 2, 3]);
  assertEquals(await runBody(x, "copy", COPY).array(), [1, 2, 3]);
  const other = { ...COPY, text: COPY.text.replace("x[id]", "2.0 * x[id]") };
  const error = assertThrows(() => runBody(x, "copy", other), KernelError);
  assertMatch(error.message, /^Two texts of the kernel "copy\/only" have the key ".*": line \d+ was\n/);
  assertMatch(error.message, /= x\[id\];\nand is\n.*2\.0 \* x\[id\];$/);
  assertEquals(await runBody(x, "copy", { ...other, key: "double" }).array(), [2, 4, 6]);
});
