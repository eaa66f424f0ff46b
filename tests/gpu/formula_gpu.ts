import { hasGpu } from "./devices.ts";
import { call, type Emitted, emitWgsl, type Expr, name, type Scalar, type Signature } from "../../src/formula/mod.ts";
import type { FunctionRecord } from "../../src/formula/function_record.ts";
import { functions } from "../../src/formula/functions.ts";
import { guardBuiltins } from "../../src/device/guard_builtins.ts";
import { runProbes } from "../../src/device/probes.ts";

/** An input of the formulas: its rows, each of `width` numbers; `width` undefined for one scalar per row. */
export interface Rows {
  readonly data: readonly number[];
  readonly width?: number;
}

type Bits = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
const arrays = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u32: Uint32Array } as const;

/** A device of the adapter with `features`, or undefined after saying loudly that there is none. */
export async function openDevice(features: readonly string[] = []): Promise<GPUDevice | undefined> {
  const adapter = hasGpu ? await navigator.gpu.requestAdapter() : null;
  if (!adapter) return missing("WEBGPU ADAPTER");
  try {
    return await adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[] });
  } catch (error) {
    // An adapter that lacks a feature refuses it; a device without features must be had.
    if (features.length === 0) throw error;
    return missing(`ADAPTER WITH ${features.join(" AND ")}`);
  }
}

function missing(what: string): undefined {
  if (Deno.env.get("DENOVO_REQUIRE_GPU") === "1") throw new Error(`DENOVO_REQUIRE_GPU is set and there is no ${what}`);
  console.warn(`NO ${what}: a test of formulas did not run on the GPU`);
}

/**
 * Runs formulas at `count` points each. Plain inputs have one value per point; an element `x[i]` or `x[j]` reads the row
 * of the point. Returns for each formula its values, `components` of them per point.
 */
export async function runFormulas(
  device: GPUDevice,
  formulas: readonly Expr[],
  inputs: Readonly<Record<string, Rows>>,
  options: { scalar: Scalar; signature: Signature; count: number; components?: number; nan?: "strict" | "fast" },
): Promise<number[][]> {
  const { scalar, signature, count, components = 1, nan } = options;
  const offsets = new Map<string, number>();
  const all: number[] = [];
  for (const [name, { data }] of Object.entries(inputs)) {
    offsets.set(name, all.length);
    all.push(...data);
  }
  const target = {
    name: (name: string) => `X[${offsets.get(name)}u + p]`,
    element: (name: string, _: string, component: string | undefined) =>
      `X[${offsets.get(name)}u + p * ${inputs[name].width ?? 1}u + ${component ?? "0u"}]`,
  };
  const helpers = new Map<string, string>();
  const functions = formulas.map((formula, f) => {
    const emitted = emitWgsl(formula, target, { scalar, signature, component: "k", nan });
    for (const [name, text] of emitted.helpers) helpers.set(name, text);
    return functionText(emitted, f, scalar);
  });
  const length = count * components;
  const code = `
@group(0) @binding(0) var<storage, read> X: array<${scalar}>;
@group(0) @binding(1) var<storage, read_write> O: array<${scalar}>;
${[...helpers.values()].join("\n")}
${functions.join("\n")}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = id.x / ${components}u;
  let k = id.x % ${components}u;
  if (id.x >= ${length}u) { return; }
  ${formulas.map((_, f) => `O[${f * length}u + id.x] = f${f}(p, k);`).join("\n  ")}
}`;
  const result = await dispatch(
    device,
    code,
    new arrays[scalar](all),
    formulas.length * length,
    Math.ceil(length / 64),
  );
  return formulas.map((_, f) => Array.from(result.subarray(f * length, (f + 1) * length)));
}

function functionText({ prelude, body, value, boolean }: Emitted, f: number, scalar: Scalar): string {
  const result = boolean ? `${scalar}(select(0, 1, ${value}))` : value;
  return [`fn f${f}(p: u32, k: u32) -> ${scalar} {`, ...prelude, ...body, `return ${result};`, "}"].join("\n  ");
}

async function dispatch(device: GPUDevice, code: string, input: Bits, size: number, groups: number): Promise<Bits> {
  device.pushErrorScope("validation");
  const { specials } = (await runProbes(device)).probes;
  const module = device.createShaderModule({ code: specials ? code : guardBuiltins(code) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  if (error) throw new Error(`${error.message}\n${code}`);
  const bytes = size * input.BYTES_PER_ELEMENT;
  const { COPY_DST, COPY_SRC, MAP_READ, STORAGE } = GPUBufferUsage;
  const x = device.createBuffer({ size: Math.max(16, input.byteLength), usage: STORAGE | COPY_DST });
  const o = device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC });
  const back = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
  device.queue.writeBuffer(x, 0, input);
  const entries = [x, o].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(groups);
  pass.end();
  encoder.copyBufferToBuffer(o, 0, back, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const copy = back.getMappedRange().slice(0);
  for (const buffer of [x, o, back]) buffer.destroy();
  return new (input.constructor as new (data: ArrayBuffer) => Bits)(copy);
}

/** The names of the arguments of a function under test. */
export const ARGUMENTS = ["a", "b", "c"];
/** Of formulas of these. */
export const plain: Signature = { a: { kind: "plain" }, b: { kind: "plain" }, c: { kind: "plain" } };

/** All functions of scalars. */
export const scalarRecords = [...functions.values()].filter((r) => !r.folds);

/** `fn(a)`, `fn(a, b)` or `fn(a, b, c)`: as many arguments as it may have, at most three. */
export function application(record: FunctionRecord): { expr: Expr; names: string[] } {
  const names = ARGUMENTS.slice(0, Math.min(3, record.arity[1]));
  return { expr: call(record.name, ...names.map((n) => name(n))), names };
}

/** The arguments of each point, by name. */
export function inputsOf(points: readonly number[][]): Record<string, { data: number[] }> {
  return Object.fromEntries(ARGUMENTS.map((n, k) => [n, { data: points.map((p) => p[k] ?? 0) }]));
}

/** What formulas in a scalar type need of an adapter. */
export function featuresOf(scalar: Scalar): string[] {
  return scalar === "f64" ? ["wgpu-shader-f64", "wgpu-shader-int64"] : [];
}

/** Runs `run` on a device with `features`, if there is one. */
export async function withDevice(run: (device: GPUDevice) => Promise<void>, features: string[] = []): Promise<void> {
  const device = await openDevice(features);
  if (device === undefined) return;
  try {
    await run(device);
  } finally {
    device.destroy();
  }
}

/** Arguments at which functions go wrong. */
export const EDGES = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  2.5,
  100,
  -100,
  1e10,
  3e38,
  -3e38,
];

/** Every tuple of `count` edges. */
export function edgePoints(count: number): number[][] {
  let points: number[][] = [[]];
  for (let k = 0; k < count; k++) points = points.flatMap((p) => EDGES.map((e) => [...p, e]));
  return points;
}
