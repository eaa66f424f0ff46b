import { assert, assertEquals } from "@std/assert";
import { run } from "../../src/ops/run.ts";
import { scatterAdd } from "../../src/ops/scatter_add.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";

const rows = 300, width = 8, m = 20_000;

/** Updates of very different magnitudes at positions that repeat: the order of the additions shows in the last digits. */
function problem(gpu: Gpu, base: Base): { x: Tensor; indices: Tensor; updates: Tensor } {
  const indices = gpu.tensor(Int32Array.from({ length: m }, (_, k) => (k * 7919) % 311 % rows));
  const updates = gpu.tensor(Float32Array.from({ length: m * width }, (_, k) => Math.sin(k) * 10 ** (k % 9 - 4)));
  const column = gpu.tensor(Float32Array.from({ length: rows }, (_, k) => k / 7), { shape: [rows, 1] });
  const view = column.broadcastTo([rows, width]);
  return { x: base === "dense" ? view.add(0) : view, indices, updates: updates.reshape([m, width]) };
}

type Base = "dense" | "broadcast";

async function bits(gpu: Gpu, variant?: string, base: Base = "dense"): Promise<Uint32Array> {
  const { x, indices, updates } = problem(gpu, base);
  const inputs = { x: x.value, indices: indices.value, updates: updates.value };
  assertEquals(inputs.x.strides, base === "dense" ? [width, 1] : [1, 0]);
  const { out } = run(gpu.device, scatterAdd, inputs, { axis: 0 }, { variant });
  try {
    return new Uint32Array(await gpu.device.read(out.storage, 0, rows * width * 4));
  } finally {
    out.storage.release();
  }
}

onEachDevice("scatterAdd gives the same bits in every run", async (gpu) => {
  const first = await bits(gpu);
  for (let k = 0; k < 3; k++) assertEquals(await bits(gpu), first);
});

onGpu("scatterAdd adds in the same order one by one and in fours", async (gpu) => {
  const one = await bits(gpu, "csr");
  for (const base of ["dense", "broadcast"] as const) {
    assertEquals(await bits(gpu, "csrVec4", base), one);
    assertEquals(await bits(gpu, "csr", base), one);
  }
});

onGpu("a kernel whose last digits may vary runs only when asked for by name", async (gpu) => {
  const able = scatterAdd.kernels.filter((k) => k.deterministic === false).map((k) => `scatterAdd/${k.name}`);
  assert(able.length > 0);
  const ran = async (variant?: string) => {
    gpu.device.startProfile();
    await bits(gpu, variant);
    return (await gpu.device.stopProfile()).map((row) => row.kernel);
  };
  assert(!(await ran()).some((kernel) => able.includes(kernel)));
  if (gpu.info.probes.floatAtomics) assert((await ran("atomic")).includes("scatterAdd/atomic"));
});
