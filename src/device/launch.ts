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

/** An argument of a WebAssembly kernel: 8 bytes of its argument block. */
export type HostArgument =
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly f64: number };

/** One run of a WebAssembly kernel on the CPU device: its module, its arguments, and how many work items there are. */
export interface HostLaunch {
  /** Name for the profiler and error messages, like `map/wasm`. */
  label: string;
  /** Identifies the code: equal keys share one module. */
  key: string;
  /**
   * The module, which imports `env.memory` (shared between threads if `shared`) and exports
   * `run(first: i32, last: i32, args: i32)`; called only when the key is new.
   */
  code: (shared: boolean) => Uint8Array<ArrayBuffer>;
  /** Argument number k is at byte 8·k from `args`; addresses and sizes are `i32`. */
  args: readonly HostArgument[];
  /** Number of work items. */
  count: number;
  /** Work items that one thread takes at a time. They should take some 20 µs: a launch of few runs on the calling thread. */
  grain: number;
}
