import { KernelError } from "./errors.ts";
import { guardBuiltins } from "./guard_builtins.ts";
import type { Launch } from "./launch.ts";
import { environment } from "./runtime.ts";

/** A compiled kernel and the layout of its bindings. */
export interface Pipeline {
  /** Unique number, for keys of bind groups. */
  id: number;
  /** The compiled kernel. */
  pipeline: GPUComputePipeline;
  /** Layout of group 0. */
  layout: GPUBindGroupLayout;
  /** True once it has been dispatched. */
  tried: boolean;
  /** True once the device has accepted its text. */
  proven: boolean;
  /** What is wrong with its text. */
  fault: KernelError | undefined;
  /** Resolves when it is known whether the text is right. */
  settled: Promise<void>;
}

/** Compiles kernels once per key. Faults of the text become known later. */
export class PipelineCache {
  #byKey = new Map<string, Pipeline>();
  #device: GPUDevice;
  /** Texts by key, kept only to prove that keys identify them (`DENOVO_VERIFY_KEYS=1`, set by the tests). */
  #texts: Map<string, string> | undefined = environment("DENOVO_VERIFY_KEYS") === "1" ? new Map() : undefined;

  #guarded: boolean;

  /** For one device; `guarded` if its builtins need {@linkcode guardBuiltins}. */
  constructor(device: GPUDevice, guarded: boolean) {
    this.#device = device;
    this.#guarded = guarded;
  }

  /** The pipeline of a launch. */
  get(launch: Launch): Pipeline {
    // Binding counts belong to the key: one text may be used with and without uniforms.
    const kinds = [launch.read, launch.write].map((list) => list.map((s) => s.kind === "image" ? "i" : "b").join(""));
    const key = `${launch.key}|${kinds},${launch.uniforms.length > 0}`;
    let found = this.#byKey.get(key);
    if (this.#texts) this.#verify(key, launch);
    if (!found) this.#byKey.set(key, found = this.#compile(launch));
    return found;
  }

  #verify(key: string, launch: Launch): void {
    const code = launch.code(), known = this.#texts!.get(key) ?? code;
    this.#texts!.set(key, known);
    if (known === code) return;
    const before = known.split("\n"), now = code.split("\n"), line = now.findIndex((text, k) => text !== before[k]);
    throw new KernelError(
      `Two texts of the kernel "${launch.label}" have the key ${JSON.stringify(key)}: line ${line + 1} was\n${
        before[line]
      }\nand is\n${now[line]}`,
      launch.label,
      code,
    );
  }

  #compile(launch: Launch): Pipeline {
    const device = this.#device, label = launch.label;
    const code = this.#guarded ? guardBuiltins(launch.code()) : launch.code();
    device.pushErrorScope("validation");
    const entries: GPUBindGroupLayoutEntry[] = [];
    const add = (resource: Partial<GPUBindGroupLayoutEntry>) =>
      entries.push({ binding: entries.length, visibility: GPUShaderStage.COMPUTE, ...resource });
    const image = (access: GPUStorageTextureAccess) => ({ storageTexture: { access, format: "rgba32float" as const } });
    for (const s of launch.read) {
      add(s.kind === "image" ? image("read-only") : { buffer: { type: "read-only-storage" } });
    }
    for (const s of launch.write) add(s.kind === "image" ? image("write-only") : { buffer: { type: "storage" } });
    if (launch.uniforms.length) add({ buffer: { type: "uniform", hasDynamicOffset: true } });
    const layout = device.createBindGroupLayout({ label, entries });
    const module = device.createShaderModule({ label, code });
    const pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: "main" },
    });
    const scope = device.popErrorScope();
    const made: Pipeline = {
      id: this.#byKey.size,
      pipeline,
      layout,
      tried: false,
      proven: false,
      fault: undefined,
      settled: scope.then(async (error) => {
        if (error) made.fault = new KernelError(await explain(module, code, label, error.message), label, code);
        else made.proven = true;
        // A lost device rejects: whoever reads learns it from the read.
      }).catch(() => {}),
    };
    return made;
  }
}

/** The compiler's message with the offending line and a caret under it. */
async function explain(module: GPUShaderModule, code: string, label: string, fallback: string): Promise<string> {
  const head = `Cannot compile the kernel "${label}"`;
  const messages = (await module.getCompilationInfo().catch(() => undefined))?.messages ?? [];
  const first = messages.find((m) => m.type === "error");
  if (!first || first.lineNum === 0) return `${head}: ${fallback.trim()}`;
  const line = code.split("\n")[first.lineNum - 1] ?? "";
  // Some implementations draw the line themselves: keep the sentence, draw it once, the same way everywhere.
  const sentence = first.message.trim().split("\n").find((l) => l.trim() && !/^\s*[┌│=]/.test(l))?.trim() ?? "";
  const caret = " ".repeat(Math.max(0, first.linePos - 1)) + "^";
  return `${head}: ${sentence} (line ${first.lineNum}, column ${first.linePos})\n${line}\n${caret}`;
}
