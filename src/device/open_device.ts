import { CpuDevice } from "./cpu_device.ts";
import type { Device, Probes } from "./device.ts";
import type { DeviceSettings } from "./device_settings.ts";
import { Ledger } from "./ledger.ts";
import { PairedDevice } from "./paired_device.ts";
import { probeNames, runProbes } from "./probes.ts";
import { deno, environment, readCache, skipOpenGl, writeCache } from "./runtime.ts";
import { IMAGE_WIDTH } from "./storage.ts";
import { SystemLibraries } from "./system_libraries.ts";
import type { TuneMode } from "./tuner.ts";
import { WebGpuDevice } from "./webgpu_device.ts";

/** How to open a device. */
export interface OpenOptions {
  /**
   * `webgpu` insists on an adapter (a software one too), `cpu` on the host. `auto` (the default) takes a hardware adapter, else
   * a software adapter, else the host, and beside an adapter runs short calls on the host; the environment variable
   * `DENOVO_BACKEND` overrides it.
   */
  backend?: "auto" | "webgpu" | "cpu";
  /** Which adapter to prefer on machines with two. Default `high-performance`. */
  powerPreference?: "high-performance" | "low-power";
  /** Whether kernel variants are timed on first use; default `on`. */
  tune?: TuneMode;
  /** Bytes of live and pooled buffers above which unreachable tensors are collected. Default 1 GiB. */
  memoryBudget?: number;
  /**
   * Threads on which the CPU device and system libraries compute, the calling one among them: 1 starts none. Default the
   * environment variable `DENOVO_THREADS`, else one per processor.
   */
  threads?: number;
}

const OPTIONS: readonly (keyof OpenOptions)[] = ["backend", "powerPreference", "tune", "memoryBudget", "threads"];

/** Optional features worth having; browsers have none of the `wgpu-` ones. */
const WANTED = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "wgpu-shader-f64",
  "wgpu-shader-int64",
  "wgpu-shader-float32-atomic",
  "wgpu-cooperative-matrix",
];

/** What the probes found out. */
interface Found {
  probes: Probes;
  subgroupSize: number;
}

/**
 * Opens a device. Products on the CPU device, and factorizations, use the system's BLAS and LAPACK where there is one that may be
 * called (`--allow-ffi`); the environment variable `DENOVO_BLAS` is the path of another library, or `off`. Throws a `TypeError` on
 * unknown options and values, and an `Error` in words when `webgpu` is asked for and absent.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  for (const option of Object.keys(options)) oneOf("option", option, OPTIONS);
  const { powerPreference = "high-performance", tune = "on", memoryBudget = 2 ** 30 } = options;
  let backend = options.backend ?? "auto", asked = `backend: "${backend}"`;
  oneOf("backend", backend, ["auto", "webgpu", "cpu"]);
  oneOf("powerPreference", powerPreference, ["high-performance", "low-power"]);
  oneOf("tune", tune, ["on", "off", "refresh"]);
  if (!(memoryBudget > 0)) throw new RangeError(`Expected "memoryBudget" to be positive, got ${memoryBudget}`);
  if (backend === "auto") {
    const wish = environment("DENOVO_BACKEND");
    if (wish) {
      oneOf("DENOVO_BACKEND", wish, ["auto", "webgpu", "cpu"]);
      backend = wish as typeof backend;
      asked = `DENOVO_BACKEND=${wish}`;
    }
  }
  const threads = threadCount(options.threads);
  const libraries = new SystemLibraries(environment("DENOVO_BLAS"), threads);
  const settings: DeviceSettings = { tune, memoryBudget, ledger: new Ledger(), libraries };
  if (backend === "cpu") return new CpuDevice(`asked for by ${asked}`, { ...settings, threads });
  const adapter = await requestAdapter(powerPreference);
  if (adapter) {
    const kind = adapter.info.isFallbackAdapter ? "a software adapter" : "a hardware adapter";
    if (backend === "webgpu") return await openAdapter(adapter, `asked for by ${asked}`, powerPreference, settings);
    const device = await openAdapter(adapter, `${kind} was found`, powerPreference, settings);
    return new PairedDevice(device, new CpuDevice("short calls run here", { ...settings, threads }));
  }
  const absent = "no WebGPU adapter was found";
  if (backend === "webgpu") {
    throw new Error(
      `${absent[0].toUpperCase()}${
        absent.slice(1)
      }. A software one on Debian or Ubuntu: apt-get install mesa-vulkan-drivers`,
    );
  }
  return new CpuDevice(absent, { ...settings, threads });
}

function threadCount(wish: number | undefined): number {
  const said = wish === undefined ? environment("DENOVO_THREADS") : undefined;
  const name = said ? "DENOVO_THREADS" : "threads";
  const count = wish ?? (said ? Number(said) : globalThis.navigator?.hardwareConcurrency ?? 1);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new RangeError(`Expected "${name}" to be a whole number of at least 1, got ${said ?? wish}`);
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new TypeError(
      `Expected "${name}" to be one of ${allowed.map((a) => `"${a}"`).join(", ")}, got ${JSON.stringify(value)}`,
    );
  }
}

async function requestAdapter(powerPreference: GPUPowerPreference): Promise<GPUAdapter | null> {
  skipOpenGl();
  try {
    return await (globalThis.navigator?.gpu?.requestAdapter({ powerPreference }) ?? null);
  } catch {
    return null;
  }
}

async function openAdapter(
  adapter: GPUAdapter,
  reason: string,
  powerPreference: GPUPowerPreference,
  settings: DeviceSettings,
): Promise<WebGpuDevice> {
  const about = adapter.info;
  const name = about.description || about.device || about.architecture || "WebGPU adapter";
  const driver = fingerprint(adapter);
  const cacheName = `probes-${
    `${name} ${about.vendor} ${driver} deno ${deno?.version.deno ?? ""}`.replace(/[^A-Za-z0-9]+/g, "-")
  }`;
  const known = readCache(cacheName) as Found & { features: string[] } | undefined;
  const { gpu, features } = await requestDevice(adapter, known?.features ?? WANTED, powerPreference);
  const found: Found = known ?? await runProbes(gpu);
  if (!known) writeCache(cacheName, { features, ...found });
  const limits = gpu.limits;
  return new WebGpuDevice(gpu, {
    backend: "webgpu",
    name,
    vendor: [about.vendor, about.architecture].filter(Boolean).join(" "),
    software: about.isFallbackAdapter ?? false,
    threads: 0,
    reason,
    subgroupSize: found.subgroupSize,
    features,
    probes: found.probes,
    limits: {
      // Buffers are multiples of 16 bytes (kernels read them as vec4), and some implementations give these limits as BigInt.
      bindingBytes:
        Math.floor(Math.min(Number(limits.maxStorageBufferBindingSize), Number(limits.maxBufferSize)) / 16) * 16,
      workgroups: Number(limits.maxComputeWorkgroupsPerDimension),
      invocations: Number(limits.maxComputeInvocationsPerWorkgroup),
      workgroupBytes: Number(limits.maxComputeWorkgroupStorageSize),
      storageBuffers: Number(limits.maxStorageBuffersPerShaderStage),
      imageTexels: readableImages() ? IMAGE_WIDTH * Number(limits.maxTextureDimension2D) : 0,
    },
    get libraries() {
      return settings.libraries.names;
    },
  }, { ...settings, fingerprint: driver });
}

/**
 * Tells drivers of one adapter name apart, which Deno gives no version of: another one has other limits or features. What was found
 * out about one may be wrong of the next: two releases of llvmpipe differ in how many loop iterations they run.
 */
function fingerprint({ limits, features }: GPUAdapter): string {
  const about: string[] = [...features].sort();
  for (const name in limits) about.push(`${name} ${limits[name as keyof GPUSupportedLimits]}`);
  let hash = 0;
  for (const character of [...about, ...WANTED, ...probeNames()].join()) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

/** Whether kernels can read the storage textures that other kernels wrote. */
function readableImages(): boolean {
  const { wgslLanguageFeatures } = globalThis.navigator.gpu as { wgslLanguageFeatures?: ReadonlySet<string> };
  return wgslLanguageFeatures?.has("readonly_and_readwrite_storage_textures") ?? false;
}

/** The adapter's largest limits and every wanted feature that it really grants (lists of features are not to be believed). */
async function requestDevice(
  adapter: GPUAdapter,
  wanted: readonly string[],
  powerPreference: GPUPowerPreference,
): Promise<{ gpu: GPUDevice; features: string[] }> {
  const limits = adapter.limits;
  const requiredLimits: Record<string, number> = {
    maxStorageBufferBindingSize: Number(limits.maxStorageBufferBindingSize),
    maxBufferSize: Number(limits.maxBufferSize),
    maxComputeWorkgroupStorageSize: Number(limits.maxComputeWorkgroupStorageSize),
    maxComputeInvocationsPerWorkgroup: Number(limits.maxComputeInvocationsPerWorkgroup),
    maxComputeWorkgroupSizeX: Number(limits.maxComputeWorkgroupSizeX),
    maxComputeWorkgroupSizeY: Number(limits.maxComputeWorkgroupSizeY),
    maxStorageBuffersPerShaderStage: Number(limits.maxStorageBuffersPerShaderStage),
  };
  const request = async (from: GPUAdapter, features: readonly string[]) => {
    try {
      return await from.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
    } catch {
      return undefined;
    }
  };
  const whole = await request(adapter, wanted);
  if (whole) return { gpu: whole, features: [...wanted] };
  const granted: string[] = [];
  for (const feature of wanted) {
    const again = await requestAdapter(powerPreference);
    const trial = again && await request(again, [feature]);
    if (!trial) continue;
    trial.destroy();
    granted.push(feature);
  }
  const last = await requestAdapter(powerPreference);
  const gpu = last && await request(last, granted);
  if (!gpu) throw new Error(`Cannot open the adapter "${adapter.info.description}": it refuses the device it offered`);
  return { gpu, features: granted };
}
