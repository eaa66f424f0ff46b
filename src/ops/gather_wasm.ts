import { byteSize, type HostArgument } from "../device/mod.ts";
import { i32, select, v128, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import type { GatherParams } from "./gather.ts";
import { fillUniform } from "./gather_fill.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import { sizeOf, type Value } from "./value.ts";
import { copyElement, copyRun, type ElementSize, fillRun, isFew } from "./wasm_copy.ts";
import { Arguments } from "./wasm_formula.ts";

/** Elements that a thread takes at a time. */
const GRAIN = 16_384;

/** `gather` in WebAssembly: an item is the run of elements behind one index. */
export const gatherNatives: readonly NativeVariant<GatherParams>[] = [{
  name: "wasm",
  when: (call) => sizeOf(call.outputs.out.shape) < 2 ** 31,
  record: (call) => {
    const x = call.dense(call.inputs.x as Value), indices = call.dense(call.inputs.indices as Value);
    const { out } = call.outputs, { axis } = call.params, size = byteSize(out.dtype) as ElementSize;
    const inner = sizeOf(x.shape.slice(axis + 1)),
      outer = sizeOf(x.shape.slice(0, axis)),
      count = sizeOf(indices.shape);
    const fill = fillUniform(out.dtype, call.params), signed = indices.dtype === "i32";
    const run = inner === 1 ? "one" : isFew(inner, size) ? "few" : "many";
    call.launch({
      key: `${size}|${signed}|${run}`,
      args: {
        x: addressOf(x),
        indices: addressOf(indices),
        y: addressOf(out),
        n: { i32: x.shape[axis] },
        count: { i32: count },
        inner: { i32: inner },
        fill: typeof fill === "number" ? { i32: fill } : fill as HostArgument,
      },
      code: (target) => gatherKernel(size, signed, run, target),
      count: outer * count,
      grain: Math.max(1, Math.floor(GRAIN / Math.max(1, inner))),
    });
  },
}];

function gatherKernel(
  size: ElementSize,
  signed: boolean,
  run: "one" | "few" | "many",
  target: HostTarget,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const n = args.i32("n"), count = args.i32("count"), inner = args.i32("inner");
    const bytes = fn.let(i32.mul(inner, i32.const(size)));
    const load = size === 8 ? v128.load64Splat : size === 4 ? v128.load32Splat : v128.load16Splat;
    const fill = fn.let(load(base, target.at("fill")));
    const outer = fn.let(i32.divU(first, count));
    const which = fn.variable(i32.sub(first, i32.mul(outer, count)));
    const x = fn.variable(i32.add(args.i32("x"), i32.mul(i32.mul(outer, n), bytes)));
    const to = fn.variable(i32.add(args.i32("y"), i32.mul(first, bytes)));
    fn.for(first, end, 1, () => {
      const index = fn.let(i32.load(i32.add(args.i32("indices"), i32.shl(which, i32.const(2)))));
      const row = fn.let(
        signed ? i32.add(index, select(i32.ltS(index, i32.const(0)), n, fn.let(i32.const(0)))) : index,
      );
      const from = fn.let(i32.add(x, i32.mul(row, bytes)));
      fn.if(i32.ltU(row, n), () => {
        if (run === "one") copyElement(fn, to, from, size);
        else copyRun(fn, to, from, inner, size, run === "few");
      }, () => fillRun(fn, to, fill, inner, size));
      fn.set(to, i32.add(to, bytes));
      fn.set(which, i32.add(which, i32.const(1)));
      fn.if(i32.eq(which, count), () => {
        fn.set(which, i32.const(0));
        fn.set(x, i32.add(x, i32.mul(n, bytes)));
      });
    });
  }, "run");
  return module.bytes();
}
