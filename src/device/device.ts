import type { DType, TypedArray } from "./dtype.ts";
import type { Cost, HostLaunch, Launch } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import type { ProfileRow } from "./profiler.ts";
import type { Storage } from "./storage.ts";
import type { LibraryNames, SystemLibraries } from "./system_libraries.ts";
import type { Tuner } from "./tuner.ts";

/** What was found out by running small programs on the adapter (drivers differ from what they say). */
export interface Probes {
  /** `x != x` is true for NaN. False on many drivers: kernels then test bits. */
  nanCompare: boolean;
  /** The error term of Knuth's TwoSum survives the driver's compiler. */
  twoSum: boolean;
  /** Subgroup operations give right values. */
  subgroups: boolean;
  /** f16 storage and arithmetic work. */
  f16: boolean;
  /** f64 storage and arithmetic work, and 64-bit integers to get at its bits (native WebGPU only). */
  f64: boolean;
  /** 64-bit integers work (native WebGPU only). */
  int64: boolean;
  /** Atomic addition on f32 works (native WebGPU only). */
  floatAtomics: boolean;
  /** Products of 16×16 matrices of f16 with f32 sums, spread over a subgroup, give right values (native WebGPU only). */
  cooperative: boolean;
  /** More than 65,535 loop iterations per invocation are run (llvmpipe stops there without a word). */
  longLoops: boolean;
  /** exp and log of NaN, zero and negative numbers are those of IEEE 754. Where they are not, kernels get guards. */
  specials: boolean;
}

/** Limits that kernels ask about, coerced to numbers once. */
export interface Limits {
  /** Largest buffer that a kernel can bind, in bytes. */
  bindingBytes: number;
  /** Most workgroups in one dimension of a dispatch. */
  workgroups: number;
  /** Most invocations in a workgroup. */
  invocations: number;
  /** Workgroup memory in bytes. */
  workgroupBytes: number;
  /** Most storage buffers that a kernel can bind. */
  storageBuffers: number;
  /** Most texels in an image; 0 where kernels cannot read images. */
  imageTexels: number;
}

/** What was opened, and why. */
export interface DeviceInfo {
  /** `webgpu` runs WGSL kernels on an adapter; `cpu` runs WebAssembly kernels on the host, and TypeScript loops where there is none. */
  backend: "webgpu" | "cpu";
  /** Name of the adapter, or of the CPU device. */
  name: string;
  /** Vendor and architecture as the adapter gives them. */
  vendor: string;
  /** True for an adapter that computes on the CPU (llvmpipe, SwiftShader). */
  software: boolean;
  /** Why this device was chosen. */
  reason: string;
  /** Threads on which kernels run on the host, the calling one among them; 0 if none do. */
  threads: number;
  /** Lanes of a subgroup; 1 where there are none. */
  subgroupSize: number;
  /** Optional WebGPU features in use. */
  features: string[];
  /** Results of the probes. */
  probes: Probes;
  /** Limits in use. */
  limits: Limits;
  /** System libraries with which the host multiplies and factors matrices, or why there are none; looked for when first read. */
  readonly libraries: LibraryNames;
}

/** What decides where a call of an op runs. */
export interface Placement {
  /** What it reads. */
  readonly reads: readonly Storage[];
  /** Element types of all that it reads and writes. */
  readonly dtypes: readonly DType[];
  /** Estimate of the milliseconds that it takes on the host. */
  readonly ms: number;
  /** How many times as fast a software adapter is, which computes on the same processors. */
  readonly gain: number;
}

/** Memory, kernels and measurements of one adapter or of the host. Tensors know theirs; several can be open at once. */
export interface Device {
  /** What was opened, and why. */
  readonly info: DeviceInfo;
  /** Every live buffer. */
  readonly ledger: Ledger;
  /** BLAS and LAPACK for what the host computes, in this device's number of threads. */
  readonly libraries: SystemLibraries;
  /** Remembers which kernel variant is fastest for a shape class. */
  readonly tuner: Tuner;
  /** True once closed or lost. */
  readonly closed: boolean;
  /** A block of at least `bytes` with undefined contents. Throws {@linkcode OutOfMemoryError} over the limit. */
  allocate(bytes: number, label: string): Storage;
  /** An image of at least `texels` texels with undefined contents. Throws {@linkcode OutOfMemoryError} over the limit. */
  allocateImage(texels: number, label: string): Storage;
  /** A block with a copy of `data`. */
  upload(data: TypedArray, label: string): Storage;
  /** Copies bytes back after all recorded work has run; throws what went wrong in it. */
  read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer>;
  /** Records one kernel (WebGPU). */
  dispatch(launch: Launch): void;
  /** Runs host loops at once (CPU device). */
  runHost(label: string, work: () => void): void;
  /** Runs a WebAssembly kernel at once, on all threads if it is long enough (CPU device). */
  runWasm(launch: HostLaunch): void;
  /** Marks the launches that follow as one call of an op with this roofline, for the profiler. */
  account(label: string, cost: Cost): void;
  /** On a device of several parts: the one on which a call runs. */
  place?(call: Placement): Device;
  /** On a device of several parts: what a part has of a storage, the same or a copy that is freed with it. */
  bring?(storage: Storage, part: Device): Storage;
  /** Sends recorded work to the device without waiting. */
  flush(): void;
  /** Runs recorded work and returns the milliseconds until the device was idle; undefined where the host cannot tell. */
  time(): number | undefined;
  /** Waits until all recorded work has run; throws what went wrong in it. */
  sync(): Promise<void>;
  /** Starts measuring kernels. */
  startProfile(): void;
  /** Stops measuring and gives one row per kernel. */
  stopProfile(): Promise<ProfileRow[]>;
  /** Frees everything; tensors of this device can no longer be read. */
  close(): void;
}
