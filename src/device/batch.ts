import type { Pipeline } from "./pipelines.ts";

/**
 * One submission. WebGPU accepts or refuses it as a whole and says so later, so every block written in it remembers it: reading
 * that block, or what was computed from it, then fails instead of giving numbers that were never written.
 */
export interface Batch {
  /** Kernels in it that had not been proven to compile when they were recorded. */
  readonly unproven: Set<Pipeline>;
  /** True once the device has accepted it. */
  accepted: boolean;
  /** Why the device refused it. */
  fault: Error | undefined;
  /** Resolves when it is accepted or refused. */
  settled: Promise<void>;
  /** The list of this batch alone: what most results depend on. */
  readonly alone: readonly Batch[];
}

/** A batch that nothing has been recorded into; one with a fault stands for work that is not even sent. */
export function newBatch(fault?: Error): Batch {
  const alone: Batch[] = [];
  const batch: Batch = { unproven: new Set(), accepted: false, fault, settled: Promise.resolve(), alone };
  alone.push(batch);
  return batch;
}

/** Follows a batch that was sent; `refused` is the error scope around it. */
export function settle(batch: Batch, refused: Promise<GPUError | null>): void {
  batch.settled = refused.then(async (error) => {
    if (!error) {
      batch.accepted = true;
      return;
    }
    // A kernel that did not compile is the better explanation: it names the line.
    const kernels = [...batch.unproven];
    await Promise.all(kernels.map((p) => p.settled));
    batch.fault = kernels.find((p) => p.fault)?.fault ?? new Error(error.message);
    // A lost device rejects: whoever reads learns it from the read.
  }).catch(() => {});
}

/** Most batches that a block remembers one by one: work that is never waited for must not make the lists grow. */
const REMEMBERED = 8;

/** The batches that a result depends on: the one it is computed in, and those that its inputs depend on. */
export function originOf(batch: Batch, inputs: Iterable<{ readonly origin: readonly Batch[] }>): readonly Batch[] {
  const own = batch.alone;
  let origin = own;
  for (const input of inputs) {
    if (input.origin === own) continue;
    for (const b of input.origin) if (!b.accepted && !origin.includes(b)) origin = [...origin, b];
  }
  return origin.length <= REMEMBERED ? origin : [batch, joined(origin.slice(1))];
}

/** One batch that stands for several. */
function joined(batches: readonly Batch[]): Batch {
  const all = newBatch();
  all.settled = faultOf(batches).then((fault) => {
    all.fault = fault;
    all.accepted = fault === undefined;
  });
  return all;
}

/** The fault of the first refused batch of a list, once that is known. */
export async function faultOf(batches: Iterable<Batch>): Promise<Error | undefined> {
  for (const batch of batches) {
    await batch.settled;
    if (batch.fault) return batch.fault;
  }
}
