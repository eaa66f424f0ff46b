import type { Storage } from "./storage.ts";

/** The fewest floating-point operations and bytes that any implementation of a call must spend: its roofline. */
export interface Cost {
  /** Floating-point operations. */
  flops: number;
  /** Bytes read and written once. */
  bytes: number;
}

/** One dispatch of a compute kernel: complete WGSL text, what it is bound to, and how many workgroups run. */
export interface Launch {
  /** Name for labels, the profiler and error messages, like `map` or `matmul/tiled`. */
  label: string;
  /** Identifies the text: equal keys share one pipeline. */
  key: string;
  /** The WGSL text with entry point `main`; called only when the key is new. */
  code: () => string;
  /** Buffers and images at bindings 0…, read-only. */
  read: readonly Storage[];
  /** Buffers (read-write) and images (write-only) at the following bindings. */
  write: readonly Storage[];
  /** The uniform block's 4-byte words at the last binding; none if empty. */
  uniforms: Uint32Array<ArrayBuffer>;
  /** Number of workgroups per dimension. */
  workgroups: readonly [number, number, number];
}
