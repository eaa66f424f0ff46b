import { byteSize } from "../device/mod.ts";
import {
  exp,
  floatLanes,
  type FunctionBuilder,
  i32,
  i32x4,
  lanes as laneBytes,
  log,
  type V,
  v128,
  type Value,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { SegmentReduceParams } from "./sparse_segment.ts";
import type { Value as ArrayValue } from "./value.ts";
import { Arguments } from "./wasm_formula.ts";

/** Values that a thread takes at a time: some 20 µs. */
const GRAIN = { sum: 100_000, max: 100_000, logsumexp: 20_000 };

/** Rows in WebAssembly, neighbours in the lanes. */
export const segmentNatives: readonly NativeVariant<SegmentReduceParams>[] = [{
  name: "wasm",
  when: (call) => call.outputs.out.dtype === "f32" || call.outputs.out.dtype === "f64",
  record: (call) => {
    const { out } = call.outputs, { reduction } = call.params, scalar = out.dtype as "f32" | "f64";
    const starts = call.dense(call.inputs.starts as ArrayValue), values = call.dense(call.inputs.values as ArrayValue);
    const rows = out.shape[0];
    call.launch({
      key: `${reduction}|${scalar}`,
      args: { starts: addressOf(starts), values: addressOf(values), y: addressOf(out) },
      code: (target) => code(reduction, scalar, target),
      count: rows,
      grain: Math.max(1, Math.round(GRAIN[reduction] * rows / Math.max(1, values.shape[0] + rows))),
    });
  },
}];

function code(
  reduction: SegmentReduceParams["reduction"],
  scalar: "f32" | "f64",
  target: HostTarget,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), size = byteSize(scalar);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target);
    fn.for(first, last, 1, (row) => {
      const at = fn.let(i32.add(args.i32("starts"), i32.shl(row, i32.const(2))));
      const start = fn.let(i32.load(at)), end = fn.let(i32.load(at, 4));
      const address = (k: Value<"i32">) => i32.add(args.i32("values"), i32.shl(k, i32.const(Math.log2(size))));
      const result = writeRow(fn, reduction, scalar, start, end, address);
      const store = size === 8 ? v128.store64Lane : v128.store32Lane;
      fn.run(store(i32.add(args.i32("y"), i32.shl(row, i32.const(Math.log2(size)))), result, 0));
    });
  }, "run");
  return module.bytes();
}

/** The reduction of one row, in the first lane. */
function writeRow(
  fn: FunctionBuilder,
  reduction: SegmentReduceParams["reduction"],
  scalar: "f32" | "f64",
  start: Value<"i32">,
  end: Value<"i32">,
  address: (k: Value<"i32">) => Value<"i32">,
): V {
  const l = floatLanes(fn, scalar), { count } = l, size = 16 / count;
  const add = (a: V, b: V) => l.add(a, b), max = (a: V, b: V) => l.max(a, b);
  /** Two accumulators over whole vectors, then what is left in the first lane, then all lanes. */
  const fold = (initial: V, step: (v: V) => V, join: (a: V, b: V) => V): V => {
    const sums = [fn.variable(initial), fn.variable(initial)];
    const whole = fn.let(i32.add(start, i32.and(i32.sub(end, start), i32.const(-2 * count))));
    fn.for(start, whole, 2 * count, (k) => {
      const at = fn.let(address(k));
      sums.forEach((sum, half) => fn.set(sum, join(sum, step(fn.let(v128.load(at, 16 * half))))));
    });
    const splat = size === 8 ? v128.load64Splat : v128.load32Splat;
    const firstLane = fn.once(`first lane ${scalar}`, () => firstLaneMask(count));
    fn.for(whole, end, 1, (k) => {
      const joined = join(sums[0], step(fn.let(splat(address(k)))));
      fn.set(sums[0], l.select(firstLane, joined, sums[0]));
    });
    const total = fn.variable(join(sums[0], sums[1]));
    for (let far = count / 2; far >= 1; far /= 2) {
      const turned = laneBytes(size as 4 | 8, ...Array.from({ length: count }, (_, q) => (q + far) % count));
      fn.set(total, join(total, fn.let(v128.shuffle(total, total, turned))));
    }
    return total;
  };
  if (reduction === "sum") return fold(l.constant(0), (v) => v, add);
  const top = fold(l.constant(-Infinity), (v) => v, max);
  if (reduction === "max") return top;
  // An infinite maximum is the result; NaN goes through both.
  const infinite = fn.let(l.eq(l.abs(top), l.constant(Infinity)));
  const finite = l.select(infinite, l.constant(0), top);
  const sum = fold(l.constant(0), (v) => exp(l, l.sub(v, finite)), add);
  return l.select(infinite, top, l.add(finite, log(l, sum)));
}

function firstLaneMask(count: number): V {
  return count === 4 ? i32x4.const(-1, 0, 0, 0) : i32x4.const(-1, -1, 0, 0);
}
