import { byteSize } from "../device/mod.ts";
import { copyMemory, f32, f64, i32, select, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { ScatterAddParams } from "./scatter_add.ts";
import { sizeOf, type Value as ArrayValue } from "./value.ts";
import { Arguments } from "./wasm_formula.ts";
import { multiplyLanes } from "./wasm_lanes.ts";

type Scalar = "f32" | "f64" | "i32" | "u32";

/** Ranges of rows at most: each of them is a work item that looks through all indices. */
const RANGES = 8;
/** Additions below which one range does: looking through the indices again would cost more. */
const SMALL = 16_384;

/** `scatterAdd` in WebAssembly: a thread has rows of its own and adds to them in order of the indices, so no two meet. */
export const scatterAddNatives: readonly NativeVariant<ScatterAddParams>[] = [{
  name: "wasm",
  when: (call) => call.outputs.out.dtype !== "f16",
  record: (call) => {
    const [x, indices, updates] = ["x", "indices", "updates"].map((id) => call.dense(call.inputs[id] as ArrayValue));
    const { out } = call.outputs, { axis } = call.params, scalar = out.dtype as Scalar, n = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1)), outer = sizeOf(x.shape.slice(0, axis)), count = indices.shape[0];
    const ranges = (count + n) * inner * outer < SMALL ? 1 : Math.min(RANGES, n), each = Math.ceil(n / ranges);
    const signed = indices.dtype === "i32", wide = inner * byteSize(scalar) >= 16;
    call.launch({
      key: `${scalar}|${signed}|${wide}`,
      args: {
        x: addressOf(x),
        indices: addressOf(indices),
        updates: addressOf(updates),
        y: addressOf(out),
        n: { i32: n },
        count: { i32: count },
        inner: { i32: inner },
        ranges: { i32: ranges },
        each: { i32: each },
      },
      code: (target) => scatterKernel(scalar, signed, wide, target),
      count: outer * ranges,
      grain: Math.max(1, Math.floor(SMALL / Math.max(1, (count + each) * inner))),
    });
  },
}];

/** An item is a range of rows of one outer index. */
function scatterKernel(scalar: Scalar, signed: boolean, wide: boolean, target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), size = byteSize(scalar);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = multiplyLanes(fn, scalar);
    const n = args.i32("n"), count = args.i32("count"), ranges = args.i32("ranges");
    const bytes = fn.let(i32.mul(args.i32("inner"), i32.const(size)));
    fn.for(first, end, 1, (item) => {
      const outer = fn.let(i32.divU(item, ranges)), range = i32.sub(item, i32.mul(outer, ranges));
      const from = least(i32.mul(range, args.i32("each")), n), to = least(i32.add(from, args.i32("each")), n);
      const rows = fn.let(i32.sub(to, from)), start = fn.let(i32.mul(i32.add(i32.mul(outer, n), from), bytes));
      const y = fn.let(i32.add(args.i32("y"), start));
      fn.run(copyMemory(y, i32.add(args.i32("x"), start), i32.mul(rows, bytes)));
      const update = fn.variable(i32.add(args.i32("updates"), i32.mul(i32.mul(outer, count), bytes)));
      const at = fn.variable(args.i32("indices"));
      fn.for(i32.const(0), count, 1, () => {
        const index = fn.let(i32.load(at));
        const row = signed ? i32.add(index, i32.and(i32.shrS(index, i32.const(31)), n)) : index;
        const own = fn.let(i32.sub(row, from));
        fn.if(i32.ltU(own, rows), () => addRow(fn.let(i32.add(y, i32.mul(own, bytes))), update));
        fn.set(update, i32.add(update, bytes));
        fn.set(at, i32.add(at, i32.const(4)));
      });
    });

    function addRow(to: Value<"i32">, from: Value<"i32">): void {
      const whole = wide ? fn.let(i32.and(bytes, i32.const(-16))) : i32.const(0);
      if (wide) {
        fn.for(i32.const(0), whole, 16, (k) => {
          const place = fn.let(i32.add(to, k));
          fn.run(v128.store(place, m.add(v128.load(place), v128.load(i32.add(from, k)))));
        });
      }
      fn.for(whole, bytes, size, (k) => {
        const place = fn.let(i32.add(to, k)), source = i32.add(from, k);
        if (scalar === "f32") fn.run(f32.store(place, f32.add(f32.load(place), f32.load(source))));
        else if (scalar === "f64") fn.run(f64.store(place, f64.add(f64.load(place), f64.load(source))));
        else fn.run(i32.store(place, i32.add(i32.load(place), i32.load(source))));
      });
    }

    function least(a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
      const [x, y] = [fn.let(a), fn.let(b)];
      return fn.let(select(i32.ltS(x, y), x, y));
    }
  }, "run");
  return module.bytes();
}
