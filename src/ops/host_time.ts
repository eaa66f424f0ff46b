import type { Cost } from "../device/mod.ts";
import type { OpDefinition } from "./define.ts";

/** What a thread of the host does in a second: operations of products, of other WebAssembly kernels, and of loops; and bytes of all threads. */
const RATES = { product: 30e9, kernel: 10e9, loops: 5e7, bytes: 10e9 };

/** A rough estimate of the milliseconds that a call takes on the CPU device, to choose between it and an adapter. */
export function hostTime<P>(op: OpDefinition<P>, { flops, bytes }: Cost, threads: number): number {
  const product = op.name === "matmul", native = (op.natives?.length ?? 0) > 0;
  const seconds = native ? flops / (threads * (product ? RATES.product : RATES.kernel)) : flops / RATES.loops;
  return 1e3 * Math.max(seconds, bytes / RATES.bytes);
}

/**
 * How many times as fast as the CPU device a software adapter is at the calls of an op. Its compiler uses wider vectors than
 * WebAssembly has, which tells where much is computed for each number that is read; else it is the slower one.
 */
export function softwareGain<P>(op: OpDefinition<P>): number {
  return op.name === "pairwise" ? 2 : 0.5;
}
