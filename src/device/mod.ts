/**
 * Devices: the only folder that touches `navigator.gpu` and `Deno.dlopen`. A {@linkcode Device} owns buffers, compiled kernels, the recorder of
 * dispatches, the profiler and the memory ledger.
 *
 * @example
 * ```ts
 * import { openDevice } from "@denovo/denovo/device";
 * const device = await openDevice({ backend: "cpu" });
 * console.log(device.info.name);
 * device.close();
 * ```
 *
 * @module
 */
export type { Blas, Gemm } from "./blas.ts";
export { type Device, type DeviceInfo, type Limits, type Placement, type Probes } from "./device.ts";
export {
  byteSize,
  type DType,
  DTYPES,
  isFloat,
  promote,
  roundoff,
  type TypedArray,
  typedArray,
  typedView,
} from "./dtype.ts";
export { DeviceLostError, DisposedError, KernelError, OutOfMemoryError } from "./errors.ts";
export type { FloatArray } from "./fortran.ts";
export { type HostBlock, HostMemory, type HostView } from "./host_memory.ts";
export { type Cost, type HostArgument, type HostLaunch, type Launch } from "./launch.ts";
export type { Lapack, LapackRoutine, Triangle } from "./lapack.ts";
export { Ledger, type MemoryReport, type MemoryRow } from "./ledger.ts";
export { openDevice, type OpenOptions } from "./open_device.ts";
export { type ProfileRow } from "./profiler.ts";
export { IMAGE_WIDTH, type Resource, Storage, type StorageKind } from "./storage.ts";
export { type LibraryNames, SystemLibraries } from "./system_libraries.ts";
export { type TuneMode, Tuner } from "./tuner.ts";
