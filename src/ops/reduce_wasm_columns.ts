import { byteSize } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import { i32, i32x4, select, type V, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { HostTarget } from "./host_kernel.ts";
import type { PreparedReduce } from "./reduce_wasm.ts";
import { convertLanes, gatherLanes, loadLanes, loadSplat } from "./wasm_elements.ts";
import { Arguments, writeFormulas, writeOffsets } from "./wasm_formula.ts";
import { lanesFor, positionsFrom } from "./wasm_reducers.ts";

/** Columns of one work item: their accumulators stay in the first-level cache. */
export const COLUMNS = 512;
/** Reduced elements of each column in one work item. */
export const BLOCK_ROWS = 256;

/**
 * Reduces across the last kept axis, along which memory is contiguous: an item takes some columns through some rows, with one
 * accumulator per column in memory.
 */
export function columnsKernel(prepared: PreparedReduce, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { plan, inputs, scalar, reducer, lanes, outer, inner, columnWalks, unroll } = prepared;
  const last = outer.length - 1, arrays = inputs.arrays.map((a) => a.value), size = 16 / lanes;
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = lanesFor(fn, scalar);
    const row = args.i32("row"), padded = args.i32("padded"), groups = args.i32("groups"), chunks = args.i32("chunks");

    fn.for(first, end, 1, (item) => {
      // Items are numbered by block of rows, then group, then chunk of columns.
      const place = fn.let(i32.divU(item, chunks)), chunk = i32.sub(item, i32.mul(place, chunks));
      const block = fn.let(i32.divU(place, groups)), group = fn.let(i32.sub(place, i32.mul(block, groups)));
      const from = fn.let(i32.mul(chunk, i32.const(COLUMNS))), to = least(i32.add(from, i32.const(COLUMNS)), row);
      const start = writeOffsets(
        fn,
        group,
        outer.slice(0, last).map((_, k) => args.i32(`kd${k}`)),
        arrays.map((_, q) => outer.slice(0, last).map((_, k) => args.i32(`k${q}_${k}`))),
        arrays.map((_, q) => args.i32(`x${q}`)),
      );
      const init = reducer.init(m);
      const fields = init.map((_, f) =>
        fn.let(i32.add(args.i32(`part${f}`), i32.mul(i32.mul(place, padded), i32.const(size))))
      );
      const field = (f: number, column: Value<"i32">) => i32.add(fields[f], i32.mul(column, i32.const(size)));
      fn.for(from, to, lanes, (column) => init.forEach((value, f) => fn.run(v128.store(field(f, column), value))));

      const top = fn.let(i32.mul(block, i32.const(BLOCK_ROWS)));
      const bottom = least(i32.add(top, i32.const(BLOCK_ROWS)), args.i32("length"));
      const rows = i32.sub(bottom, top);
      const whole = fn.let(i32.add(top, i32.mul(i32.divU(rows, i32.const(unroll)), i32.const(unroll))));
      fn.for(top, whole, unroll, (r) => sweep(r, unroll));
      if (unroll > 1) fn.for(whole, bottom, 1, (r) => sweep(r, 1));

      /** Takes in the columns of some rows. */
      function sweep(r: Value<"i32">, count: number): void {
        const numbers = Array.from({ length: count }, (_, u) => u === 0 ? r : fn.let(i32.add(r, i32.const(u))));
        const sizes = inner.map((_, k) => args.i32(`rd${k}`));
        const strides = arrays.map((_, q) => inner.map((_, k) => args.i32(`r${q}_${k}`)));
        const at = numbers.map((number) => writeOffsets(fn, number, sizes, strides, start));
        fn.for(from, to, lanes, (column) => {
          const acc = init.map((_, f) => fn.variable(v128.load(field(f, column))));
          const values = at.map((offsets) => value(column, offsets));
          const positions = reducer.positions ? numbers.map((number) => samePosition(number)) : [];
          reducer.step(m, acc, values, positions);
          acc.forEach((value, f) => fn.run(v128.store(field(f, column), value)));
        });
      }
    });

    function value(column: Value<"i32">, at: readonly Value<"i32">[]): V {
      const element = (q: number, wanted: Scalar): V => {
        const { dtype } = arrays[q];
        if (columnWalks[q] === "one") return loadSplat(fn, wanted, dtype, at[q]);
        if (columnWalks[q] === "next") {
          return loadLanes(fn, wanted, dtype, i32.add(at[q], i32.mul(column, i32.const(byteSize(dtype)))));
        }
        const gather = gatherLanes(fn, dtype);
        for (let lane = 0; lane < lanes; lane++) {
          const own = least(i32.add(column, i32.const(lane)), i32.sub(row, i32.const(1)));
          gather.set(lane, i32.add(at[q], i32.mul(own, args.i32(`k${q}_${last}`))));
        }
        return gather.value(wanted);
      };
      const [formula] = writeFormulas(fn, [plan], inputs, args, element);
      if (formula.boolean && scalar === "i32" && plan.scalar !== "i32") {
        return fn.let(v128.and(formula.value(), i32x4.const(1)));
      }
      return convertLanes(fn, plan.scalar, scalar, formula.number());
    }

    /** One position in all lanes. */
    function samePosition(number: Value<"i32">): V {
      const next = positionsFrom(fn, scalar, number);
      return fn.let(v128.shuffle(next, next, Array.from({ length: 16 }, (_, k) => k % size)));
    }

    function least(a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
      const [x, y] = [fn.let(a), fn.let(b)];
      return fn.let(select(i32.ltS(x, y), x, y));
    }
  }, "run");
  return module.bytes();
}
