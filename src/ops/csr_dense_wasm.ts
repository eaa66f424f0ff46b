import { byteSize, type DType } from "../device/mod.ts";
import { f32, f64, type FunctionBuilder, i32, type Value } from "../formula/wasm/mod.ts";
import type { CsrFromDenseParams } from "./csr_from_dense.ts";
import type { CsrToDenseParams } from "./csr_to_dense.ts";
import { clear, itemsKernel, leastWord, runningSum, wordAt } from "./csr_wasm.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { Value as ArrayValue } from "./value.ts";
import { copyElement, type ElementSize } from "./wasm_copy.ts";

/** Elements that a thread takes at a time. */
const GRAIN = 32_768;

/** Element `k` of an array. */
const elementAt = (array: Value<"i32">, k: Value<"i32">, size: number) => i32.add(array, i32.mul(k, i32.const(size)));

/** `csrToDense` in WebAssembly: zeros, then the entries of every row. */
export const csrToDenseNatives: readonly NativeVariant<CsrToDenseParams>[] = [{
  name: "wasm",
  record: (call) => {
    const [starts, columns, values] = ["starts", "columns", "values"].map((name) =>
      call.dense(call.inputs[name] as ArrayValue)
    );
    const { shape: [n, m] } = call.params, { out } = call.outputs, size = byteSize(out.dtype) as ElementSize;
    const room = values.shape[0];
    clear(call, out, n * m * size);
    call.launch({
      key: `entries|${size}`,
      args: {
        starts: addressOf(starts),
        columns: addressOf(columns),
        values: addressOf(values),
        y: addressOf(out),
        m: { i32: m },
        room: { i32: room },
      },
      code: (target) =>
        itemsKernel(target, (fn, args, row) => {
          const at = fn.let(wordAt(args.i32("starts"), row)), room = args.i32("room"), m = args.i32("m");
          const line = fn.let(elementAt(args.i32("y"), i32.mul(row, m), size));
          fn.for(leastWord(fn, i32.load(at), room), leastWord(fn, i32.load(at, 4), room), 1, (k) => {
            const column = fn.let(i32.load(wordAt(args.i32("columns"), k)));
            fn.if(i32.ltU(column, m), () =>
              copyElement(fn, fn.let(elementAt(line, column, size)), elementAt(args.i32("values"), k, size), size));
          });
        }),
      count: n,
      grain: Math.max(1, Math.floor(GRAIN * n / Math.max(1, room))),
    });
  },
}];

/** `csrFromDense` in WebAssembly: rows count their nonzero elements, and write them to where those of the rows before end. */
export const csrFromDenseNatives: readonly NativeVariant<CsrFromDenseParams>[] = [{
  name: "wasm",
  record: (call) => {
    const x = call.dense(call.inputs.x as ArrayValue), [n, m] = x.shape, { room } = call.params;
    const { starts, columns, values } = call.outputs, { dtype } = x, size = byteSize(dtype) as ElementSize;
    // Unlike `starts` these are not held to the room.
    const places = call.temporary({ shape: [n + 1], dtype: "u32" });
    const grain = Math.max(1, Math.floor(GRAIN / Math.max(1, m)));
    const args = { x: addressOf(x), m: { i32: m }, places: addressOf(places) };
    clear(call, places, 4);
    call.launch({
      key: `count|${dtype}`,
      args,
      code: (target) =>
        itemsKernel(target, (fn, args, row) => {
          const m = args.i32("m"), at = fn.variable(elementAt(args.i32("x"), i32.mul(row, m), size));
          const found = fn.variable(i32.const(0));
          fn.for(i32.const(0), m, 1, () => {
            fn.set(found, i32.add(found, notZero(fn, at, dtype)));
            fn.set(at, i32.add(at, i32.const(size)));
          });
          fn.run(i32.store(wordAt(args.i32("places"), row), found, 4));
        }),
      count: n,
      grain,
    });
    call.launch({
      key: "starts",
      args: { places: args.places, starts: addressOf(starts), n: { i32: n }, room: { i32: room } },
      code: (target) =>
        itemsKernel(target, (fn, args) => {
          runningSum(fn, args.i32("places"), args.i32("n"));
          fn.for(i32.const(-1), args.i32("n"), 1, (k) => {
            const row = fn.let(i32.add(k, i32.const(1)));
            const place = leastWord(fn, i32.load(wordAt(args.i32("places"), row)), args.i32("room"));
            fn.run(i32.store(wordAt(args.i32("starts"), row), place));
          });
        }),
      count: 1,
      grain: 1,
    });
    clear(call, columns, 4 * room);
    clear(call, values, size * room);
    call.launch({
      key: `store|${dtype}`,
      args: { ...args, columns: addressOf(columns), values: addressOf(values), room: { i32: room } },
      code: (target) =>
        itemsKernel(target, (fn, args, row) => {
          const m = args.i32("m"), at = fn.variable(elementAt(args.i32("x"), i32.mul(row, m), size));
          const to = fn.variable(i32.load(wordAt(args.i32("places"), row)));
          fn.for(i32.const(0), m, 1, (column) => {
            fn.if(i32.and(notZero(fn, at, dtype), i32.ltU(to, args.i32("room"))), () => {
              fn.run(i32.store(wordAt(args.i32("columns"), to), column));
              copyElement(fn, fn.let(elementAt(args.i32("values"), to, size)), at, size);
              fn.set(to, i32.add(to, i32.const(1)));
            });
            fn.set(at, i32.add(at, i32.const(size)));
          });
        }),
      count: n,
      grain,
    });
  },
}];

/** 1 where an element is not zero; NaN is not, −0 is. */
function notZero(fn: FunctionBuilder, at: Value<"i32">, dtype: DType): Value<"i32"> {
  switch (dtype) {
    case "f64":
      return fn.let(f64.ne(f64.load(at), f64.const(0)));
    case "f32":
      return fn.let(f32.ne(f32.load(at), f32.const(0)));
    case "f16":
      return fn.let(i32.ne(i32.and(i32.load16U(at), i32.const(0x7fff)), i32.const(0)));
    default:
      return fn.let(i32.ne(i32.load(at), i32.const(0)));
  }
}
