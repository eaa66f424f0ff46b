import { byteSize, type DType, type HostArgument } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import { i32, select, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import type { Factor } from "./matmul_factor.ts";
import { denseStrides, sizeOf } from "./value.ts";
import { laneCount, loadLanes } from "./wasm_elements.ts";
import { Arguments, writeOffsets } from "./wasm_formula.ts";

/** Elements that a thread packs at a time. */
const GRAIN = 16_384;

/** Where the matrices of a factor are, and how they are read. Steps are in bytes. */
export interface Placed {
  /** The first matrix. */
  readonly address: HostArgument;
  /** Steps along the leading axes. */
  readonly batchSteps: readonly number[];
  /** From an outer index to the next; in packed panels what is the mean of it. */
  readonly outerStep: number;
  /** From an inner index to the next. */
  readonly innerStep: number;
}

/** Whether neighbours along an axis of so many elements are neighbours in memory. */
export function contiguous(stride: number, extent: number): boolean {
  return stride === 1 || extent === 1;
}

/** A factor read where it is. */
export function inPlace({ value, outerStride, innerStride, batchStrides }: Factor): Placed {
  const size = byteSize(value.dtype);
  return {
    address: addressOf(value),
    batchSteps: batchStrides.map((s) => s * size),
    outerStep: outerStride * size,
    innerStep: innerStride * size,
  };
}

/**
 * Copies a factor into panels of `group` outer indices: all inner indices of the first group, each with its outer indices side by
 * side, then those of the next. Numbers become those of the sums. One of the axes must be contiguous.
 */
export function packPanels(
  call: HostCall<MatmulParams>,
  { name, value, outer, outerStride, innerStride, batchStrides }: Factor,
  { group, scalar, k, batch }: { group: number; scalar: Scalar; k: number; batch: readonly number[] },
): Placed {
  const own = batch.map((size, axis) => batchStrides[axis] === 0 ? 1 : size);
  const size = byteSize(scalar), from = byteSize(value.dtype), lanes = laneCount(scalar);
  // Whole vectors along the inner axis: the last one may be longer than what is left.
  const depth = Math.ceil(k / lanes) * lanes, panels = Math.ceil(outer / group), dense = denseStrides(own);
  const memory = call.temporary({ shape: [sizeOf(own) * panels * group * depth], dtype: scalar });
  const along = contiguous(innerStride, k) ? "inner" : "outer";
  const args: Record<string, HostArgument> = {
    x: addressOf(value),
    y: addressOf(memory),
    k: { i32: k },
    depth: { i32: depth },
    outer: { i32: outer },
    panels: { i32: panels },
    outer_step: { i32: outerStride * from },
    inner_step: { i32: innerStride * from },
  };
  own.forEach((extent, axis) => {
    args[`d${axis}`] = { i32: extent };
    args[`s${axis}`] = { i32: batchStrides[axis] * from };
  });
  call.launch({
    key: `pack|${name}|${along}|${value.dtype}|${scalar}|${group}|${own.length}`,
    args,
    code: (target) => packKernel({ along, dtype: value.dtype, scalar, group, rank: own.length }, target),
    count: sizeOf(own) * panels,
    grain: Math.max(1, Math.floor(GRAIN / (group * depth))),
  });
  return {
    address: addressOf(memory),
    batchSteps: own.map((extent, axis) => extent === 1 ? 0 : dense[axis] * panels * group * depth * size),
    outerStep: depth * size,
    innerStep: group * size,
  };
}

/** One work item is a panel. */
function packKernel(
  { along, dtype, scalar, group, rank }: {
    along: "inner" | "outer";
    dtype: DType;
    scalar: Scalar;
    group: number;
    rank: number;
  },
  target: HostTarget,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared });
  const size = byteSize(scalar), lanes = laneCount(scalar);
  const storeLane = size === 8 ? v128.store64Lane : v128.store32Lane;
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target), k = args.i32("k");
    fn.for(first, last, 1, (item) => {
      const matrix = fn.let(i32.divU(item, args.i32("panels"))), panel = fn.let(i32.remU(item, args.i32("panels")));
      const axes = Array.from({ length: rank }, (_, axis) => axis);
      const [start] = writeOffsets(
        fn,
        matrix,
        axes.map((axis) => args.i32(`d${axis}`)),
        [axes.map((axis) => args.i32(`s${axis}`))],
        [args.i32("x")],
      );
      const outer = fn.let(i32.mul(panel, i32.const(group)));
      const to = fn.let(i32.add(args.i32("y"), i32.mul(i32.mul(item, args.i32("depth")), i32.const(group * size))));
      if (along === "inner") {
        // The last outer index stands in for those after it: it is at hand.
        const rows = Array.from({ length: group }, (_, r) => {
          const at = fn.let(i32.add(outer, i32.const(r))), end = fn.let(i32.sub(args.i32("outer"), i32.const(1)));
          return fn.let(i32.add(start, i32.mul(least(at, end), args.i32("outer_step"))));
        });
        fn.for(i32.const(0), k, lanes, (q) => {
          const offset = fn.let(i32.mul(q, i32.const(byteSize(dtype))));
          const place = fn.let(i32.add(to, i32.mul(q, i32.const(group * size))));
          rows.forEach((row, r) => {
            const four = loadLanes(fn, scalar, dtype, i32.add(row, offset));
            for (let lane = 0; lane < lanes; lane++) {
              fn.run(storeLane(place, four, lane, (lane * group + r) * size));
            }
          });
        });
      } else {
        const from = fn.variable(i32.add(start, i32.mul(outer, i32.const(byteSize(dtype))))), place = fn.variable(to);
        fn.for(i32.const(0), k, 1, () => {
          for (let r = 0; r < group; r += lanes) {
            const some = loadLanes(fn, scalar, dtype, i32.add(from, i32.const(r * byteSize(dtype))));
            if (r + lanes <= group) fn.run(v128.store(place, some, r * size));
            else fn.run(v128.store64Lane(place, some, 0, r * size));
          }
          fn.set(from, i32.add(from, args.i32("inner_step")));
          fn.set(place, i32.add(place, i32.const(group * size)));
        });
      }
    });
  }, "run");
  return module.bytes();
}

function least(a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
  return select(i32.ltS(a, b), a, b);
}
