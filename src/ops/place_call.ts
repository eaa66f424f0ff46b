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

/** Calls that are remembered; then all are forgotten. */
const KEPT = 1024;

const known = new WeakMap<Device, Map<string, Estimate>>();

/** The part of a device on which a call runs; `key` tells calls apart that are not alike. Throws what the op's contract throws. */
export function placeCall<P>(
  device: Device,
  op: OpDefinition<P>,
  inputs: Readonly<Record<string, Operand>>,
  params: P,
  key: string | undefined,
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
  return device.place!({ reads, ...estimate });
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
