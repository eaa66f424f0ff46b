import { byteSize, type HostArgument } from "../device/mod.ts";
import { i32, select, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { Copy } from "./strided_copy.ts";
import { collapse, sizeOf, type Value } from "./value.ts";
import { copyApart, copyRun, type ElementSize, fillRun, isFew, splatElement } from "./wasm_copy.ts";
import { Arguments, writeOffsets } from "./wasm_formula.ts";

/** Elements that a thread takes at a time, and elements of a row that are one work item. */
const GRAIN = 32_768, CHUNK = 16_384;

/** How the elements of a row lie: side by side on both sides, one for all, or otherwise. */
type Walk = "run" | "few" | "one" | "apart";

/** Copies views into parts of `to`, one after the other. */
export function recordHostCopies<P>(call: HostCall<P>, to: Value, copies: readonly Copy[]): void {
  const size = byteSize(to.dtype) as ElementSize;
  for (const { from, strides, offset } of copies) {
    if (sizeOf(from.shape) === 0) continue;
    const joint = collapse(from.shape, [from.strides, strides]);
    const shape = joint.shape.length > 0 ? joint.shape : [1];
    const [source, target] = joint.shape.length > 0 ? joint.strides : [[1], [1]];
    const last = shape.length - 1, row = shape[last], chunks = Math.ceil(row / CHUNK), rows = sizeOf(shape) / row;
    const side = target[last] === 1;
    const walk: Walk = source[last] === 1 && side
      ? isFew(row, size) ? "few" : "run"
      : source[last] === 0 && side
      ? "one"
      : "apart";
    const args: Record<string, HostArgument> = {
      from: addressOf(from),
      to: addressOf({ ...to, offset: to.offset + offset }),
      row: { i32: row },
      chunks: { i32: chunks },
      from_step: { i32: source[last] * size },
      to_step: { i32: target[last] * size },
    };
    for (let k = 0; k < last; k++) {
      args[`d${k}`] = { i32: shape[k] };
      args[`s${k}`] = { i32: source[k] * size };
      args[`t${k}`] = { i32: target[k] * size };
    }
    call.launch({
      key: `copy|${size}|${last}|${walk}`,
      args,
      code: (target) => copyKernel(size, last, walk, target),
      count: rows * chunks,
      grain: Math.max(1, Math.floor(GRAIN / Math.min(row, CHUNK))),
    });
  }
}

/** An item is a row, or a piece of a long one. */
function copyKernel(size: ElementSize, outer: number, walk: Walk, target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const axes = Array.from({ length: outer }, (_, k) => k), row = args.i32("row");
    fn.for(first, end, 1, (item) => {
      const line = fn.let(i32.divU(item, args.i32("chunks")));
      const begin = fn.let(i32.mul(i32.sub(item, i32.mul(line, args.i32("chunks"))), i32.const(CHUNK)));
      const left = fn.let(i32.sub(row, begin));
      const count = fn.let(select(i32.ltS(left, i32.const(CHUNK)), left, i32.const(CHUNK)));
      const [from, to] = writeOffsets(
        fn,
        line,
        axes.map((k) => args.i32(`d${k}`)),
        [axes.map((k) => args.i32(`s${k}`)), axes.map((k) => args.i32(`t${k}`))],
        [
          i32.add(args.i32("from"), i32.mul(begin, args.i32("from_step"))),
          i32.add(args.i32("to"), i32.mul(begin, args.i32("to_step"))),
        ],
      );
      if (walk === "one") fillRun(fn, to, splatElement(fn, from, size), count, size);
      else if (walk !== "apart") copyRun(fn, to, from, count, size, walk === "few");
      else copyApart(fn, { to, from, count, size, fromStep: args.i32("from_step"), toStep: args.i32("to_step") });
    });
  }, "run");
  return module.bytes();
}
