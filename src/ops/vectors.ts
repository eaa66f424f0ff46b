import type { DeviceInfo, DType } from "../device/mod.ts";
import { storedType } from "./kernel.ts";

/** Nodes of formulas that one kernel may have: compilers take more than linear time for more. */
const NODES = 128;
/** Smaller data are not worth the longer compilation. */
const LARGE = 1 << 18;

/**
 * Vectors of four neighbours that one invocation reads at once: several on adapters that compute on the CPU, where a whole cache
 * line per lane doubles the bandwidth; one on graphics processors, whose lanes should read side by side. `nodes` is the size of what
 * is written out for each vector.
 */
export function vectorsAtOnce(info: DeviceInfo, elements: number, nodes: number): number {
  if (!info.software || elements < LARGE) return 1;
  return 4 * nodes <= NODES ? 4 : 2 * nodes <= NODES ? 2 : 1;
}

/** WGSL type of four stored elements of a dtype. */
export function vectorType(dtype: DType): string {
  return `vec4<${storedType(dtype)}>`;
}
