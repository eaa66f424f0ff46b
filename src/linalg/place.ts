import { byteSize, type Device } from "../device/mod.ts";
import { sizeOf } from "../ops/value.ts";
import type { Tensor } from "../tensor/mod.ts";

/** Where a factorization runs. */
export type Place = "host" | "adapter";

/** Option of the functions that can run in both places. */
export interface PlaceOptions {
  /**
   * `"host"`: the matrices are read, factored by LAPACK (or TypeScript), and the results are copied back. `"adapter"`: WebGPU kernels
   * factor them where they are. Default: where it is estimated to take less time, which is the host for all but hardware adapters.
   */
  on?: Place;
}

/** What a factorization of all matrices of a call takes. */
export interface Work {
  /** Floating-point operations. */
  readonly flops: number;
  /** The same of the host's method, where that is another one. Default: the same. */
  readonly hostFlops?: number;
  /** Dispatches that wait for each other on an adapter, however many matrices there are. */
  readonly dispatches: number;
  /** Steps within them that wait for each other: pivots that are looked for, columns that are eliminated. */
  readonly steps: number;
  /** Elements of the largest result, or of the largest array in between. */
  readonly largest: number;
  /** Elements of all results. Default: the largest. */
  readonly results?: number;
}

/**
 * Milliseconds: a read from an adapter (Deno's promise sleeps ten whatever is read); a dispatch that waits for the one before, with its
 * recording, which is most of it (0.02 to 0.15 were seen, the latter in a virtual machine with an H200); a step within a dispatch, which is a few barriers of a workgroup and passes over memory.
 */
const WAIT = 10, DISPATCH = 0.05, STEP = 0.003;
/** Operations in a millisecond: of kernels, whose doubles many processors compute at 1/32 of the rate; and of a LAPACK's thread, or of loops. */
const KERNELS = { f32: 4e9, f64: 1.5e8 }, LAPACK = { f32: 1.5e7, f64: 8e6 }, LOOPS = 5e5;
/** Bytes in a millisecond between an adapter and the host. */
const TRANSFER = 1.5e6;

/**
 * Where a factorization runs: where `on` says, else on the host if the device computes there or its adapter is a software one (the host's
 * LAPACK uses the same processors better), else where it is estimated to take less time. In both places one read is waited for if the
 * matrix is on the adapter: of the matrix, or of a flag that says whether it could be factored.
 *
 * Throws a `TypeError` for another `on`, and for `"adapter"` where there is none or it cannot compute with the type, and a `RangeError`
 * for `"adapter"` where an array is larger than the adapter can bind.
 */
export function placeOf(operation: string, inputs: readonly Tensor[], work: Work, options: PlaceOptions = {}): Place {
  const { on } = options, { device, dtype } = inputs[0], { info } = device;
  if (on !== undefined && on !== "host" && on !== "adapter") {
    throw new TypeError(`Expected "on" to be "host" or "adapter", got ${JSON.stringify(on)}`);
  }
  if (on === "host") return on;
  const bytes = work.largest * byteSize(dtype), most = info.limits.bindingBytes;
  const why = info.backend === "cpu"
    ? new TypeError(`Cannot compute ${operation} on an adapter: ${info.name} has none`)
    : dtype === "f64" && !info.probes.f64
    ? new TypeError(`Cannot compute ${operation} of f64 on ${info.name}: the adapter lacks it; use f32 or the host`)
    : bytes > most
    ? new RangeError(`Cannot compute ${operation} on ${info.name}: ${bytes} bytes in one array are over its ${most}`)
    : undefined;
  if (on === "adapter" && why) throw why;
  if (bytes === 0) return "host";
  if (on === "adapter") return on;
  if (why || info.software) return "host";
  return onAdapterMs(inputs, work) < onHostMs(inputs, work) ? "adapter" : "host";
}

/** Bytes of the inputs that lie in the host's memory, and of those that do not. */
function whereBytesAre(inputs: readonly Tensor[]): { host: number; adapter: number } {
  const bytes = { host: 0, adapter: 0 };
  for (const { value } of inputs) {
    bytes[value.storage.onHost ? "host" : "adapter"] += sizeOf(value.shape) * byteSize(value.dtype);
  }
  return bytes;
}

function onAdapterMs(inputs: readonly Tensor[], { flops, dispatches, steps }: Work): number {
  const rate = KERNELS[inputs[0].dtype as "f32" | "f64"];
  return WAIT + whereBytesAre(inputs).host / TRANSFER + dispatches * DISPATCH + steps * STEP + flops / rate;
}

function onHostMs(inputs: readonly Tensor[], { flops, hostFlops = flops, largest, results = largest }: Work): number {
  const { device, dtype } = inputs[0], bytes = whereBytesAre(inputs);
  const out = results * byteSize(dtype);
  // Small arrays stay on the host of a device that has both; and what was never on the adapter need not go there.
  const moved = bytes.adapter > 0 ? bytes.adapter + out : out > STAYS ? out : 0;
  const rate = device.libraries.lapack ? threads(device) * LAPACK[dtype as "f32" | "f64"] : LOOPS;
  return (bytes.adapter > 0 ? WAIT : 0) + moved / TRANSFER + hostFlops / rate;
}

/** Bytes up to which a result stays in the host's memory. */
const STAYS = 4 << 20;

function threads(device: Device): number {
  return device.info.threads || globalThis.navigator?.hardwareConcurrency || 1;
}
