import { byteSize, type Cost, type Device, type DType, type Launch, type Storage } from "../device/mod.ts";
import { choose } from "./choose_variant.ts";
import type { HostCall, KernelCall, KernelVariant, NativeVariant, OpDefinition } from "./define.ts";
import { toHostLaunch } from "./host_kernel.ts";
import { toLaunch } from "./kernel.ts";
import { map } from "./map.ts";
import { placeCall } from "./place_call.ts";
import { callKey, isRepeated, replay, type Scratch, writeDown } from "./replay.ts";
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
  if (device.place) return runOnPart(device, op, inputs, params, options);
  return runHere(device, op, inputs, params, options);
}

/** Runs an op on one part of a device of several. The results belong to the whole. */
function runOnPart<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  options: RunOptions,
): Record<string, Value> {
  const key = callKey(op, inputs, params), part = placeCall(device, op, inputs, params, key, options.variant);
  const brought: Record<string, Operand> = {};
  for (const name in inputs) {
    const v = inputs[name];
    brought[name] = typeof v === "number" ? v : { ...v, device: part, storage: device.bring!(v.storage, part) };
  }
  const outputs = runHere(part, op, brought, params, options, key);
  for (const name in outputs) outputs[name] = { ...outputs[name], device };
  return outputs;
}

/** Runs an op on a device of one part. `given` is the call's key, if it is known. */
function runHere<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  options: RunOptions,
  given?: string,
): Record<string, Value> {
  const onGpu = device.info.backend !== "cpu";
  const key = onGpu && options.variant === undefined ? given ?? callKey(op, inputs, params) : undefined;
  const replayed = key === undefined ? undefined : replay(device, key, inputs);
  if (replayed) return replayed;
  const types = typesOf(inputs);
  const outputTypes = op.contract(types, params);
  const outputs: Record<string, Value> = {};
  for (const type of [...Object.values(types), ...Object.values(outputTypes)]) {
    if (type) requireType(device, type.dtype);
  }
  try {
    for (const [name, type] of Object.entries(outputTypes)) outputs[name] = allocateValue(device, type, op.name);
    if (Object.values(outputTypes).every((t) => sizeOf(t.shape) === 0)) return outputs;
    const cost = op.cost(types, params, outputTypes);
    const label = onGpu
      ? runOnGpu(device, op, inputs, params, outputs, { ...options, cost, key })
      : runOnHost(device, op, inputs, params, outputs, options.variant);
    device.account(label, cost);
  } catch (error) {
    // Nobody else knows of them.
    for (const value of Object.values(outputs)) value.storage.release();
    throw error;
  }
  return outputs;
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

/** Records an op's kernels; gives the label of what was recorded. */
function runOnGpu<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  outputs: Record<string, Value>,
  options: RunOptions & { readonly cost: Cost; readonly key: string | undefined },
): string {
  const { temporary, dense, image, made, release } = scratch(device, op.name);
  let label = op.name, launches: Launch[] = [];
  const call: KernelCall<P> = {
    info: device.info,
    inputs,
    outputs,
    params,
    launch: (text) => {
      const launch = toLaunch(label, text, device.info.limits);
      launches.push(launch);
      device.dispatch(launch);
    },
    temporary,
    dense,
    image,
  };
  const record = (variant: KernelVariant<P>) => {
    label = `${op.name}/${variant.name}`;
    launches = [];
    try {
      variant.record(call);
    } finally {
      release();
    }
  };
  record(choose(device, op, op.kernels, call, options.variant, record));
  const { key, cost } = options;
  if (key !== undefined && isRepeated(device, key)) {
    writeDown(device, key, inputs, outputs, made(), launches, { label, cost });
  }
  return label;
}

/** Runs an op on the CPU device; gives the label of what ran. */
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
    record(choose(device, op, natives, call, wanted, record));
    return label;
  }
  return `${op.name}/${runLoops(device, op, inputs, params, outputs, wanted)}`;
}

/** Memory that lives until the end of a call. */
function scratch(device: Device, op: string): {
  temporary: (type: ArrayType) => Value;
  dense: (value: Value) => Value;
  image: (texels: number) => Value;
  release: () => void;
  /** What the last call had, but for copies by `dense`. */
  made: () => readonly Scratch[];
} {
  const label = `${op} scratch`, temporaries: Storage[] = [];
  let own: Scratch[] = [], last: readonly Scratch[] = [];
  const keep = (value: Value, size: number): Value => {
    temporaries.push(value.storage);
    own.push({ storage: value.storage, size });
    return value;
  };
  return {
    temporary: (type) => {
      const value = allocateValue(device, type, label);
      return keep(value, sizeOf(type.shape) * byteSize(type.dtype));
    },
    dense: (value) => {
      if (isDense(value)) return value;
      const { out } = run(device, map, { x: value }, { out: { formula: "x", dtype: value.dtype } });
      temporaries.push(out.storage);
      return out;
    },
    image: (texels) => {
      const shape = [texels, 4], storage = device.allocateImage(texels, label);
      return keep({ device, storage, dtype: "f32", shape, strides: denseStrides(shape), offset: 0 }, texels);
    },
    release: () => {
      for (const storage of temporaries.splice(0)) storage.release();
      [last, own] = [own, []];
    },
    made: () => last,
  };
}
