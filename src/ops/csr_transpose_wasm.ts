import { i32 } from "../formula/wasm/mod.ts";
import type { CsrTransposeParams } from "./csr_transpose.ts";
import { clear, itemsKernel, leastWord, runningSum, takeNext, wordAt } from "./csr_wasm.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { Value } from "./value.ts";

/** `csrTranspose` in WebAssembly, on one thread: entries are counted by column and dealt out in their order. */
export const csrTransposeNatives: readonly NativeVariant<CsrTransposeParams>[] = [{
  name: "wasm",
  record: (call) => {
    const [from, which] = ["starts", "columns"].map((name) => call.dense(call.inputs[name] as Value));
    const { starts, columns, order } = call.outputs, m = call.params.columns, room = columns.shape[0];
    const next = call.temporary({ shape: [m + 1], dtype: "u32" });
    clear(call, next, 4 * (m + 1));
    clear(call, columns, 4 * room);
    call.launch({
      key: "",
      args: {
        from: addressOf(from),
        which: addressOf(which),
        next: addressOf(next),
        starts: addressOf(starts),
        columns: addressOf(columns),
        order: addressOf(order),
        rows: { i32: from.shape[0] - 1 },
        m: { i32: m },
        room: { i32: room },
      },
      code: (target) =>
        itemsKernel(target, (fn, args) => {
          const rows = args.i32("rows"), room = args.i32("room"), m = args.i32("m"), next = args.i32("next");
          const place = (row: typeof rows) => leastWord(fn, i32.load(wordAt(args.i32("from"), row)), room);
          const column = (k: typeof rows) => fn.let(i32.load(wordAt(args.i32("which"), k)));
          // next[j + 1] counts column j, then holds where its next entry goes after next[j] did for the column before.
          fn.for(place(i32.const(0)), place(rows), 1, (k) => {
            const j = column(k);
            fn.if(i32.ltU(j, m), () => void takeNext(fn, next, fn.let(i32.add(j, i32.const(1)))));
          });
          const entries = runningSum(fn, next, m);
          fn.for(i32.const(-1), m, 1, (k) => {
            const j = fn.let(i32.add(k, i32.const(1)));
            fn.run(i32.store(wordAt(args.i32("starts"), j), i32.load(wordAt(next, j))));
          });
          fn.for(i32.const(0), rows, 1, (row) => {
            fn.for(place(row), place(fn.let(i32.add(row, i32.const(1)))), 1, (k) => {
              const j = column(k);
              fn.if(i32.ltU(j, m), () => {
                const to = takeNext(fn, next, j);
                fn.run(i32.store(wordAt(args.i32("columns"), to), row));
                fn.run(i32.store(wordAt(args.i32("order"), to), k));
              });
            });
          });
          fn.for(entries, room, 1, (k) => fn.run(i32.store(wordAt(args.i32("order"), k), k)));
        }),
      count: 1,
      grain: 1,
    });
  },
}];
