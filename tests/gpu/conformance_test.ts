import { registry } from "../../src/ops/registry.ts";
import { checkOp } from "../../src/testing/mod.ts";
import { onEachDevice } from "./devices.ts";

for (const op of registry) {
  onEachDevice(`${op.name} agrees with its reference`, async (gpu) => {
    await checkOp(gpu.device, op);
  });
}
