import type { Probes } from "./device.ts";

/** A small program whose answer tells whether the adapter does what its features promise. */
interface Probe {
  name: keyof Probes;
  feature?: string;
  wgsl: string;
  /** What four words of output must be. */
  right: (words: Uint32Array) => boolean;
}

const HEAD = `@group(0) @binding(0) var<storage, read> data: array<f32>;
@group(0) @binding(1) var<storage, read_write> answer: array<u32>;
`;

/** Input: NaN, 1, 2^-30, 70,000 (as f32). */
const INPUT = new Float32Array([NaN, 1, 2 ** -30, 70000]);

const PROBES: readonly Probe[] = [
  {
    name: "nanCompare",
    wgsl: `${HEAD}@compute @workgroup_size(1) fn main() { let x = data[0]; answer[0] = select(0u, 1u, x != x); }`,
    right: (w) => w[0] === 1,
  },
  {
    name: "twoSum",
    wgsl: `${HEAD}@compute @workgroup_size(1) fn main() {
  let a = data[1]; let b = data[2];
  let s = a + b; let v = s - a; let e = (a - (s - v)) + (b - v);
  answer[0] = bitcast<u32>(e);
}`,
    right: (w) => new Float32Array(w.buffer)[0] === 2 ** -30,
  },
  {
    name: "longLoops",
    wgsl: `${HEAD}@compute @workgroup_size(1) fn main() {
  var count = 0u;
  for (var k = 0u; k < u32(data[3]); k++) { count += 1u; }
  answer[0] = count;
}`,
    right: (w) => w[0] === 70000,
  },
  {
    name: "specials",
    wgsl: `${HEAD}@compute @workgroup_size(1) fn main() {
  let zero = f32(arrayLength(&data) - 4u);
  answer[0] = bitcast<u32>(exp(data[0])); answer[1] = bitcast<u32>(log(data[0]));
  answer[2] = bitcast<u32>(log(-data[1])); answer[3] = bitcast<u32>(log(zero));
}`,
    right: (w) => [...new Float32Array(w.buffer).slice(0, 3)].every(Number.isNaN) && w[3] === 0xff800000,
  },
  {
    name: "subgroups",
    feature: "subgroups",
    wgsl:
      `${HEAD}@compute @workgroup_size(32) fn main(@builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
  let total = subgroupAdd(lane + 1u);
  let first = subgroupBroadcast(lane + 7u, 0u);
  if (lane == 0u) { answer[0] = size; answer[1] = total; answer[2] = first; }
}`,
    right: (w) => w[0] >= 2 && w[1] === (w[0] * (w[0] + 1)) / 2 && w[2] === 7,
  },
  {
    name: "f16",
    feature: "shader-f16",
    wgsl: `enable f16;
@group(0) @binding(0) var<storage, read> data: array<f32>;
@group(0) @binding(1) var<storage, read_write> answer: array<f16>;
@compute @workgroup_size(1) fn main() { let x = f16(data[1]); answer[0] = x + f16(0.5); answer[1] = x; }`,
    right: (w) => new Float16Array(w.buffer)[0] === 1.5 && new Float16Array(w.buffer)[1] === 1,
  },
  {
    name: "f64",
    feature: "wgpu-shader-f64",
    wgsl: `@group(0) @binding(0) var<storage, read> data: array<f32>;
@group(0) @binding(1) var<storage, read_write> answer: array<f64>;
@compute @workgroup_size(1) fn main() {
  let third = f64(data[1]) / 3.0lf;
  answer[0] = third;
  answer[1] = bitcast<f64>(bitcast<u64>(third) + 1lu);
}`,
    right: (w) => new Float64Array(w.buffer).join() === [1 / 3, 1 / 3 + 2 ** -54].join(),
  },
  {
    name: "int64",
    feature: "wgpu-shader-int64",
    wgsl: `@group(0) @binding(0) var<storage, read> data: array<f32>;
@group(0) @binding(1) var<storage, read_write> answer: array<u64>;
@compute @workgroup_size(1) fn main() { answer[0] = u64(u32(data[3])) * 3000000000lu; }`,
    right: (w) => new BigUint64Array(w.buffer)[0] === 210000000000000n,
  },
  {
    name: "floatAtomics",
    feature: "wgpu-shader-float32-atomic",
    wgsl: `@group(0) @binding(0) var<storage, read> data: array<f32>;
@group(0) @binding(1) var<storage, read_write> answer: array<atomic<f32>>;
@compute @workgroup_size(32) fn main() { atomicAdd(&answer[0], data[1]); }`,
    right: (w) => new Float32Array(w.buffer)[0] === 32,
  },
  {
    // Rows of a and columns of b hold different numbers, so that a transposed load would show; all in workgroup memory, as in products.
    name: "cooperative",
    feature: "wgpu-cooperative-matrix",
    wgsl: `enable f16;
enable wgpu_cooperative_matrix;
${HEAD}var<workgroup> a: array<f16, 256>;
var<workgroup> b: array<f16, 256>;
var<workgroup> c: array<f32, 256>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) lane: u32) {
  for (var q = lane; q < 256u; q += 32u) {
    a[q] = f16(q / 16u) + f16(q % 4u) * f16(0.25);
    b[q] = f16(q % 16u) - f16((q / 16u) % 8u) * f16(data[1]);
    c[q] = f32(q);
  }
  workgroupBarrier();
  var sum = coopLoadT<coop_mat16x16<f32, C>>(&c[0], 16u);
  for (var k = 0u; k < 2u; k++) {
    let left = coopLoadT<coop_mat16x16<f16, A>>(&a[0], 16u);
    let right = coopLoadT<coop_mat16x16<f16, B>>(&b[0], 16u);
    sum = coopMultiplyAdd(left, right, sum);
  }
  coopStoreT(sum, &c[0], 16u);
  workgroupBarrier();
  if (lane == 0u) { answer[0] = bitcast<u32>(c[1]); answer[1] = bitcast<u32>(c[16]); answer[2] = bitcast<u32>(c[83]); }
}`,
    right: (w) => {
      const c = new Float32Array(w.buffer);
      return [1, 16, 83].every((q, k) => c[k] === q + 2 * productAt(q >> 4, q & 15));
    },
  },
];

/** Element (i, j) of the product that the probe of cooperative matrices computes. */
function productAt(i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < 16; k++) sum += (i + (k % 4) * 0.25) * (j - k % 8);
  return sum;
}

/** What is probed: what an earlier version found out lacks the others. */
export function probeNames(): string[] {
  return PROBES.map(({ name }) => name);
}

/** Runs every probe whose feature is on; a probe that does not compile counts as failed. */
export async function runProbes(gpu: GPUDevice): Promise<{ probes: Probes; subgroupSize: number }> {
  const input = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  gpu.queue.writeBuffer(input, 0, INPUT);
  const probes: Probes = {
    nanCompare: false,
    twoSum: false,
    subgroups: false,
    f16: false,
    f64: false,
    int64: false,
    floatAtomics: false,
    cooperative: false,
    longLoops: false,
    specials: false,
  };
  let subgroupSize = 1;
  const runs = PROBES.filter((p) => !p.feature || gpu.features.has(p.feature as GPUFeatureName)).map((probe) =>
    runProbe(gpu, probe, input)
  );
  for (const { probe, words } of await Promise.all(runs)) {
    if (!words || !probe.right(words)) continue;
    probes[probe.name] = true;
    if (probe.name === "subgroups") subgroupSize = words[0];
  }
  input.destroy();
  return { probes, subgroupSize };
}

async function runProbe(
  gpu: GPUDevice,
  probe: Probe,
  input: GPUBuffer,
): Promise<{ probe: Probe; words: Uint32Array | undefined }> {
  gpu.pushErrorScope("validation");
  const answer = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const staging = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const label = `probe ${probe.name}`;
  const entries = (["read-only-storage", "storage"] as const).map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
  const layout = gpu.createBindGroupLayout({ label, entries });
  const pipeline = gpu.createComputePipeline({
    label,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: gpu.createShaderModule({ label, code: probe.wgsl }), entryPoint: "main" },
  });
  const group = gpu.createBindGroup({
    layout,
    entries: [{ binding: 0, resource: { buffer: input } }, { binding: 1, resource: { buffer: answer } }],
  });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(answer, 0, staging, 0, 16);
  gpu.queue.submit([encoder.finish()]);
  const fault = gpu.popErrorScope();
  try {
    await staging.mapAsync(GPUMapMode.READ);
    const words = new Uint32Array(staging.getMappedRange().slice(0));
    return { probe, words: (await fault) ? undefined : words };
  } catch {
    return { probe, words: undefined };
  } finally {
    answer.destroy();
    staging.destroy();
  }
}
