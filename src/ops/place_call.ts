import type { Device, DType } from "../device/mod.ts";
import type { OpDefinition } from "./define.ts";
import { hostTime, softwareGain } from "./host_time.ts";
import { typesOf } from "./types_of.ts";
import type { Operand } from "./value.ts";

/** What decides where a call runs, but for where its inputs are. */
interface Estimate {
  readonly dtypes: readonly DType[];
  /** Milliseconds on the host. */
  readonly ms: number;
  /** How many times as fast a software adapter is. */
  readonly gain: number;
}

/** Estimates with which a call runs on a certain part, if its inputs can be there. */
const FOR_ADAPTER = { ms: Infinity, gain: Infinity }, FOR_HOST = { ms: 0, gain: 1 };

/** Calls that are remembered; then all are forgotten. */
const KEPT = 1024;

const known = new WeakMap<Device, Map<string, Estimate>>();

/**
 * The part of a device on which a call runs; `key` tells calls apart that are not alike, and `variant` is the one that was asked for by
 * name, which only one of the parts may have. Throws what the op's contract throws.
 */
export function placeCall<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  key: string | undefined,
  variant: string | undefined,
): Device {
  let book = known.get(device);
  if (!book) known.set(device, book = new Map());
  let estimate = key === undefined ? undefined : book.get(key);
  if (!estimate) {
    estimate = estimateCall(device, op, inputs, params);
    if (book.size >= KEPT) book.clear();
    if (key !== undefined) book.set(key, estimate);
  }
  const reads = Object.values(inputs).flatMap((v) => typeof v === "number" ? [] : [v.storage]);
  const forced = variant === undefined ? {} : op.kernels.some((k) => k.name === variant) ? FOR_ADAPTER : FOR_HOST;
  return device.place!({ reads, ...estimate, ...forced });
}

function estimateCall<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
): Estimate {
  const types = typesOf(inputs), outputs = op.contract(types, params);
  const dtypes = [...Object.values(types), ...Object.values(outputs)].flatMap((type) => type ? [type.dtype] : []);
  const ms = hostTime(op, op.cost(types, params, outputs), device.info.threads);
  return { dtypes, ms, gain: softwareGain(op) };
}
