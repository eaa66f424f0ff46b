import { assert, assertEquals } from "@std/assert";
import { typedView } from "../../src/device/mod.ts";
import { random, type RandomParams } from "../../src/ops/random.ts";
import { run } from "../../src/ops/run.ts";
import { sizeOf } from "../../src/ops/value.ts";
import type { Gpu } from "../../src/tensor/mod.ts";
import { onEachDevice, onGpu } from "./devices.ts";

/** The words that a device stores for elements `first` to the end. */
async function words(gpu: Gpu, params: RandomParams, variant?: string, first = 0): Promise<Uint32Array> {
  const { out } = run(gpu.device, random, {}, params, { variant });
  try {
    return new Uint32Array(await gpu.device.read(out.storage, first * 4, (sizeOf(out.shape) - first) * 4));
  } finally {
    out.storage.release();
  }
}

/** The words that the reference gives, as the dtype stores them. */
function expected(params: RandomParams): Uint32Array {
  const { out } = random.contract({}, params), data = new Float64Array(sizeOf(out.shape));
  random.reference({}, params, { out: { ...out, data } });
  const memory = new ArrayBuffer(data.length * 4);
  typedView(out.dtype, memory).set(data);
  return new Uint32Array(memory);
}

const sets: readonly RandomParams[] = [
  ...(["bits", "uniform", "normal", "rademacher"] as const).map((distribution) => ({
    distribution,
    shape: [300_001],
    seed: 2 ** 45 + 17,
    stream: 2 ** 33 + 1,
    offset: 4 * (2 ** 32 - 1000),
  })),
  ...[1, 2, 3, 1000, 65_536, 300_001].map((n) => ({
    distribution: "permutation" as const,
    shape: [n],
    seed: 2 ** 52 + n,
  })),
];

onEachDevice("random numbers are bit for bit those of the reference, by every kernel", async (gpu) => {
  for (const params of sets) {
    const blocks = params.distribution === "permutation"
      ? ["feistel"]
      : ["halves", ...gpu.info.probes.int64 ? ["int64"] : []];
    const want = expected(params);
    for (const variant of gpu.info.backend === "cpu" ? [undefined] : blocks) {
      const got = await words(gpu, params, variant);
      // Comparing a million words one assertion at a time takes longer than drawing them.
      const wrong = got.findIndex((word, k) => word !== want[k]);
      assertEquals(wrong, -1, `${params.distribution}/${variant}: word ${wrong} is ${got[wrong]}, not ${want[wrong]}`);
    }
  }
});

onGpu("an array larger than one dimension of workgroups ends as the sequence goes on", async (gpu) => {
  const n = 65_535 * 64 * 4 + 77, tail = 65_536;
  const params = { distribution: "bits" as const, shape: [n], seed: 3 };
  for (const variant of ["halves", ...gpu.info.probes.int64 ? ["int64"] : []]) {
    const from = Math.floor((n - tail) / 4) * 4;
    assertEquals(await words(gpu, params, variant, from), expected({ ...params, shape: [n - from], offset: from }));
  }
});

onEachDevice("the same call gives the same numbers again", async (gpu) => {
  for (const params of sets.slice(0, 5)) assertEquals(await words(gpu, params), await words(gpu, params));
});

onEachDevice("a permutation made on the device has every number once", async (gpu) => {
  for (const n of [5, 4097, 100_000]) {
    const found = (await words(gpu, { distribution: "permutation", shape: [n], seed: 8 })).sort();
    assert(found.every((v, k) => v === k), `n = ${n}`);
  }
});
