import type { Device } from "../device/mod.ts";
import type { OpDefinition } from "../ops/define.ts";
import { run } from "../ops/run.ts";
import type { Operand } from "../ops/value.ts";
import { Tensor } from "../tensor/mod.ts";

/** The part of a device that is an adapter, or the device itself if it is of one part. */
function adapterOf(device: Device, tensors: readonly Tensor[]): Device {
  // A call that the host would take for ever to compute.
  return device.place?.({ reads: [], dtypes: tensors.map((t) => t.dtype), ms: Infinity, gain: Infinity }) ?? device;
}

/**
 * Runs an op on the adapter, wherever a device of two parts would run it by itself; inputs in the host's memory are copied. The results
 * belong to the whole device.
 */
export function runOnAdapter<P>(
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Tensor>>,
  params: P,
): Record<string, Tensor> {
  const tensors = Object.values(inputs), { device } = tensors[0], part = adapterOf(device, tensors);
  const brought: Record<string, Operand> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    const value = tensor.value;
    brought[name] = part === device ? value : { ...value, device: part, storage: device.bring!(value.storage, part) };
  }
  const outputs = run(part, op, brought, params);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, Tensor.from({ ...value, device })]),
  );
}
