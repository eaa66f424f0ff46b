import {
  fillMemory,
  type FunctionBuilder,
  i32,
  select,
  type Value,
  type Variable,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { Value as ArrayValue } from "./value.ts";
import { Arguments } from "./wasm_formula.ts";

/** Bytes that a thread clears at a time. */
const CLEARED = 1 << 18;

/** The address of word `k` of an array. */
export function wordAt(array: Value<"i32">, k: Value<"i32">): Value<"i32"> {
  return i32.add(array, i32.shl(k, i32.const(2)));
}

/** Word `k` of an array, and adds one to it. */
export function takeNext(fn: FunctionBuilder, array: Value<"i32">, k: Value<"i32">): Value<"i32"> {
  const place = fn.let(wordAt(array, k)), found = fn.let(i32.load(place));
  fn.run(i32.store(place, i32.add(found, i32.const(1))));
  return found;
}

/** Words 0 … n of an array become the sums of those up to each of them; the last sum is given back. */
export function runningSum(fn: FunctionBuilder, array: Value<"i32">, n: Value<"i32">): Variable<"i32"> {
  const sum = fn.variable(i32.const(0)), at = fn.variable(array);
  fn.for(i32.const(-1), n, 1, () => {
    fn.set(sum, i32.add(sum, i32.load(at)));
    fn.run(i32.store(at, sum));
    fn.set(at, i32.add(at, i32.const(4)));
  });
  return sum;
}

/** The smaller one, unsigned. */
export function leastWord(fn: FunctionBuilder, a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
  const [x, y] = [fn.let(a), fn.let(b)];
  return fn.let(select(i32.ltU(x, y), x, y));
}

/** A module whose items are written by `item`. */
export function itemsKernel(
  target: HostTarget,
  item: (fn: FunctionBuilder, args: Arguments, item: Value<"i32">) => void,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    fn.for(first, end, 1, (k) => item(fn, args, k));
  }, "run");
  return module.bytes();
}

/** Sets so many bytes of arrays to 0. */
export function clear(call: Pick<HostCall<unknown>, "launch">, array: ArrayValue, bytes: number): void {
  call.launch({
    key: "clear",
    args: { array: addressOf(array), bytes: { i32: bytes } },
    code: (target) =>
      itemsKernel(target, (fn, args, item) => {
        const from = fn.let(i32.mul(item, i32.const(CLEARED)));
        const count = leastWord(fn, i32.sub(args.i32("bytes"), from), i32.const(CLEARED));
        fn.run(fillMemory(i32.add(args.i32("array"), from), i32.const(0), count));
      }),
    count: Math.ceil(bytes / CLEARED),
    grain: 1,
  });
}
