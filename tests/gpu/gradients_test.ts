import { registry } from "../../src/ops/registry.ts";
import { checkGrad } from "../../src/testing/mod.ts";
import { onEachDevice } from "./devices.ts";

for (const op of registry) {
  if (!op.vjp) continue;
  onEachDevice(`${op.name}: the gradient agrees with differences`, async (gpu) => {
    await checkGrad(gpu.device, op);
  });
}
