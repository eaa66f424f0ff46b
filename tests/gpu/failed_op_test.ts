import { assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../src/device/mod.ts";
import { defineOp, type OpDefinition } from "../../src/ops/define.ts";
import { run } from "../../src/ops/run.ts";
import { onEachDevice } from "./devices.ts";

/** An op `y = x` whose reference and kernel do this. */
function opThat(fails: (temporary?: (bytes: number) => void) => void): OpDefinition<object> {
  return defineOp<object>({
    name: "failing",
    contract: ({ x }) => ({ y: x!, z: x! }),
    reference: () => fails(),
    kernels: [{
      name: "only",
      record: (call) => fails((bytes) => call.temporary({ shape: [bytes / 4], dtype: "f32" })),
    }],
    cost: () => ({ flops: 0, bytes: 0 }),
    error: (_, __, { y, z }) => ({ y: y.data, z: z.data }),
    cases: [{ name: "three", inputs: { x: { shape: [3] } }, params: {} }],
  });
}

onEachDevice("an op that fails while it runs leaves no memory behind", async (gpu) => {
  const x = gpu.tensor([1, 2, 3]), { bindingBytes } = gpu.info.limits;
  const faulty = opThat(() => {
    throw new Error("a fault in the op");
  });
  const greedy = opThat((temporary) => {
    temporary?.(256);
    temporary?.(4 * bindingBytes);
    throw new OutOfMemoryError("no room on the host", 4 * bindingBytes);
  });
  for (let k = 0; k < 3; k++) {
    assertThrows(() => run(gpu.device, faulty, { x: x.value }, {}), Error, "a fault in the op");
    assertThrows(() => run(gpu.device, greedy, { x: x.value }, {}), OutOfMemoryError);
  }
  assertEquals(gpu.memory().rows.map((r) => r.label), ["tensor"]);
  assertEquals(await x.add(1).array(), [2, 3, 4]);
});
