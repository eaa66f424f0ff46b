import type { Device, DType } from "../device/mod.ts";
import { choose } from "./choose_variant.ts";
import type { HostCall, InputTypes, KernelCall, KernelVariant, NativeVariant, OpDefinition } from "./define.ts";
import { toHostLaunch } from "./host_kernel.ts";
import { hostTime } from "./host_time.ts";
import { toLaunch } from "./kernel.ts";
import { map } from "./map.ts";
import { runLoops } from "./run_loops.ts";
import { typesOf } from "./types_of.ts";
import { allocateValue, type ArrayType, denseStrides, isDense, type Operand, sizeOf, type Value } from "./value.ts";

/** How to run an op. */
export interface RunOptions {
  /** Takes this kernel variant instead of choosing one. On the CPU device `reference` takes the reference. */
  variant?: string;
}

/**
 * Runs an op: checks the call against its contract, allocates the outputs, records its kernels (WebGPU), or runs its
 * WebAssembly kernels or loops (CPU device). Returns without waiting for a GPU; the caller owns the outputs' storages.
 */
export function run<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  options: RunOptions = {},
): Record<string, Value> {
  const types = typesOf(inputs);
  const outputTypes = op.contract(types, params);
  const part = placeOf(device, op, inputs, params, types, outputTypes);
  if (part !== device) return runOnPart(device, part, op, inputs, params, options);
  const outputs: Record<string, Value> = {};
  for (const type of [...Object.values(types), ...Object.values(outputTypes)]) {
    if (type) requireType(device, type.dtype);
  }
  try {
    for (const [name, type] of Object.entries(outputTypes)) outputs[name] = allocateValue(device, type, op.name);
    if (Object.values(outputTypes).every((t) => sizeOf(t.shape) === 0)) return outputs;
    const runOn = device.info.backend === "cpu" ? runOnHost : runOnGpu;
    const variant = runOn(device, op, inputs, params, outputs, options.variant);
    device.account(`${op.name}/${variant}`, op.cost(types, params, outputTypes));
  } catch (error) {
    // Nobody else knows of them.
    for (const value of Object.values(outputs)) value.storage.release();
    throw error;
  }
  return outputs;
}

/** The part of a device on which a call runs. */
function placeOf<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  types: InputTypes,
  outputTypes: Readonly<Record<string, ArrayType>>,
): Device {
  const values = Object.values(inputs).filter((v) => typeof v !== "number");
  return device.place({
    reads: values.map((v) => v.storage),
    dtypes: [...values, ...Object.values(outputTypes)].map((t) => t.dtype),
    hostTime: (threads) => hostTime(op, op.cost(types, params, outputTypes), threads),
  });
}

/** Runs a call on a part of a device. The results belong to the whole. */
function runOnPart<P>(
  device: Device,
  part: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  options: RunOptions,
): Record<string, Value> {
  const brought: Record<string, Operand> = {};
  for (const [name, v] of Object.entries(inputs)) {
    brought[name] = typeof v === "number" ? v : { ...v, device: part, storage: device.bring(v.storage, part) };
  }
  const outputs = run(part, op, brought, params, options);
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, { ...value, device }]));
}

/** Refuses a dtype that the device cannot compute with. */
export function requireType(device: Device, dtype: DType): void {
  // Kernels of the host have every dtype.
  if (device.info.threads > 0) return;
  if (dtype === "f64" && !device.info.probes.f64) {
    throw new TypeError(`Cannot compute with f64 on ${device.info.name}: open({ backend: "cpu" }) has it, or use f32`);
  }
  if (dtype === "f16" && !device.info.probes.f16) {
    throw new TypeError(`Cannot compute with f16 on ${device.info.name}: the adapter lacks it; use f32`);
  }
}

function runOnGpu<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  outputs: Record<string, Value>,
  wanted: string | undefined,
): string {
  const { temporary, dense, temporaries, release } = scratch(device, op.name);
  let label = op.name;
  const call: KernelCall<P> = {
    info: device.info,
    inputs,
    outputs,
    params,
    launch: (text) => device.dispatch(toLaunch(label, text, device.info.limits)),
    temporary,
    dense,
    image: (texels) => {
      const shape = [texels, 4];
      const storage = device.allocateImage(texels, `${op.name} scratch`);
      const value: Value = { device, storage, dtype: "f32", shape, strides: denseStrides(shape), offset: 0 };
      temporaries.push(value);
      return value;
    },
  };
  const record = (variant: KernelVariant<P>) => {
    label = `${op.name}/${variant.name}`;
    try {
      variant.record(call);
    } finally {
      release();
    }
  };
  const variant = choose(device, op, op.kernels, call, wanted, record);
  record(variant);
  return variant.name;
}

/** Runs an op on the CPU device; gives the name of what ran. */
function runOnHost<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  outputs: Record<string, Value>,
  wanted: string | undefined,
): string {
  let label = op.name;
  const { temporary, dense, release } = scratch(device, op.name);
  const call: HostCall<P> = {
    info: device.info,
    inputs,
    outputs,
    params,
    launch: (text) => device.runWasm(toHostLaunch(label, text)),
    temporary,
    dense,
  };
  const record = (variant: NativeVariant<P>) => {
    label = `${op.name}/${variant.name}`;
    try {
      variant.record(call);
    } finally {
      release();
    }
  };
  const natives = wanted === "reference" ? [] : op.natives ?? [];
  if (wanted !== undefined && natives.length > 0 || natives.some((variant) => variant.when?.(call) ?? true)) {
    const variant = choose(device, op, natives, call, wanted, record);
    record(variant);
    return variant.name;
  }
  return runLoops(device, op, inputs, params, outputs, wanted);
}

/** Memory that lives until the end of a call. */
function scratch(device: Device, op: string): {
  temporaries: Value[];
  temporary: (type: ArrayType) => Value;
  dense: (value: Value) => Value;
  release: () => void;
} {
  const temporaries: Value[] = [];
  return {
    temporaries,
    temporary: (type) => {
      const value = allocateValue(device, type, `${op} scratch`);
      temporaries.push(value);
      return value;
    },
    dense: (value) => {
      if (isDense(value)) return value;
      const { out } = run(device, map, { x: value }, { out: { formula: "x", dtype: value.dtype } });
      temporaries.push(out);
      return out;
    },
    release: () => {
      for (const value of temporaries.splice(0)) value.storage.release();
    },
  };
}
