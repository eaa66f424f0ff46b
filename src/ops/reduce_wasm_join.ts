import { byteSize, type DType, type HostArgument } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import { i32, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import type { HostTarget } from "./host_kernel.ts";
import type { Reduction } from "./reducers.ts";
import { laneCount, loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import { Arguments } from "./wasm_formula.ts";
import { countLanes, fieldCount, lanesFor, positionType, type WasmReducer } from "./wasm_reducers.ts";

/** Accumulators that are joined to the outputs of a reduction. */
export interface Joined {
  readonly reduction: Reduction;
  readonly reducer: WasmReducer;
  /** Type of the accumulators. */
  readonly scalar: Scalar;
  /** Number of outputs. */
  readonly outputs: number;
  readonly dtype: DType;
  /** `y` is the address of the outputs, `length` the number of values that each reduces. */
  readonly args: Readonly<Record<string, HostArgument>>;
}

/** Where the partial results of an output are: part p of output k is element p·step + scale·(⌊k/row⌋·padded + k mod row). */
export interface PartLayout {
  readonly parts: number;
  readonly row: number;
  readonly padded: number;
  readonly step: number;
  readonly scale: number;
  /** Whether neighbouring outputs are joined in one vector. */
  readonly vector: boolean;
}

/** Joins the accumulators `part0…` (addresses) of each output. */
export function joinParts(
  call: Pick<HostCall<unknown>, "launch">,
  { reduction, reducer, scalar, outputs, dtype, args }: Joined,
  partials: Readonly<Record<string, HostArgument>>,
  { parts, row, padded, step, scale, vector }: PartLayout,
): void {
  const wide: Scalar = reducer.widens && scalar === "f32" ? "f64" : scalar, lanes = vector ? laneCount(wide) : 1;
  call.launch({
    key: `join|${reduction}|${scalar}|${dtype}|${vector}`,
    args: {
      ...partials,
      y: args.y,
      length: args.length,
      parts: { i32: parts },
      row: { i32: row },
      padded: { i32: padded },
      step: { i32: step },
      scale: { i32: scale * lanes },
    },
    code: (target) => joinKernel({ reducer, scalar, wide, dtype, vector }, target),
    count: Math.ceil(outputs / lanes),
    grain: Math.max(1, Math.floor(8192 / parts)),
  });
}

/** What is joined. */
interface Join {
  readonly reducer: WasmReducer;
  /** Type of the partial results. */
  readonly scalar: Scalar;
  /** Type in which they are joined. */
  readonly wide: Scalar;
  /** Type of the output. */
  readonly dtype: DType;
  /** Whether an item is a vector of neighbouring outputs, or one output. */
  readonly vector: boolean;
}

/** Joins the partial results of each output in order. */
function joinKernel({ reducer, scalar, wide, dtype, vector }: Join, target: HostTarget): Uint8Array<ArrayBuffer> {
  const size = 16 / laneCount(scalar), fields = fieldCount(reducer);
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
