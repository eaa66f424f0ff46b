import type { KernelCall, KernelVariant } from "./define.ts";
import { philoxText, toWords } from "./philox.ts";
import type { Distribution, RandomParams } from "./random.ts";
import { boxMullerText } from "./random_normal.ts";
import { permutedText, shuffleOf, shuffleUniforms } from "./random_permutation.ts";
import { sizeOf } from "./value.ts";

const WORKGROUP = 64;

/** WGSL text of the four numbers that the words `w` become. */
const NUMBERS: Readonly<Record<Exclude<Distribution, "permutation">, string>> = {
  bits: "w",
  uniform: `vec4<f32>(w >> vec4<u32>(8u)) * ${2 ** -24}f`,
  normal: "vec4<f32>(box_muller(w.xy), box_muller(w.zw))",
  rademacher: "1.0f - 2.0f * vec4<f32>(w >> vec4<u32>(31u))",
};

/** One invocation per block of four elements. */
function recordBlocks(call: KernelCall<RandomParams>, int64: boolean): void {
  const { seed, stream = 0, offset = 0 } = call.params, { out } = call.outputs;
  const distribution = call.params.distribution as Exclude<Distribution, "permutation">;
  const blocks = Math.ceil(sizeOf(out.shape) / 4);
  const [key0, key1] = toWords(seed), [stream0, stream1] = toWords(stream), [first, carry] = toWords(offset / 4);
  call.launch({
    key: distribution,
    read: {},
    write: { y: out },
    elements: { y: `vec4<${out.dtype}>` },
    uniforms: { blocks, key0, key1, stream0, stream1, first, carry },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(blocks / WORKGROUP),
    declarations: () => philoxText(int64) + (distribution === "normal" ? boxMullerText : ""),
    body: () =>
      `if (id >= p.blocks) { return; }
let low = p.first + id;
let high = p.carry + select(0u, 1u, low < id);
let w = philox(vec4<u32>(low, high, p.stream0, p.stream1), vec2<u32>(p.key0, p.key1));
y[id] = ${NUMBERS[distribution]};`,
  });
}

/** One invocation per element of a permutation. */
function recordPermutation(call: KernelCall<RandomParams>): void {
  const { out } = call.outputs, [n] = out.shape, { seed, stream = 0 } = call.params;
  call.launch({
    key: "permutation",
    read: {},
    write: { y: out },
    uniforms: shuffleUniforms(n, shuffleOf(n, seed, stream)),
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil(n / WORKGROUP),
    declarations: () => permutedText,
    body: () => "if (id < p.n) { y[id] = i32(permuted(id)); }",
  });
}

const isPermutation = (call: KernelCall<RandomParams>) => call.params.distribution === "permutation";

/** Ways to draw on WebGPU: wide products from 16-bit halves, or in 64 bits; permutations need none. */
export const randomKernels: readonly KernelVariant<RandomParams>[] = [
  { name: "halves", when: (call) => !isPermutation(call), record: (call) => recordBlocks(call, false) },
  {
    name: "int64",
    when: (call) => !isPermutation(call) && call.info.probes.int64,
    rank: () => 1,
    record: (call) => recordBlocks(call, true),
  },
  { name: "feistel", when: isPermutation, record: recordPermutation },
];
