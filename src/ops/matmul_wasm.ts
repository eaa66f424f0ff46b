import { byteSize, type HostArgument } from "../device/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import type { Factor } from "./matmul_factor.ts";
import { nativeProduct, sumsOf } from "./matmul_native.ts";
import { matmulLayout } from "./matmul_layout.ts";
import { columnsOf, productKernel, ROWS } from "./matmul_wasm_tile.ts";
import { contiguous, inPlace, packPanels } from "./matmul_wasm_pack.ts";
import { typesOf } from "./types_of.ts";
import { collapse } from "./value.ts";

/** Bytes between addresses that have the same place in the first-level cache. */
const PAGE = 4096;
/** Rows and columns of a block, and the operations that make it worth being one: some 100 µs. */
const BLOCK = { rows: 8 * ROWS, columns: 256, flops: 5e6 };
/** Blocks that a product should have, so that every thread is busy to the end. */
const BLOCKS = 64;
/** Operations that a thread takes at a time, if a block has fewer. */
const GRAIN = 1e6;

/** A product in WebAssembly; the name says which factors are copied into panels, in the order in which they are used. */
function variant(name: string, packedA: boolean, packedB: boolean): NativeVariant<MatmulParams> {
  return {
    name,
    when: (call) => {
      const { layout, a, b } = nativeProduct(call);
      return (packedA || direct(a, layout.sum, contiguous(a.innerStride, layout.k))) &&
        (packedB || direct(b, layout.sum, contiguous(b.outerStride, b.outer)));
    },
    rank: (call) => {
      const { layout: { m }, b } = nativeProduct(call);
      // Rows of b a whole number of pages apart have only a few places in the cache: then a copy pays, if it is read often.
      const apart = b.innerStride * byteSize(b.value.dtype) % PAGE === 0 && m > BLOCK.rows;
      return Number(!packedA) + Number(packedB === apart);
    },
    record: (call) => record(call, packedA, packedB),
  };
}

/** Ways to multiply on the CPU device. */
export const matmulWasm: readonly NativeVariant<MatmulParams>[] = [
  variant("packed", true, true),
  variant("packedRight", false, true),
  variant("packedLeft", true, false),
  variant("direct", false, false),
];

/** Whether a factor can be read where it is. Booleans are numbers of the same bits as those of their sums. */
function direct({ value }: Factor, sum: string, contiguous: boolean): boolean {
  return contiguous && (value.dtype === "bool" ? "i32" : value.dtype) === sum;
}

function record(call: HostCall<MatmulParams>, packedA: boolean, packedB: boolean): void {
  const sums = sumsOf(call, matmulLayout(typesOf(call.inputs), call.params));
  const { layout, batches, ...factors } = nativeProduct(readable(call)), { m, n, k, sum } = layout;
  const columns = columnsOf(sum);
  const place = (factor: Factor, packed: boolean, group: number) =>
    packed ? packPanels(call, factor, { group, scalar: sum, k, batch: layout.batch }) : inPlace(factor);
  const a = place(factors.a, packedA, ROWS), b = place(factors.b, packedB, columns);
  const joint = collapse(layout.batch, [a.batchSteps, b.batchSteps]), block = blockOf(m, n, k, batches, columns);
  const down = Math.ceil(m / block.rows), across = Math.ceil(n / block.columns);
  const args: Record<string, HostArgument> = {
    a: a.address,
    b: b.address,
    y: addressOf(sums.value),
    m: { i32: m },
    n: { i32: n },
    k: { i32: k },
    down: { i32: down },
    across: { i32: across },
    block_m: { i32: block.rows },
    block_n: { i32: block.columns },
    a_outer: { i32: a.outerStep },
    a_inner: { i32: a.innerStep },
    b_outer: { i32: b.outerStep },
    b_inner: { i32: b.innerStep },
  };
  joint.shape.forEach((extent, axis) => {
    args[`d${axis}`] = { i32: extent };
    args[`a${axis}`] = { i32: joint.strides[0][axis] };
    args[`b${axis}`] = { i32: joint.strides[1][axis] };
  });
  const text = { scalar: sum, packedA, packedB, rank: joint.shape.length };
  call.launch({
    key: Object.values(text).join(),
    args,
    code: (target) => productKernel(text, target),
    count: batches * down * across,
    grain: Math.max(1, Math.floor(GRAIN / (2 * Math.min(m, block.rows) * Math.min(n, block.columns) * k))),
  });
  sums.finish();
}

/** The call with dense copies of factors whose neighbours lie apart along both axes. */
function readable(call: HostCall<MatmulParams>): HostCall<MatmulParams> {
  const { layout: { k }, ...factors } = nativeProduct(call);
  const ready = ({ value, outer, outerStride, innerStride }: Factor) =>
    contiguous(innerStride, k) || contiguous(outerStride, outer) ? value : call.dense(value);
  return { ...call, inputs: { ...call.inputs, a: ready(factors.a), b: ready(factors.b) } };
}

/** Rows and columns of a block: fewer where there would be too few blocks of enough work. */
function blockOf(m: number, n: number, k: number, batches: number, columns: number): { rows: number; columns: number } {
  const block = {
    rows: Math.min(Math.ceil(m / ROWS) * ROWS, BLOCK.rows),
    columns: Math.min(Math.ceil(n / columns) * columns, BLOCK.columns),
  };
  const few = () => batches * Math.ceil(m / block.rows) * Math.ceil(n / block.columns) < BLOCKS;
  const long = () => 2 * block.rows * block.columns * k > BLOCK.flops;
  while (block.columns > 4 * columns && few() && long()) block.columns = halved(block.columns, columns);
  while (block.rows > ROWS && few() && long()) block.rows = halved(block.rows, ROWS);
  return block;
}

/** Half of a number of groups, in whole groups. */
function halved(extent: number, group: number): number {
  return Math.ceil(extent / 2 / group) * group;
}
