import { byteSize, type HostArgument } from "../device/mod.ts";
import {
  exp,
  type FloatLanes,
  i32,
  lanes as laneBytes,
  log as logarithm,
  type V,
  v128,
  type Value,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import type { HostTarget } from "./host_kernel.ts";
import { type PreparedReduce, prepareReduce } from "./reduce_wasm.ts";
import { hoistRow, laneMask, type RowPlace, rowValue } from "./reduce_wasm_rows.ts";
import { type SoftmaxParams, sumOf } from "./softmax.ts";
import { collapse, denseStrides, sizeOf, type Value as ArrayValue } from "./value.ts";
import { storeLanes } from "./wasm_elements.ts";
import { Arguments, writeOffsets } from "./wasm_formula.ts";
import { joinLanes, lanesFor } from "./wasm_reducers.ts";

/** Elements that a thread takes at a time. */
const GRAIN = 16_384;

/** `softmax` in WebAssembly: a thread goes through a row twice, the second time from the cache. */
export const softmaxNatives: readonly NativeVariant<SoftmaxParams>[] = [{
  name: "wasm",
  when: (call) => sizeOf(call.outputs.out.shape) < 2 ** 31,
  record,
}];

/** Where the rows of the output are. */
interface Rows {
  readonly log: boolean;
  readonly out: ArrayValue;
  /** Sizes of the axes other than the row's, and elements between their neighbours. */
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Whether neighbours of a row are neighbours in memory. */
  readonly dense: boolean;
}

function record(call: HostCall<SoftmaxParams>): void {
  const { out } = call.outputs, { axis, log = false } = call.params;
  const prepared = prepareReduce(call.inputs, sumOf(call.params), out);
  const others = (list: readonly number[]) => list.filter((_, k) => k !== axis), steps = denseStrides(out.shape);
  const joint = collapse(others(out.shape), [others(steps)]);
  const rows: Rows = { log, out, shape: joint.shape, strides: joint.strides[0], dense: steps[axis] === 1 };
  const bytes = byteSize(out.dtype);
  const args: Record<string, HostArgument> = { ...prepared.args, step: { i32: steps[axis] * bytes } };
  rows.shape.forEach((n, k) => args[`yd${k}`] = { i32: n });
  rows.strides.forEach((s, k) => args[`ys${k}`] = { i32: s * bytes });
  call.launch({
    key: `${log}|${rows.dense}|${rows.shape.length}|${prepared.rowWalks}|${prepared.key}`,
    args,
    code: (target) => kernel(prepared, rows, target),
    count: prepared.outputs,
    grain: Math.max(1, Math.floor(GRAIN / Math.max(1, prepared.length))),
  });
}

function kernel(prepared: PreparedReduce, rows: Rows, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { inputs, scalar, reducer, lanes, outer, inner, unroll } = prepared, { dtype } = rows.out;
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const m = lanesFor(fn, scalar) as FloatLanes, length = args.i32("length");
    const step = unroll * lanes, whole = fn.let(i32.mul(i32.divU(length, i32.const(step)), i32.const(step)));
    fn.for(first, end, 1, (row) => {
      const at = writeOffsets(
        fn,
        row,
        outer.map((_, k) => args.i32(`kd${k}`)),
        inputs.arrays.map((_, q) => outer.map((_, k) => args.i32(`k${q}_${k}`))),
        inputs.arrays.map((_, q) => args.i32(`x${q}`)),
      );
      const [y] = writeOffsets(
        fn,
        row,
        rows.shape.map((_, k) => args.i32(`yd${k}`)),
        [rows.strides.map((_, k) => args.i32(`ys${k}`))],
        [args.i32("y")],
      );
      const place: RowPlace = {
        ...{ fn, args, at, hoist: hoistRow(fn, prepared) },
        // A row of one element has no step.
        step: (q) => inner.length > 0 ? args.i32(`r${q}_0`) : i32.const(0),
      };
      const acc = reducer.init(m).map((value) => fn.variable(value));
      fn.for(i32.const(0), whole, step, (k) => {
        reducer.step(m, acc, steps(k).map((k) => rowValue(prepared, place, k, undefined)), []);
      });
      fn.for(whole, length, lanes, (k) => {
        const own = rowValue(prepared, place, k, length);
        reducer.step(m, acc, [m.select(laneMask(fn, lanes, k, length), own, reducer.neutral(m))], []);
      });
      joinLanes(m, reducer, acc);
      const [shift, sum] = acc;
      // An infinite sum says nothing: ∞ − ∞ makes it NaN.
      const total = fn.let(m.add(sum, m.sub(sum, sum)));
      const by = fn.let(rows.log ? logarithm(m, total) : m.div(m.constant(1), total));
      const result = (value: V): V => {
        const less = fn.let(m.sub(value, shift));
        return fn.let(rows.log ? m.sub(less, by) : m.mul(exp(m, less), by));
      };
      const address = (k: Value<"i32">) => i32.add(y, i32.mul(k, args.i32("step")));
      if (rows.dense) {
        fn.for(i32.const(0), whole, step, (k) => {
          steps(k).map((k) => [k, result(rowValue(prepared, place, k, undefined))] as const)
            .forEach(([k, value]) => storeLanes(fn, scalar, dtype, fn.let(address(k)), value));
        });
      }
      const ragged = rows.dense ? whole : i32.const(0);
      fn.for(ragged, length, lanes, (k) => {
        const value = result(rowValue(prepared, place, k, length));
        for (let lane = 0; lane < lanes; lane++) {
          const own = fn.let(i32.add(k, i32.const(lane)));
          const turned = lane === 0 ? value : fn.let(v128.shuffle(value, value, from(lane)));
          fn.if(i32.ltS(own, length), () => storeLanes(fn, scalar, dtype, fn.let(address(own)), turned, "first"));
        }
      });

      /** Brings a lane to the front. */
      function from(lane: number): number[] {
        return laneBytes(lanes === 2 ? 8 : 4, ...Array.from({ length: lanes }, () => lane));
      }
      function steps(k: Value<"i32">): Value<"i32">[] {
        return Array.from({ length: unroll }, (_, u) => u === 0 ? k : fn.let(i32.add(k, i32.const(u * lanes))));
      }
    });
  }, "run");
  return module.bytes();
}
