import type { HostArgument } from "../device/mod.ts";
import { f32x4, type FunctionBuilder, i32, i32x4, type V, v128, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import { toWords } from "./philox.ts";
import type { Distribution, RandomParams } from "./random.ts";
import { MIX, ROUNDS, shuffleOf, shuffleUniforms } from "./random_permutation.ts";
import { boxMullerLanes } from "./random_wasm_normal.ts";
import { philoxLanes, transposed } from "./random_wasm_words.ts";
import { sizeOf } from "./value.ts";
import { Arguments } from "./wasm_formula.ts";

/** Work items of a thread: sixteen numbers each, or four of a permutation. */
const GRAIN = 1024;

/** The four numbers that words become, each in four lanes. */
const NUMBERS: Readonly<Record<Exclude<Distribution, "permutation">, (fn: FunctionBuilder, words: V[]) => V[]>> = {
  bits: (_, words) => words,
  uniform: (fn, words) =>
    words.map((w) => fn.let(f32x4.mul(f32x4.convertI32x4U(i32x4.shrU(w, i32.const(8))), f32x4.const(2 ** -24)))),
  normal: (fn, words) => [...boxMullerLanes(fn, words[0], words[1]), ...boxMullerLanes(fn, words[2], words[3])],
  rademacher: (fn, words) => {
    const one = f32x4.const(1), sign = i32x4.const(-(2 ** 31));
    return words.map((w) => fn.let(v128.or(one, v128.and(w, sign))));
  },
};

/** `random` in WebAssembly, four counters in the lanes of a vector. A vector's worth past the end is in the output's block. */
export const randomNatives: readonly NativeVariant<RandomParams>[] = [{
  name: "wasm",
  record: (call) => call.params.distribution === "permutation" ? recordPermutation(call) : recordBlocks(call),
}];

function recordBlocks(call: HostCall<RandomParams>): void {
  const { seed, stream = 0, offset = 0 } = call.params, { out } = call.outputs;
  const distribution = call.params.distribution as Exclude<Distribution, "permutation">;
  const words = { key: toWords(seed), stream: toWords(stream), first: toWords(offset / 4) };
  const args: Record<string, HostArgument> = { y: addressOf(out) };
  for (const [name, [low, high]] of Object.entries(words)) {
    args[`${name}0`] = { i32: low };
    args[`${name}1`] = { i32: high };
  }
  call.launch({
    key: distribution,
    args,
    code: (target) => blocksKernel(distribution, target),
    count: Math.ceil(sizeOf(out.shape) / 16),
    grain: GRAIN,
  });
}

function blocksKernel(distribution: keyof typeof NUMBERS, target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const lanes = (name: string) => fn.let(i32x4.splat(args.i32(name)));
    const [key0, key1, stream0, stream1, begin, carry] = ["key0", "key1", "stream0", "stream1", "first0", "first1"].map(
      lanes,
    );
    fn.for(first, end, 1, (item) => {
      const id = fn.let(i32x4.add(i32x4.splat(i32.shl(item, i32.const(2))), i32x4.const(0, 1, 2, 3)));
      const low = fn.let(i32x4.add(begin, id)), high = fn.let(i32x4.sub(carry, i32x4.ltU(low, id)));
      const words = philoxLanes(fn, [low, high, stream0, stream1], [key0, key1]);
      const to = fn.let(i32.add(args.i32("y"), i32.shl(item, i32.const(6))));
      transposed(fn, NUMBERS[distribution](fn, words)).forEach((block, k) => fn.run(v128.store(to, block, 16 * k)));
    });
  }, "run");
  return module.bytes();
}

function recordPermutation(call: HostCall<RandomParams>): void {
  const { out } = call.outputs, [n] = out.shape, { seed, stream = 0 } = call.params;
  const fields = shuffleUniforms(n, shuffleOf(n, seed, stream));
  call.launch({
    key: "permutation",
    args: {
      y: addressOf(out),
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { i32: value }])),
    },
    code: permutationKernel,
    count: Math.ceil(n / 4),
    grain: GRAIN,
  });
}

/** `permuted` of `random_permutation.ts` in four lanes: each goes on until all are done. */
function permutationKernel(target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const lanes = (name: string) => fn.once(`lanes of ${name}`, () => i32x4.splat(args.i32(name)));
    const mix = (x: V): V => {
      const a = fn.let(i32x4.mul(v128.xor(x, i32x4.shrU(x, i32.const(16))), i32x4.const(MIX[0] | 0)));
      const b = fn.let(i32x4.mul(v128.xor(a, i32x4.shrU(a, i32.const(13))), i32x4.const(MIX[1] | 0)));
      return fn.let(v128.xor(b, i32x4.shrU(b, i32.const(16))));
    };
    fn.for(first, end, 1, (item) => {
      const last = i32x4.sub(lanes("n"), i32x4.const(1));
      const from = i32x4.add(i32x4.splat(i32.shl(item, i32.const(2))), i32x4.const(0, 1, 2, 3));
      // Lanes past the end repeat the last number: from beyond n the walk might not come back.
      const v = fn.variable(i32x4.minU(from, last)), open = fn.variable(i32x4.const(-1));
      fn.loop((again) => {
        const left = fn.variable(i32x4.shrU(v, args.i32("right_bits")));
        const right = fn.variable(v128.and(v, lanes("right_mask")));
        for (let round = 0; round < ROUNDS; round += 2) {
          const turn = (half: V, key: string, mask: string) =>
            v128.and(mix(fn.let(v128.xor(half, lanes(key)))), lanes(mask));
          fn.set(left, v128.xor(left, turn(right, `key${round}`, "left_mask")));
          fn.set(right, v128.xor(right, turn(left, `key${round + 1}`, "right_mask")));
        }
        const joined = fn.let(v128.or(i32x4.shl(left, args.i32("right_bits")), right));
        const swapped = v128.xor(joined, v128.and(i32x4.ltU(joined, i32x4.const(2)), lanes("swap")));
        fn.set(v, v128.bitselect(open, swapped, v));
        fn.set(open, i32x4.geU(v, lanes("n")));
        fn.br(again, v128.anyTrue(open));
      });
      fn.run(v128.store(i32.add(args.i32("y"), i32.shl(item, i32.const(4))), v));
    });
  }, "run");
  return module.bytes();
}
