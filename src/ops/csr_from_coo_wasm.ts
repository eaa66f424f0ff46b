import { byteSize } from "../device/mod.ts";
import { f32, f64, type FunctionBuilder, i32, type Value, type Variable } from "../formula/wasm/mod.ts";
import type { CsrFromCooParams } from "./csr_from_coo.ts";
import { clear, itemsKernel, runningSum, takeNext, wordAt } from "./csr_wasm.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { Value as ArrayValue } from "./value.ts";

type Scalar = "f32" | "f64" | "i32" | "u32";

/** Columns more than so many times the triplets are left to the reference: a table of them all would take longer. */
const SPARSEST = 64;

/**
 * `csrFromCoo` in WebAssembly, on one thread. Triplets are sorted by counting, by column and then stably by row; those of one place
 * follow each other and add up in order.
 */
export const csrFromCooNatives: readonly NativeVariant<CsrFromCooParams>[] = [{
  name: "wasm",
  when: (call) => {
    const { slots, values } = call.outputs, [e] = slots.shape;
    return call.params.shape[1] <= SPARSEST * (e + 1024) && values.dtype !== "f16";
  },
  record: (call) => {
    const [rows, columns, values] = ["rows", "columns", "values"].map((name) =>
      call.dense(call.inputs[name] as ArrayValue)
    );
    const { outputs, params: { shape: [n, m] } } = call, [e] = outputs.slots.shape, room = outputs.columns.shape[0];
    const scalar = values.dtype as Scalar;
    const words = (count: number): ArrayValue => call.temporary({ shape: [Math.max(1, count)], dtype: "u32" });
    const byColumn = words(m + 1), byRow = words(n + 1), first = words(2 * e), second = words(2 * e);
    for (
      const [array, bytes] of [
        [byColumn, 4 * (m + 1)],
        [byRow, 4 * (n + 1)],
        [outputs.starts, 4 * (n + 1)],
        [outputs.columns, 4 * room],
        [outputs.values, byteSize(scalar) * room],
      ] as const
    ) clear(call, array, bytes);
    call.launch({
      key: scalar,
      args: {
        rows: addressOf(rows),
        columns: addressOf(columns),
        values: addressOf(values),
        by_column: addressOf(byColumn),
        by_row: addressOf(byRow),
        first: addressOf(first),
        second: addressOf(second),
        starts: addressOf(outputs.starts),
        to_columns: addressOf(outputs.columns),
        to_values: addressOf(outputs.values),
        slots: addressOf(outputs.slots),
        n: { i32: n },
        m: { i32: m },
        e: { i32: e },
        room: { i32: room },
      },
      code: (target) =>
        itemsKernel(target, (fn, args) => {
          const word = (array: string, k: Value<"i32">) => fn.let(i32.load(wordAt(args.i32(array), k)));
          const after = (k: Value<"i32">) => fn.let(i32.add(k, i32.const(1)));
          const n = args.i32("n"), m = args.i32("m"), e = args.i32("e");
          // Of a negative index the word is larger than any size.
          const inside = (
            k: Value<"i32">,
            then: (row: Value<"i32">, column: Value<"i32">) => void,
            other = () => {},
          ) => {
            const row = word("rows", k), column = word("columns", k);
            fn.if(i32.and(i32.ltU(row, n), i32.ltU(column, m)), () => then(row, column), other);
          };
          fn.for(i32.const(0), e, 1, (k) =>
            inside(k, (row, column) => {
              takeNext(fn, args.i32("by_column"), after(column));
              takeNext(fn, args.i32("by_row"), after(row));
            }, () => fn.run(i32.store(wordAt(args.i32("slots"), k), args.i32("room")))));
          const count = runningSum(fn, args.i32("by_column"), m);
          runningSum(fn, args.i32("by_row"), n);
          // A record is the triplet's number and its other index: what is met in order need not be looked up all over memory.
          const put = (records: string, to: Value<"i32">, k: Value<"i32">, other: Value<"i32">): void => {
            const place = fn.let(recordAt(args.i32(records), to));
            fn.run(i32.store(place, k));
            fn.run(i32.store(place, other, 4));
          };
          // Counters that have been used up hold the ends of their columns or rows.
          const follow = (index: Variable<"i32">, ends: string, q: Value<"i32">): void =>
            fn.block((done) =>
              fn.loop((again) => {
                fn.br(done, i32.ltU(q, i32.load(wordAt(args.i32(ends), index))));
                fn.set(index, i32.add(index, i32.const(1)));
                fn.br(again);
              })
            );
          fn.for(i32.const(0), e, 1, (k) =>
            inside(k, (row, column) =>
              put("first", takeNext(fn, args.i32("by_column"), column), k, row)));
          const columnNow = fn.variable(i32.const(0)), rowNow = fn.variable(i32.const(0));
          fn.for(i32.const(0), count, 1, (q) => {
            follow(columnNow, "by_column", q);
            const place = fn.let(recordAt(args.i32("first"), q)), k = fn.let(i32.load(place));
            put("second", takeNext(fn, args.i32("by_row"), fn.let(i32.load(place, 4))), k, columnNow);
          });
          const entry = fn.variable(i32.const(-1));
          const last = fn.variable(i32.const(-1)), beside = fn.variable(i32.const(-1));
          fn.for(i32.const(0), count, 1, (q) => {
            follow(rowNow, "by_row", q);
            const place = fn.let(recordAt(args.i32("second"), q));
            const k = fn.let(i32.load(place)), column = fn.let(i32.load(place, 4));
            fn.if(i32.or(i32.ne(rowNow, last), i32.ne(column, beside)), () => {
              fn.set(last, rowNow);
              fn.set(beside, column);
              fn.set(entry, i32.add(entry, i32.const(1)));
              fn.run(i32.store(wordAt(args.i32("to_columns"), entry), column));
              takeNext(fn, args.i32("starts"), after(rowNow));
            });
            addElement(fn, scalar, args.i32("to_values"), entry, args.i32("values"), k);
            fn.run(i32.store(wordAt(args.i32("slots"), k), entry));
          });
          runningSum(fn, args.i32("starts"), n);
        }),
      count: 1,
      grain: 1,
    });
  },
}];

/** The address of record `k`, two words. */
function recordAt(records: Value<"i32">, k: Value<"i32">): Value<"i32"> {
  return i32.add(records, i32.shl(k, i32.const(3)));
}

/** Adds element `k` of one array to element `to` of another. */
function addElement(
  fn: FunctionBuilder,
  scalar: Scalar,
  sums: Value<"i32">,
  to: Value<"i32">,
  values: Value<"i32">,
  k: Value<"i32">,
): void {
  const at = (array: Value<"i32">, k: Value<"i32">) => fn.let(i32.add(array, i32.mul(k, i32.const(byteSize(scalar)))));
  const sum = at(sums, to), value = at(values, k);
  if (scalar === "f32") fn.run(f32.store(sum, f32.add(f32.load(sum), f32.load(value))));
  else if (scalar === "f64") fn.run(f64.store(sum, f64.add(f64.load(sum), f64.load(value))));
  else fn.run(i32.store(sum, i32.add(i32.load(sum), i32.load(value))));
}
