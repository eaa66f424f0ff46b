import { byteSize, type HostArgument, type HostLaunch } from "../device/mod.ts";
import type { Value } from "./value.ts";

/** What the code of a WebAssembly kernel is written for. */
export interface HostTarget {
  /** Whether the imported memory is shared between threads. */
  readonly shared: boolean;
  /** Byte offset of an argument from the address that `run` is given. */
  readonly at: (argument: string) => number;
}

/** A WebAssembly kernel as an op gives it; the names and order of its arguments are part of its key. */
export interface HostText {
  /** Identifies the code among those of its variant: sizes and addresses are arguments, the algorithm is in the key. */
  readonly key: string;
  /** Arguments by name. */
  readonly args: Readonly<Record<string, HostArgument>>;
  /** The module: see {@linkcode HostLaunch}. */
  readonly code: (target: HostTarget) => Uint8Array<ArrayBuffer>;
  /** Number of work items. */
  readonly count: number;
  /** Work items that one thread takes at a time, worth some 20 µs. */
  readonly grain: number;
}

/** The address of a value's first element, as an argument. */
export function addressOf(value: Value): HostArgument {
  return { i32: value.storage.block.address + value.offset * byteSize(value.dtype) };
}

/** The launch of a kernel text. */
export function toHostLaunch(label: string, text: HostText): HostLaunch {
  const names = Object.keys(text.args);
  return {
    label,
    key: `${label}|${text.key}|${names}`,
    args: Object.values(text.args),
    code: (shared) =>
      text.code({
        shared,
        at: (argument) => {
          const k = names.indexOf(argument);
          if (k < 0) throw new TypeError(`The kernel "${label}" has no argument "${argument}"`);
          return 8 * k;
        },
      }),
    count: text.count,
    grain: text.grain,
  };
}
