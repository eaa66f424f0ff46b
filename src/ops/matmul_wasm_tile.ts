import { byteSize } from "../device/mod.ts";
import type { Scalar } from "../formula/mod.ts";
import {
  callStatement,
  type FunctionBuilder,
  type FunctionReference,
  i32,
  lanes as laneBytes,
  select,
  v128,
  type Value,
  type Variable,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostTarget } from "./host_kernel.ts";
import { Arguments, writeOffsets } from "./wasm_formula.ts";
import { multiplyLanes } from "./wasm_lanes.ts";

/** Rows of a register tile. With its two vectors of columns it leaves registers for those vectors and one number of `a`. */
export const ROWS = 6;
/** Inner indices that are summed before a tile goes back to memory: a panel of `b` stays in the first-level cache. */
const DEPTH = 512;
/** Inner indices in one turn of the innermost loop. */
const UNROLL = 4;

/** Columns of a register tile: two vectors. */
export function columnsOf(scalar: Scalar): number {
  return 32 / byteSize(scalar);
}

/** What the code of a product depends on. */
export interface TileText {
  /** Type of the sums, and of both factors as they are read. */
  readonly scalar: Scalar;
  /** Whether `a` is packed in panels of {@linkcode ROWS} rows; else its rows are read where they are. */
  readonly packedA: boolean;
  /** Whether `b` is packed in panels of {@linkcode columnsOf} columns; else its columns are neighbours in memory. */
  readonly packedB: boolean;
  /** Number of leading axes. */
  readonly rank: number;
}

type Micro = FunctionReference<readonly ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], undefined>;

/**
 * One work item is a block of `block_m` × `block_n` elements of one product. Its register tiles run through the inner indices
 * {@linkcode DEPTH} at a time.
 *
 * Sizes are in elements, steps in bytes: `a_outer` from a row of `a` to the next (of packed panels: a {@linkcode ROWS}th of a panel),
 * `a_inner` from an inner index to the next; `b_outer` and `b_inner` likewise for columns of `b`.
 */
export function productKernel(text: TileText, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { scalar, rank } = text, size = byteSize(scalar), columns = columnsOf(scalar);
  const module = new WasmModule({ shared: target.shared });
  const counts = Array.from({ length: ROWS }, (_, r) => r + 1);
  const whole = counts.map((rows) => microKernel(module, text, rows, false));
  const edge = counts.map((rows) => microKernel(module, text, rows, true));
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target);
    const [m, n, k] = [args.i32("m"), args.i32("n"), args.i32("k")], row = fn.let(i32.mul(n, i32.const(size)));
    const down = args.i32("down"), across = args.i32("across"), a = args.i32("a_outer"), b = args.i32("b_outer");
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    fn.for(first, last, 1, (item) => {
      const column = fn.let(i32.remU(item, across)), rest = fn.let(i32.divU(item, across));
      const block = fn.let(i32.remU(rest, down)), matrix = fn.let(i32.divU(rest, down));
      const [startA, startB] = writeOffsets(
        fn,
        matrix,
        axes.map((axis) => args.i32(`d${axis}`)),
        ["a", "b"].map((q) => axes.map((axis) => args.i32(`${q}${axis}`))),
        [args.i32("a"), args.i32("b")],
      );
      const startC = fn.let(i32.add(args.i32("y"), i32.mul(i32.mul(matrix, m), row)));
      const i0 = fn.let(i32.mul(block, args.i32("block_m"))), i1 = fn.let(least(fn, i0, args.i32("block_m"), m));
      const j0 = fn.let(i32.mul(column, args.i32("block_n"))), j1 = fn.let(least(fn, j0, args.i32("block_n"), n));
      // Without inner indices the sums are still stored: zeros.
      fn.for(i32.const(0), select(k, k, i32.const(1)), DEPTH, (q) => {
        const depth = fn.let(least(fn, i32.const(0), i32.const(DEPTH), i32.sub(k, q)));
        const panelA = fn.let(i32.add(startA, i32.mul(q, args.i32("a_inner"))));
        const panelB = fn.let(i32.add(startB, i32.mul(q, args.i32("b_inner"))));
        fn.for(j0, j1, columns, (j) => {
          const right = fn.let(i32.add(panelB, i32.mul(j, b))), left = fn.let(i32.sub(j1, j));
          const c = fn.let(i32.add(startC, i32.mul(j, i32.const(size))));
          const tile = (kernels: readonly Micro[]) =>
            fn.for(i0, i1, ROWS, (i) => {
              const run = (kernel: Micro) => () =>
                fn.run(callStatement(
                  kernel,
                  i32.add(panelA, i32.mul(i, a)),
                  right,
                  i32.add(c, i32.mul(i, row)),
                  depth,
                  a,
                  args.i32("b_inner"),
                  row,
                  q,
                  left,
                ));
              fn.switch(i32.sub(i32.sub(i1, i), i32.const(1)), kernels.map(run));
            });
          fn.if(i32.geS(left, i32.const(columns)), () => tile(whole), () => tile(edge));
        });
      });
    });
  }, "run");
  return module.bytes();
}

/** The smaller one of `start + length` and `end`. */
function least(fn: FunctionBuilder, start: Value<"i32">, length: Value<"i32">, end: Value<"i32">): Value<"i32"> {
  const stop = fn.variable(i32.add(start, length)), bound = fn.let(end);
  fn.if(i32.gtS(stop, bound), () => fn.set(stop, bound));
  return stop;
}

/**
 * Adds the products of `depth` inner indices to a tile of `rows` rows, or stores them if they are the first (`before` is 0). At an
 * edge only `left` columns are stored; what is computed for the others is of numbers that happen to be there.
 */
function microKernel(module: WasmModule, text: TileText, rows: number, edge: boolean): Micro {
  const { scalar, packedA, packedB } = text, size = byteSize(scalar), columns = columnsOf(scalar);
  const parameters = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"] as const;
  return module.function(parameters, undefined, (fn) => {
    const [a, b, c, depth, stepA, stepB, stepC, before, left] = fn.params, m = multiplyLanes(fn, scalar);
    const splat = size === 8 ? v128.load64Splat : v128.load32Splat;
    const row = Array.from({ length: rows }, (_, r) => r);
    // Rows that are not packed need an address each.
    const from: Variable<"i32">[] = [a];
    if (!packedA) { for (const r of row.slice(1)) from.push(fn.variable(i32.add(from[r - 1], stepA))); }
    const sums = row.map(() => [fn.local("v128"), fn.local("v128")]);
    const turn = (count: number) => {
      for (let q = 0; q < count; q++) {
        const vectors = [0, 16].map((byte) => fn.let(v128.load(b, byte + (packedB ? q * columns * size : 0))));
        for (const r of row) {
          const number = fn.let(packedA ? splat(a, (q * ROWS + r) * size) : splat(from[r], q * size));
          sums[r].forEach((sum, v) => fn.set(sum, m.madd(number, vectors[v], sum)));
        }
        if (!packedB) fn.set(b, i32.add(b, stepB));
      }
      if (packedB) fn.set(b, i32.add(b, i32.const(count * columns * size)));
      for (const at of from) fn.set(at, i32.add(at, i32.const(count * size * (packedA ? ROWS : 1))));
    };
    const whole = fn.let(i32.and(depth, i32.const(-UNROLL)));
    fn.for(i32.const(0), whole, UNROLL, () => turn(UNROLL));
    fn.for(whole, depth, 1, () => turn(1));
    const to = fn.variable(c);
    fn.if(before, () => {
      for (const r of row) {
        sums[r].forEach((sum, v) => fn.set(sum, m.add(sum, v128.load(to, 16 * v))));
        if (r < rows - 1) fn.set(to, i32.add(to, stepC));
      }
      fn.set(to, c);
    });
    for (const r of row) {
      if (edge) storeSome(fn, to, sums[r], left, size);
      else sums[r].forEach((sum, v) => fn.run(v128.store(to, sum, 16 * v)));
      if (r < rows - 1) fn.set(to, i32.add(to, stepC));
    }
  });
}

/** Stores the first `count` numbers of two vectors. */
function storeSome(
  fn: FunctionBuilder,
  address: Value<"i32">,
  [low, high]: readonly Variable<"v128">[],
  count: Value<"i32">,
  size: number,
): void {
  const to = fn.variable(address), lanes = 16 / size;
  fn.if(i32.and(count, i32.const(lanes)), () => {
    fn.run(v128.store(to, low));
    fn.set(low, high);
    fn.set(to, i32.add(to, i32.const(16)));
  });
  if (size === 4) {
    fn.if(i32.and(count, i32.const(2)), () => {
      fn.run(v128.store64Lane(to, low, 0));
      fn.set(low, v128.shuffle(low, low, laneBytes(4, 2, 3, 2, 3)));
      fn.set(to, i32.add(to, i32.const(8)));
    });
  }
  const store = size === 8 ? v128.store64Lane : v128.store32Lane;
  fn.if(i32.and(count, i32.const(1)), () => fn.run(store(to, low, 0)));
}
