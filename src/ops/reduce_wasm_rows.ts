import { byteSize } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import {
  type FunctionBuilder,
  i32,
  i32x4,
  i64,
  i64x2,
  type Section,
  select,
  type V,
  v128,
  type Value,
  type Variable,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostTarget } from "./host_kernel.ts";
import type { PreparedReduce } from "./reduce_wasm.ts";
import { convertLanes, gatherLanes, loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import { Arguments, writeFormulas, writeOffsets } from "./wasm_formula.ts";
import { countLanes, joinLanes, lanesFor, positionsFrom, positionType } from "./wasm_reducers.ts";

/** Elements that are reduced to one partial result. */
export const BLOCK = 4096;
/** Elements of a sum that are added one after the other; sums of so many are then added. A multiple of every step. */
const RUN = 256;

/** Reduces along the last reduced axis; an item is a part of an output. */
export function rowsKernel(prepared: PreparedReduce, partial: boolean, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { inputs, scalar, reducer, lanes, outer, inner, unroll, dtype } = prepared;
  const last = inner.length - 1, arrays = inputs.arrays.map((a) => a.value);
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = lanesFor(fn, scalar);
    const row = args.i32("row"), parts = args.i32("parts"), pieces = args.i32("pieces");

    fn.for(first, end, 1, (item) => {
      const output = fn.let(i32.divU(item, parts)), part = fn.let(i32.sub(item, i32.mul(output, parts)));
      const start = writeOffsets(
        fn,
        output,
        outer.map((_, k) => args.i32(`kd${k}`)),
        arrays.map((_, q) => outer.map((_, k) => args.i32(`k${q}_${k}`))),
        arrays.map((_, q) => args.i32(`x${q}`)),
      );
      const acc = reducer.init(m).map((value) => fn.variable(value));
      const group = fn.let(i32.divU(part, pieces)), piece = i32.sub(part, i32.mul(group, pieces));
      const from = fn.let(i32.mul(piece, i32.const(BLOCK))), to = fn.let(least(i32.add(from, i32.const(BLOCK)), row));
      if (last <= 0) walk(from, to, start, i32.const(0));
      else {
        const segment = fn.let(i32.mul(group, args.i32("each")));
        fn.for(segment, least(i32.add(segment, args.i32("each")), args.i32("segments")), 1, (s) => {
          const sizes = inner.slice(0, last).map((_, k) => args.i32(`rd${k}`));
          const strides = arrays.map((_, q) => inner.slice(0, last).map((_, k) => args.i32(`r${q}_${k}`)));
          walk(from, to, writeOffsets(fn, s, sizes, strides, start), fn.let(i32.mul(s, row)));
        });
      }
      joinLanes(m, reducer, acc);
      if (partial) {
        acc.forEach((field, f) => {
          const address = i32.add(args.i32(`part${f}`), i32.mul(item, i32.const(16 / lanes)));
          fn.run(lanes === 2 ? v128.store64Lane(address, field, 0) : v128.store32Lane(address, field, 0));
        });
        return;
      }
      const result = reducer.finish(m, acc, () => countLanes(fn, scalar, args.i32("length")));
      const address = fn.let(i32.add(args.i32("y"), i32.mul(item, i32.const(byteSize(dtype)))));
      storeLanes(fn, reducer.positions ? positionType(scalar) : scalar, dtype, address, result, "first");

      /** Takes in the elements `from` … `to − 1` of a row whose arrays begin at `at`; the first of the row has the position `before`. */
      function walk(from: Value<"i32">, to: Value<"i32">, at: readonly Value<"i32">[], before: Value<"i32">): void {
        const hoist = hoistRow(fn, prepared);
        const step = unroll * lanes;
        const whole = fn.let(i32.add(from, i32.mul(i32.divU(i32.sub(to, from), i32.const(step)), i32.const(step))));
        const value = (k: Value<"i32">, clamp: boolean): V =>
          rowValue(
            prepared,
            { fn, args, hoist, at, step: (q) => args.i32(`r${q}_${last}`) },
            k,
            clamp ? to : undefined,
          );
        const positions = (k: Value<"i32">): V[] =>
          reducer.positions ? [positionsFrom(fn, scalar, i32.add(before, k))] : [];
        const sweep = (from: Value<"i32">, to: Value<"i32">, acc: readonly Variable<"v128">[]): void =>
          fn.for(from, to, step, (k) => {
            const ks = Array.from({ length: unroll }, (_, u) => u === 0 ? k : fn.let(i32.add(k, i32.const(u * lanes))));
            reducer.step(m, acc, ks.map((k) => value(k, false)), ks.flatMap(positions));
          });
        if (!reducer.widens) sweep(from, whole, acc);
        else {
          fn.for(from, whole, RUN, (k) => {
            const run = reducer.init(m).map((value) => fn.variable(value));
            sweep(k, fn.let(least(i32.add(k, i32.const(RUN)), whole)), run);
            reducer.merge(m, acc, run);
          });
        }
        fn.for(whole, to, lanes, (k) => {
          const own = value(k, true), mask = laneMask(fn, lanes, k, to);
          reducer.step(m, acc, [m.select(mask, own, reducer.neutral(m))], positions(k));
        });
      }
    });

    function least(a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
      return smaller(fn, a, b);
    }
  }, "run");
  return module.bytes();
}

/** The smaller of two numbers. */
export function smaller(fn: FunctionBuilder, a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
  const [x, y] = [fn.let(a), fn.let(b)];
  return select(i32.ltS(x, y), x, y);
}

/** Where a row is: the byte offsets of its arrays, and the bytes between its elements. */
export interface RowPlace {
  readonly fn: FunctionBuilder;
  readonly args: Arguments;
  readonly hoist: { readonly section: Section; readonly leaves: ReadonlySet<string> };
  readonly at: readonly Value<"i32">[];
  readonly step: (array: number) => Value<"i32">;
}

/** What depends on a row alone is computed where the function stands now. */
export function hoistRow(fn: FunctionBuilder, { inputs, rowWalks }: PreparedReduce): RowPlace["hoist"] {
  const fixed = inputs.arrays.filter((_, q) => rowWalks[q] === "one").map((a) => a.name);
  return { section: fn.section(), leaves: new Set([...inputs.numbers, ...fixed]) };
}

/** The formula's values of the row's elements from `k` on; elements from `end` on repeat the last one before it. */
export function rowValue(
  { plan, inputs, scalar, lanes, rowWalks }: PreparedReduce,
  { fn, args, hoist, at, step }: RowPlace,
  k: Value<"i32">,
  end: Value<"i32"> | undefined,
): V {
  const element = (q: number, wanted: Scalar): V => {
    const { dtype } = inputs.arrays[q].value;
    if (rowWalks[q] === "one") return loadSplat(fn, wanted, dtype, at[q]);
    if (rowWalks[q] === "next") {
      return loadLanes(fn, wanted, dtype, i32.add(at[q], i32.mul(k, i32.const(byteSize(dtype)))));
    }
    const gather = gatherLanes(fn, dtype);
    for (let lane = 0; lane < lanes; lane++) {
      const own = lane === 0 ? k : i32.add(k, i32.const(lane));
      const index = end && lane > 0 ? smaller(fn, own, i32.sub(end, i32.const(1))) : own;
      gather.set(lane, i32.add(at[q], i32.mul(index, step(q))));
    }
    return gather.value(wanted);
  };
  const [formula] = writeFormulas(fn, [plan], inputs, args, element, hoist);
  if (formula.boolean && scalar === "i32" && plan.scalar !== "i32") {
    return fn.let(v128.and(formula.value(), i32x4.const(1)));
  }
  return convertLanes(fn, plan.scalar, scalar, formula.number());
}

/** A mask of the lanes whose elements, from `k` on, are before `end`. */
export function laneMask(fn: FunctionBuilder, lanes: number, k: Value<"i32">, end: Value<"i32">): V {
  const left = i32.sub(end, k);
  return fn.let(
    lanes === 2
      ? i64x2.ltS(i64x2.const(0n, 1n), i64x2.splat(i64.extendS(left)))
      : i32x4.ltS(i32x4.const(0, 1, 2, 3), i32x4.splat(left)),
  );
}
