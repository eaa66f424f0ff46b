import { byteSize, type DType } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import { i32, WasmModule } from "../formula/wasm/mod.ts";
import type { HostTarget } from "./host_kernel.ts";
import { laneCount, loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import { Arguments } from "./wasm_formula.ts";
import { countLanes, lanesFor, positionType, type WasmReducer } from "./wasm_reducers.ts";

/** What is joined. */
export interface Join {
  readonly reducer: WasmReducer;
  /** Type of the partial results. */
  readonly scalar: Scalar;
  /** Type in which they are joined. */
  readonly wide: Scalar;
  /** Type of the output. */
  readonly dtype: DType;
  /** Whether an item is a vector of neighbouring outputs, or one output. */
  readonly vector: boolean;
  /** Fields of an accumulator. */
  readonly fields: number;
}

/** Joins the partial results of each output in order. */
export function joinKernel(join: Join, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { reducer, scalar, wide, dtype, vector, fields } = join, size = 16 / laneCount(scalar);
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = lanesFor(fn, wide);
    fn.for(first, end, 1, (item) => {
      const row = args.i32("row"), group = fn.let(i32.divU(item, row));
      const place = i32.add(i32.mul(group, args.i32("padded")), i32.sub(item, i32.mul(group, row)));
      const offset = fn.variable(i32.mul(i32.mul(place, args.i32("scale")), i32.const(size)));
      const acc = reducer.init(m).map((value) => fn.variable(value));
      fn.for(i32.const(0), args.i32("parts"), 1, () => {
        const other = Array.from({ length: fields }, (_, f) => {
          const type = f > 0 && reducer.positions ? positionType(scalar) : scalar;
          const load = vector ? loadLanes : loadSplat;
          return load(fn, type === scalar ? wide : type, type, i32.add(args.i32(`part${f}`), offset));
        });
        reducer.merge(m, acc, other);
        fn.set(offset, i32.add(offset, i32.mul(args.i32("step"), i32.const(size))));
      });
      const result = reducer.finish(m, acc, () => countLanes(fn, wide, args.i32("length")));
      const outputs = vector ? laneCount(wide) : 1;
      const address = fn.let(i32.add(args.i32("y"), i32.mul(item, i32.const(outputs * byteSize(dtype)))));
      storeLanes(
        fn,
        reducer.positions ? positionType(scalar) : wide,
        dtype,
        address,
        result,
        vector ? undefined : "first",
      );
    });
  }, "run");
  return module.bytes();
}
