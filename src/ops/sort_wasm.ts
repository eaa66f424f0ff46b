import { byteSize } from "../device/mod.ts";
import { f64, fillMemory, type FunctionBuilder, i32, select, type Value, type Variable } from "../formula/wasm/mod.ts";
import { itemsKernel, takeNext, wordAt } from "./csr_wasm.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { SortParams } from "./sort.ts";
import { sizeOf, type Value as ArrayValue } from "./value.ts";

/** Work items at most: each has scratch memory of its own. */
const MOST_ITEMS = 64;
/** Elements that are worth an item. */
const GRAIN = 2048;
const DIGITS = 256;

type Word = Value<"i32">;
type Scalar = "f32" | "f64" | "i32" | "u32" | "bool";

/**
 * `sort` in WebAssembly: a radix sort of each row by bytes of keys whose unsigned order is that of the elements, the lowest first; bytes that are
 * the same in all keys are passed over. Rows are dealt out to threads.
 */
export const sortNatives: readonly NativeVariant<SortParams>[] = [{
  name: "wasm",
  when: (call) => call.outputs.out.dtype !== "f16",
  record: (call) => {
    const { out, positions } = call.outputs, x = call.dense(call.inputs.x as ArrayValue);
    const n = x.shape[x.shape.length - 1], count = sizeOf(x.shape), rows = count / n;
    if (count === 0) return;
    const scalar = x.dtype as Scalar, words = scalar === "f64" ? 2 : 1, descending = call.params.descending ?? false;
    const each = Math.max(Math.ceil(rows / MOST_ITEMS), Math.ceil(GRAIN / n)), items = Math.ceil(rows / each);
    // Two arrays of records (the key's words, the position), and counts of every byte of the keys.
    const room = 2 * n * (words + 1) + 4 * words * DIGITS;
    const scratch = call.temporary({ shape: [items * room], dtype: "u32" });
    call.launch({
      key: `${scalar}|${descending}`,
      args: {
        x: addressOf(x),
        y: addressOf(out),
        positions: addressOf(positions),
        scratch: addressOf(scratch),
        n: { i32: n },
        rows: { i32: rows },
        each: { i32: each },
        room: { i32: 4 * room },
      },
      code: (target) =>
        itemsKernel(target, (fn, args, item) => {
          const n = args.i32("n"), counts = fn.let(i32.add(args.i32("scratch"), i32.mul(item, args.i32("room"))));
          const records = fn.let(i32.add(counts, i32.const(16 * words * DIGITS)));
          const bytes = fn.let(i32.mul(n, i32.const(4 * (words + 1))));
          const from = fn.variable(records), to = fn.variable(records), spare = fn.variable(records);
          const first = fn.let(i32.mul(item, args.i32("each"))), end = fn.let(i32.add(first, args.i32("each")));
          const last = fn.let(select(i32.ltS(end, args.i32("rows")), end, args.i32("rows")));
          fn.for(first, last, 1, (row) => {
            const start = fn.let(i32.mul(row, n)), source = fn.let(elementAt(args.i32("x"), start, scalar));
            fn.set(from, records);
            fn.set(to, i32.add(records, bytes));
            fn.run(fillMemory(counts, i32.const(0), i32.const(16 * words * DIGITS)));
            const record = fn.variable(records);
            fn.for(i32.const(0), n, 1, (k) => {
              const key = keyOf(fn, elementAt(source, k, scalar), scalar, descending);
              key.forEach((word, w) => {
                fn.run(i32.store(record, word, 4 * w));
                for (let d = 0; d < 4; d++) takeNext(fn, tableOf(fn, counts, 4 * w + d), byteOf(fn, word, d));
              });
              fn.run(i32.store(record, k, 4 * words));
              fn.set(record, i32.add(record, i32.const(4 * (words + 1))));
            });
            for (let d = 0; d < 4 * words; d++) {
              const table = tableOf(fn, counts, d), at = 4 * Math.floor(d / 4);
              const some = fn.let(i32.load(wordAt(table, byteOf(fn, fn.let(i32.load(from, at)), d % 4))));
              fn.if(i32.ne(some, n), () => {
                exclusiveSum(fn, table);
                const place = fn.variable(from);
                fn.for(i32.const(0), n, 1, () => {
                  const parts = Array.from({ length: words + 1 }, (_, w) => fn.let(i32.load(place, 4 * w)));
                  const rank = takeNext(fn, table, byteOf(fn, parts[at / 4], d % 4));
                  const target = fn.let(i32.add(to, i32.mul(rank, i32.const(4 * (words + 1)))));
                  parts.forEach((part, w) => fn.run(i32.store(target, part, 4 * w)));
                  fn.set(place, i32.add(place, i32.const(4 * (words + 1))));
                });
                fn.set(spare, from);
                fn.set(from, to);
                fn.set(to, spare);
              });
            }
            const sorted = fn.variable(from), place = fn.variable(wordAt(args.i32("positions"), start));
            const value = fn.variable(elementAt(args.i32("y"), start, scalar));
            fn.for(i32.const(0), n, 1, () => {
              const k = fn.let(i32.load(sorted, 4 * words)), element = fn.let(elementAt(source, k, scalar));
              fn.run(i32.store(place, k));
              if (scalar === "f64") fn.run(f64.store(value, f64.load(element)));
              else fn.run(i32.store(value, i32.load(element)));
              fn.set(sorted, i32.add(sorted, i32.const(4 * (words + 1))));
              fn.set(place, i32.add(place, i32.const(4)));
              fn.set(value, i32.add(value, i32.const(byteSize(scalar))));
            });
          });
        }),
      count: items,
      grain: 1,
    });
  },
}];

function elementAt(array: Word, k: Word, scalar: Scalar): Word {
  return i32.add(array, i32.mul(k, i32.const(byteSize(scalar))));
}

/** Counts of byte `d` of the keys. */
function tableOf(fn: FunctionBuilder, counts: Word, d: number): Word {
  return fn.let(i32.add(counts, i32.const(4 * DIGITS * d)));
}

function byteOf(fn: FunctionBuilder, word: Word, d: number): Word {
  return fn.let(i32.and(i32.shrU(word, i32.const(8 * d)), i32.const(255)));
}

/** Counts become sums of those before. */
function exclusiveSum(fn: FunctionBuilder, table: Word): void {
  const sum = fn.variable(i32.const(0)), place: Variable<"i32"> = fn.variable(table);
  fn.for(i32.const(0), i32.const(DIGITS), 1, () => {
    const own = fn.let(i32.load(place));
    fn.run(i32.store(place, sum));
    fn.set(sum, i32.add(sum, own));
    fn.set(place, i32.add(place, i32.const(4)));
  });
}

/** The key of the element at an address, as words from the lowest; NaN has the largest one. */
function keyOf(fn: FunctionBuilder, address: Word, scalar: Scalar, descending: boolean): Word[] {
  const place = fn.let(address), sign = i32.const(-(2 ** 31)), ones = i32.const(-1);
  const turned = (word: Word) => descending ? i32.xor(word, ones) : word;
  if (scalar === "u32" || scalar === "bool") return [fn.let(turned(i32.load(place)))];
  if (scalar === "i32") return [fn.let(turned(i32.xor(i32.load(place), sign)))];
  const low = fn.let(scalar === "f64" ? i32.load(place) : i32.const(0));
  const high = fn.let(i32.load(place, scalar === "f64" ? 4 : 0));
  const magnitude = fn.let(i32.and(high, i32.const(0x7fffffff)));
  const infinity = i32.const(scalar === "f64" ? 0x7ff00000 : 0x7f800000);
  const nan = fn.let(
    i32.or(i32.gtU(magnitude, infinity), i32.and(i32.eq(magnitude, infinity), i32.ne(low, i32.const(0)))),
  );
  const negative = fn.let(
    i32.and(i32.ltS(high, i32.const(0)), i32.ne(i32.or(magnitude, low), i32.const(0))),
  );
  const word = (bits: Word, positive: Word) =>
    fn.let(select(nan, ones, turned(fn.let(select(negative, i32.xor(bits, ones), positive)))));
  const top = word(high, i32.or(high, sign));
  return scalar === "f64" ? [word(low, low), top] : [top];
}
