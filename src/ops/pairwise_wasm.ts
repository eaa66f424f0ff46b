import type { HostArgument } from "../device/mod.ts";
import { size } from "../formula/mod.ts";
import {
  floatLanes,
  type FunctionBuilder,
  i32,
  i32x4,
  i64,
  i64x2,
  select,
  type V,
  v128,
  type Value,
  type Variable,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { bytesOfVector, type WasmPairs, wasmPairs } from "./pairwise_wasm_inputs.ts";
import { innerVector, outerRow, writePairs } from "./pairwise_wasm_tile.ts";
import { joinParts } from "./reduce_wasm_join.ts";
import type { Reduction } from "./reducers.ts";
import { Arguments } from "./wasm_formula.ts";
import { fieldCount, positionsFrom, WASM_REDUCERS, type WasmReducer } from "./wasm_reducers.ts";

/** Operations that a thread does at a time, roughly. */
const GRAIN = 500_000;
/** Rows i of a work item: they meet a block of rows j while it is in the cache. */
const BLOCK_ROWS = 32;
/** Bytes of such a block, and its most vectors: so many numbers are added before sums of sums are. */
const BLOCK_BYTES = 1 << 18, BLOCK_VECTORS = 512;
/** Work items that are worth having: few rows i are cut into parts over j. */
const ITEMS = 16;

/** `pairwise` in WebAssembly, where each pair gives a number: tiles of a few rows i and vectors of rows j in registers. */
export const pairwiseWasm: NativeVariant<PairwiseParams> = {
  name: "wasm",
  when: (call) => call.params.reduction !== "softmax" && call.outputs.out.shape.length === 1,
  record: (call) => {
    const { reduction } = call.params as { reduction: Reduction };
    const pairs = wasmPairs(call, call.params), { n, m, dtype } = pairs.layout;
    const reducer = WASM_REDUCERS[reduction], tile = tileOf(pairs);
    const vectors = Math.ceil(m / pairs.lanes), blocks = Math.ceil(n / BLOCK_ROWS);
    const block = blockVectors(pairs, tile.vectors);
    const wanted = Math.min(Math.ceil(ITEMS / blocks), Math.ceil(vectors / 64));
    const chunk = Math.max(1, Math.ceil(vectors / Math.max(1, wanted))),
      parts = Math.max(1, Math.ceil(vectors / chunk));
    const partials = Object.fromEntries(
      Array.from({ length: fieldCount(reducer) }, (_, f): [string, HostArgument] => [
        `part${f}`,
        addressOf(call.temporary({ shape: [n * parts * pairs.lanes], dtype: pairs.scalar })),
      ]),
    );
    const items = blocks * parts;
    call.launch({
      key: `${reduction}|${tile.rows},${tile.vectors}|${pairs.key}`,
      args: {
        ...pairs.args,
        ...partials,
        n: { i32: n },
        m: { i32: m },
        vectors: { i32: vectors },
        chunk: { i32: chunk },
        parts: { i32: parts },
        block: { i32: block },
      },
      code: (target) => reduceKernel(pairs, reducer, tile, target),
      count: items,
      grain: Math.max(1, Math.floor(GRAIN / (pairs.work * Math.min(n, BLOCK_ROWS) * chunk))),
    });
    joinParts(
      call,
      {
        reduction,
        reducer,
        scalar: pairs.scalar,
        outputs: n,
        dtype,
        args: { y: addressOf(call.outputs.out), length: { i32: m } },
      },
      partials,
      {
        parts: parts * pairs.lanes,
        row: 1,
        padded: 1,
        step: 1,
        scale: parts * pairs.lanes,
        vector: false,
      },
    );
  },
};

/** Rows i and vectors of rows j in a tile. */
export interface TileSize {
  readonly rows: number;
  readonly vectors: number;
}

/** Operations of a pair beyond which fewer of them are written out. */
const LARGE = 120;

/** A tile whose sums over long vectors fit into sixteen registers; smaller for large formulas, whose code would be long. */
export function tileOf({ layout, exprs }: WasmPairs): TileSize {
  const nodes = exprs.reduce((sum, e) => sum + size(e), 0);
  const rows = nodes > 4 * LARGE ? 1 : nodes > LARGE ? 2 : 4;
  return { rows: layout.n >= rows ? rows : 1, vectors: nodes > 4 * LARGE ? 1 : 2 };
}

/** Vectors of rows j in a block that stays in the cache, a multiple of those of a tile. */
export function blockVectors(pairs: WasmPairs, vectors: number): number {
  const most = Math.min(BLOCK_VECTORS, Math.floor(BLOCK_BYTES / Math.max(1, bytesOfVector(pairs))));
  return Math.max(16, most - most % vectors);
}

/** A mask of the lanes that hold rows below `m`, if the first holds row `j`. */
export function lanesBelow(lanes: number, j: Value<"i32">, m: Value<"i32">): V {
  const left = i32.sub(m, j);
  return lanes === 2
    ? i64x2.ltS(i64x2.const(0n, 1n), i64x2.splat(i64.extendS(left)))
    : i32x4.ltS(i32x4.const(0, 1, 2, 3), i32x4.splat(left));
}

/** The smaller one. */
export function least(fn: FunctionBuilder, a: Value<"i32">, b: Value<"i32">): Value<"i32"> {
  const [x, y] = [fn.let(a), fn.let(b)];
  return fn.let(select(i32.ltS(x, y), x, y));
}

/** An item is a block of rows i and a part of the rows j; accumulators are kept in memory, a vector of lanes for each row and part. */
function reduceKernel(
  pairs: WasmPairs,
  reducer: WasmReducer,
  tile: TileSize,
  target: HostTarget,
): Uint8Array<ArrayBuffer> {
  const { scalar, lanes } = pairs, module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = floatLanes(fn, scalar);
    const n = args.i32("n"), parts = args.i32("parts");

    fn.for(first, end, 1, (item) => {
      const block = fn.let(i32.divU(item, parts)), part = fn.let(i32.sub(item, i32.mul(block, parts)));
      const from = fn.let(i32.mul(block, i32.const(BLOCK_ROWS)));
      const to = least(fn, i32.add(from, i32.const(BLOCK_ROWS)), n);
      const begin = fn.let(i32.mul(part, args.i32("chunk")));
      const stop = least(fn, i32.add(begin, args.i32("chunk")), args.i32("vectors"));
      const at = fn.variable(begin);
      fn.loop((again) => {
        const last = least(fn, i32.add(at, args.i32("block")), stop);
        fn.for(from, to, tile.rows, (row) => {
          // The last tile is moved back into the rows, and computes some of them once more for nothing.
          const i = least(fn, row, i32.sub(n, i32.const(tile.rows)));
          const places = Array.from(
            { length: tile.rows },
            (_, r) => fn.let(i32.shl(i32.add(i32.mul(i32.add(i, i32.const(r)), parts), part), i32.const(4))),
          );
          const acc = places.map(() => reducer.init(m).map((value) => fn.variable(value)));
          const stored = (place: Value<"i32">, f: number) => i32.add(args.i32(`part${f}`), place);
          const begun = i32.ne(at, begin);
          const load = (place: Value<"i32">) => reducer.init(m).map((_, f) => fn.let(v128.load(stored(place, f))));
          if (!reducer.widens) {
            fn.if(begun, () => acc.forEach((a, r) => load(places[r]).forEach((value, f) => fn.set(a[f], value))));
          }
          sweep(i, fn.let(at), last, acc);
          // Sums over a block by themselves, then to the sum of blocks: less is lost.
          if (reducer.widens) fn.if(begun, () => acc.forEach((a, r) => reducer.merge(m, a, load(places[r]))));
          acc.forEach((a, r) =>
            fn.if(
              i32.geS(i32.add(i, i32.const(r)), row),
              () => a.forEach((value, f) => fn.run(v128.store(stored(places[r], f), value))),
            )
          );
        });
        fn.set(at, last);
        fn.br(again, i32.ltS(at, stop));
      });
    });

    /** Takes in the pairs of a few rows i with the vectors from `at` on. */
    function sweep(i: Value<"i32">, at: Value<"i32">, last: Value<"i32">, acc: Variable<"v128">[][]): void {
      const x = outerRow(fn, pairs, args, i), hoist = fn.section();
      const full = least(fn, i32.divS(args.i32("m"), i32.const(lanes)), last);
      const span = i32.sub(full, at), whole = fn.let(i32.sub(full, i32.remS(span, i32.const(tile.vectors))));
      const pair = (k: Value<"i32">, vectors: number, mask?: V): void => {
        const y = innerVector(fn, pairs, args, k);
        const [values] = writePairs(fn, pairs, args, { x, y, rows: tile.rows, vectors, hoist });
        const positions = reducer.positions
          ? Array.from(
            { length: vectors },
            (_, v) => positionsFrom(fn, scalar, i32.mul(i32.add(k, i32.const(v)), i32.const(lanes))),
          )
          : [];
        acc.forEach((a, r) => {
          const own = values[r].map((formula) => {
            const value = formula.number();
            return mask === undefined ? value : m.select(mask, value, reducer.neutral(m));
          });
          reducer.step(m, a, own, positions);
        });
      };
      fn.for(at, whole, tile.vectors, (k) => pair(k, tile.vectors));
      fn.for(whole, last, 1, (k) => pair(k, 1, fn.let(lanesBelow(lanes, i32.mul(k, i32.const(lanes)), args.i32("m")))));
    }
  }, "run");
  return module.bytes();
}
