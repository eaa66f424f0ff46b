import { assertEquals } from "@std/assert";
import type { DType } from "../../src/device/mod.ts";
import { compare } from "../../src/testing/mod.ts";
import { onEachDevice } from "./devices.ts";
import { runProgram } from "./random_program.ts";

onEachDevice("random programs of tensor operations give what plain arrays give", async (gpu) => {
  const { probes, backend } = gpu.info;
  const dtypes: DType[] = ["f32", "f32", "i32", "u32", "bool"];
  if (probes.f16) dtypes.push("f16");
  if (backend === "cpu") dtypes.push("f64");
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
});
