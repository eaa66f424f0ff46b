import { type Gpu, open } from "../../src/tensor/mod.ts";

// Every launch's text is compared with what its key stood for before.
Deno.env.set("DENOVO_VERIFY_KEYS", "1");

// Otherwise OpenGL's library is loaded too, and Mesa's frees memory when the process exits, while threads of tests still do: about
// one run in fifty then ends with a broken heap, after all tests have passed.
if (Deno.build.os === "linux" && !Deno.env.get("DENO_WEBGPU_BACKEND")) Deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");

const required = Deno.env.get("DENOVO_REQUIRE_GPU") === "1";
const adapter = await (globalThis.navigator?.gpu?.requestAdapter() ?? null);
let said = false;

/** True if a WebGPU adapter is there; its absence is an error where `DENOVO_REQUIRE_GPU=1`. */
export const hasGpu: boolean = adapter !== null;
if (!hasGpu && required) throw new Error("DENOVO_REQUIRE_GPU=1, but there is no WebGPU adapter");

/** Says once, loudly, that tests do not run for want of an adapter. */
export function sayMissing(): void {
  if (said || hasGpu) return;
  said = true;
  console.warn(
    "NO WEBGPU ADAPTER: tests on WebGPU do not run. On Debian or Ubuntu: apt-get install mesa-vulkan-drivers",
  );
}

/** Registers a test on the CPU device and on the WebGPU adapter; the latter counts as ignored where there is none. */
export function onEachDevice(name: string, fn: (gpu: Gpu) => Promise<void> | void): void {
  Deno.test(`${name} (cpu)`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    await fn(gpu);
  });
  onGpu(name, fn);
}

/** Registers a test on the WebGPU adapter. */
export function onGpu(name: string, fn: (gpu: Gpu) => Promise<void> | void): void {
  sayMissing();
  Deno.test({
    name: `${name} (webgpu)`,
    ignore: !hasGpu,
    fn: async () => {
      await using gpu = await open({ backend: "webgpu", tune: "off" });
      await fn(gpu);
    },
  });
}
