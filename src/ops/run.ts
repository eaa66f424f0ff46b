import { type Device, type DType, typedView } from "../device/mod.ts";
import type { HostArray, HostInputs, KernelCall, KernelVariant, OpDefinition } from "./define.ts";
import { toLaunch } from "./kernel.ts";
import { map } from "./map.ts";
import { typesOf } from "./types_of.ts";
import { allocateValue, denseStrides, isDense, type Operand, sizeOf, type Value } from "./value.ts";

/** How to run an op. */
export interface RunOptions {
  /** Takes this kernel variant instead of choosing one. */
  variant?: string;
}

/** Calls smaller than this many operations and bytes are not worth timing variants for. */
const TUNE_ABOVE = 1 << 24;

/**
 * Runs an op: checks the call against its contract, allocates the outputs, records its kernels (WebGPU) or runs its loops (CPU
 * device). Returns at once; the caller owns the outputs' storages.
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
  const outputs: Record<string, Value> = {};
  for (const type of [...Object.values(types), ...Object.values(outputTypes)]) {
    if (type) requireType(device, type.dtype);
  }
  try {
    for (const [name, type] of Object.entries(outputTypes)) outputs[name] = allocateValue(device, type, op.name);
    if (Object.values(outputTypes).every((t) => sizeOf(t.shape) === 0)) return outputs;
    if (device.info.backend === "cpu") {
      runOnHost(device, op, inputs, params, outputs);
      device.account(op.name, op.cost(types, params, outputTypes));
    } else {
      const variant = runOnGpu(device, op, inputs, params, outputs, options.variant);
      device.account(`${op.name}/${variant}`, op.cost(types, params, outputTypes));
    }
  } catch (error) {
    // Nobody else knows of them.
    for (const value of Object.values(outputs)) value.storage.release();
    throw error;
  }
  return outputs;
}

/** Refuses a dtype that the device cannot compute with. */
export function requireType(device: Device, dtype: DType): void {
  if (device.info.backend === "cpu") return;
  if (dtype === "f64") {
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
  const temporaries: Value[] = [];
  let label = op.name;
  const call: KernelCall<P> = {
    info: device.info,
    inputs,
    outputs,
    params,
    launch: (text) => device.dispatch(toLaunch(label, text, device.info.limits)),
    temporary: (type) => {
      const value = allocateValue(device, type, `${op.name} scratch`);
      temporaries.push(value);
      return value;
    },
    image: (texels) => {
      const shape = [texels, 4];
      const storage = device.allocateImage(texels, `${op.name} scratch`);
      const value: Value = { device, storage, dtype: "f32", shape, strides: denseStrides(shape), offset: 0 };
      temporaries.push(value);
      return value;
    },
    dense: (value) => {
      if (isDense(value)) return value;
      const { out } = run(device, map, { x: value }, { out: { formula: "x", dtype: value.dtype } });
      temporaries.push(out);
      return out;
    },
  };
  const record = (variant: KernelVariant<P>) => {
    label = `${op.name}/${variant.name}`;
    try {
      variant.record(call);
    } finally {
      for (const value of temporaries.splice(0)) value.storage.release();
    }
  };
  const variant = choose(device, op, call, wanted, record);
  record(variant);
  return variant.name;
}

/** The variant asked for, or the remembered or newly measured fastest, or the most promising. */
function choose<P>(
  device: Device,
  op: OpDefinition<P>,
  call: KernelCall<P>,
  wanted: string | undefined,
  record: (variant: KernelVariant<P>) => void,
): KernelVariant<P> {
  if (wanted !== undefined) {
    const found = op.kernels.find((k) => k.name === wanted);
    if (!found) throw new TypeError(`Op "${op.name}" has no kernel "${wanted}"`);
    return found;
  }
  const able = op.kernels.filter((k) => k.deterministic !== false && (!k.when || k.when(call)));
  if (able.length === 0) throw new TypeError(`No kernel of op "${op.name}" can run this call on ${device.info.name}`);
  const rank = new Map(able.map((k) => [k, k.rank?.(call) ?? 0]));
  able.sort((a, b) => rank.get(b)! - rank.get(a)!);
  if (able.length === 1 || !device.tuner.active) return able[0];
  const cost = op.cost(typesOf(call.inputs), call.params, call.outputs);
  if (cost.flops + cost.bytes < TUNE_ABOVE) return able[0];
  const key = `${op.name} ${shapeClass(call)}`;
  const known = able.find((k) => k.name === device.tuner.winner(key));
  if (known) return known;
  const promising = able.filter((k) => rank.get(k)! >= 0);
  if (promising.length < 2) return able[0];
  const winner = measure(device, promising, record);
  if (winner) device.tuner.remember(key, winner.name);
  return winner ?? able[0];
}

/** Sizes rounded to powers of two: calls of one class share a winner. */
function shapeClass<P>(call: KernelCall<P>): string {
  const show = (v: Operand) =>
    typeof v === "number" ? "#" : `${v.dtype}[${v.shape.map((s) => s < 2 ? s : 2 ** Math.round(Math.log2(s))).join()}]`;
  return `${Object.values(call.inputs).map(show).join(" ")} > ${Object.values(call.outputs).map(show).join(" ")}`;
}

/** Share of the favourite's time below which another variant is taken: less may be the machine's other work. */
const CLEARLY = 0.9;

/**
 * Times the variants on the call itself, the most promising first, for about a second; undefined where the host has no device clock.
 */
function measure<P>(
  device: Device,
  able: readonly KernelVariant<P>[],
  record: (variant: KernelVariant<P>) => void,
): KernelVariant<P> | undefined {
  const begun = device.time();
  if (begun === undefined) return undefined;
  const late = () => device.time()! - begun > 1000;
  const timed: { variant: KernelVariant<P>; ms: number }[] = [];
  for (const variant of able) {
    if (timed.length > 0 && late()) break;
    const start = device.time()!;
    record(variant);
    // This round compiles too, so it is no measurement; but if it took this long, there is no time for more.
    if (device.time()! - start > 1000) {
      if (timed.length === 0) return variant;
      break;
    }
    timed.push({ variant, ms: Infinity });
  }
  // In turns, so that a busy moment of the machine falls on all of them.
  for (let round = 0; round < 3 && (round === 0 || !late()); round++) {
    for (const one of timed) {
      const start = device.time()!;
      record(one.variant);
      one.ms = Math.min(one.ms, device.time()! - start);
    }
  }
  return timed.reduce((best, one) => one.ms < CLEARLY * best.ms ? one : best).variant;
}

function runOnHost<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  outputs: Record<string, Value>,
): void {
  device.runHost(op.name, () => {
    const hostInputs: Record<string, HostArray | number> = {};
    for (const [name, v] of Object.entries(inputs)) hostInputs[name] = typeof v === "number" ? v : toHost(v);
    const hostOutputs: Record<string, HostArray> = {};
    for (const [name, v] of Object.entries(outputs)) {
      hostOutputs[name] = { shape: v.shape, dtype: v.dtype, data: new Float64Array(sizeOf(v.shape)) };
    }
    evaluateReference(op, hostInputs, params, hostOutputs);
    for (const [name, v] of Object.entries(outputs)) {
      typedView(v.dtype, v.storage.memory, 0, sizeOf(v.shape)).set(hostOutputs[name].data);
    }
  });
}

/** Runs the native loops if they know the call, else the reference. */
function evaluateReference<P>(
  op: OpDefinition<P>,
  inputs: HostInputs,
  params: P,
  outputs: Record<string, HostArray>,
): void {
  if (!op.native?.(inputs, params, outputs)) op.reference(inputs, params, outputs);
}

/** A dense f64 copy of a view in host memory (CPU device). */
function toHost(value: Value): HostArray {
  const n = sizeOf(value.shape);
  const data = new Float64Array(n);
  const memory = typedView(value.dtype, value.storage.memory);
  gather(memory, value, data);
  return { shape: value.shape, dtype: value.dtype, data };
}

/** Copies a strided view out of `memory` in row-major order. */
export function gather(
  memory: ArrayLike<number>,
  view: { shape: readonly number[]; strides: readonly number[]; offset: number },
  out: { [k: number]: number },
): void {
  const { shape, strides } = view;
  const n = sizeOf(shape);
  if (n === 0) return;
  const rank = shape.length;
  const dense = denseStrides(shape).every((s, k) => shape[k] === 1 || s === strides[k]);
  if (dense) {
    for (let k = 0; k < n; k++) out[k] = memory[view.offset + k];
    return;
  }
  const index = new Array<number>(rank).fill(0);
  let at = view.offset;
  for (let k = 0; k < n; k++) {
    out[k] = memory[at];
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}
