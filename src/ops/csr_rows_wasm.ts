import { i32 } from "../formula/wasm/mod.ts";
import type { CsrRowsParams } from "./csr_rows.ts";
import { itemsKernel, leastWord, wordAt } from "./csr_wasm.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { Value } from "./value.ts";

/** Rows that a thread takes at a time. */
const GRAIN = 2048;

/** `csrRows` in WebAssembly: every row writes its number to its entries; what is before the first and after the last has row n. */
export const csrRowsNatives: readonly NativeVariant<CsrRowsParams>[] = [{
  name: "wasm",
  record: (call) => {
    const starts = call.dense(call.inputs.starts as Value), rows = starts.shape[0] - 1;
    call.launch({
      key: "",
      args: {
        starts: addressOf(starts),
        y: addressOf(call.outputs.out),
        rows: { i32: rows },
        room: { i32: call.params.room },
      },
      code: (target) =>
        itemsKernel(target, (fn, args, item) => {
          // Item −1 is what is before the first row, item n what is after the last.
          const rows = args.i32("rows"), room = args.i32("room"), row = fn.let(i32.sub(item, i32.const(1)));
          const isRow = i32.ltU(row, rows), from = fn.variable(i32.const(0)), to = fn.variable(room);
          const start = (k: typeof row) => leastWord(fn, i32.load(wordAt(args.i32("starts"), k)), room);
          fn.if(i32.geS(row, i32.const(0)), () => fn.set(from, start(row)));
          fn.if(i32.ltS(row, rows), () => fn.set(to, start(fn.let(i32.add(row, i32.const(1))))));
          const number = fn.variable(rows);
          fn.if(isRow, () => fn.set(number, row));
          fn.for(from, to, 1, (k) => fn.run(i32.store(wordAt(args.i32("y"), k), number)));
        }),
      count: rows + 2,
      grain: GRAIN,
    });
  },
}];
