import { assertEquals } from "@std/assert";
import type { DType } from "../../src/device/mod.ts";
import { compare } from "../../src/testing/mod.ts";
import { type Gpu, open } from "../../src/tensor/mod.ts";
import { generator } from "../unit/formula/random.ts";
import { hasGpu, onEachDevice, sayMissing } from "./devices.ts";
import { runProgram } from "./random_program.ts";

async function checkPrograms(gpu: Gpu): Promise<void> {
  const { probes, threads } = gpu.info;
  const dtypes: DType[] = ["f32", "f32", "i32", "u32", "bool"];
  if (probes.f16) dtypes.push("f16");
  if (threads > 0 || probes.f64) dtypes.push("f64");
  for (let seed = 1; seed <= 12; seed++) {
    const pairs = runProgram(gpu, seed, 60, dtypes);
    const read = await Promise.all(pairs.map(({ tensor }) => tensor.data()));
    pairs.forEach(({ tensor, model, how }, k) => {
      const where = `seed ${seed}: ${how}`;
      assertEquals([tensor.dtype, [...tensor.shape]], [model.dtype, [...model.shape]], where);
      const result = compare(read[k], model.data);
      assertEquals(result.ok, true, `${where}\n${result.message}`);
      tensor.dispose();
    });
    assertEquals(gpu.memory().rows, [], `seed ${seed} leaves memory behind`);
  }
}

onEachDevice("random programs of tensor operations give what plain arrays give", checkPrograms);

sayMissing();
Deno.test({
  name: "random programs give the same wherever each call of them runs (adapter and host)",
  ignore: !hasGpu,
  fn: async () => {
    await using gpu = await open({ backend: "auto", tune: "off" });
    const random = generator(7);
    Object.defineProperty(gpu.device, "short", { get: () => random() < 0.5 ? Infinity : -Infinity });
    await checkPrograms(gpu);
  },
});
