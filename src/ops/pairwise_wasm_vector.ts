import type { HostArgument } from "../device/mod.ts";
import { type Expr, name as nameOf, splitScalars } from "../formula/mod.ts";
import { fillMemory, floatLanes, flushedExp, i32, type V, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { lanesBelow, least, tileOf } from "./pairwise_wasm.ts";
import { freshNames, type WasmPairs, wasmPairs } from "./pairwise_wasm_inputs.ts";
import { innerVector, outerRow, tileLeaves, writePairs } from "./pairwise_wasm_tile.ts";
import { joinVectors } from "./pairwise_wasm_vector_join.ts";
import { Arguments } from "./wasm_formula.ts";
import { joinLanes, WASM_REDUCERS } from "./wasm_reducers.ts";

/** Operations that a thread does at a time, roughly. */
const GRAIN = 500_000;
/** Rows i of a work item, which meet a tile of rows j while it is in the cache, and vectors of rows j in that tile. */
const BLOCK_ROWS = 32, TILE_VECTORS = 32;
/** Components that are summed at a time. */
const COMPONENTS = 2;
/** Work items that are worth having: few rows i are cut into parts over j. */
const ITEMS = 16;

/** The largest finite numbers. */
const LARGEST = { f32: 3.4028234663852886e38, f64: Number.MAX_VALUE };

/** How the kernel computes a call: numbers of a pair first, for a tile; then the components that they are needed for. */
interface VectorPlan {
  readonly pairs: WasmPairs;
  readonly softmax: boolean;
  /** The formula of a component, in which `names` stand for the numbers of the pair. */
  readonly term: Expr;
  readonly names: readonly string[];
  /** Number of components; a scalar has one. */
  readonly length: number;
  readonly rows: number;
}

/**
 * `pairwise` in WebAssembly, where each pair gives a vector, or a value with a weight: the numbers of a tile of pairs, weights among
 * them, are computed as by `wasm` and kept in memory; then every component is summed over the tile. Weights of `softmax` have a
 * common shift for each row, so that what has been summed can be rescaled.
 */
export const pairwiseWasmVector: NativeVariant<PairwiseParams> = {
  name: "wasm vectors",
  when: (call) => call.params.reduction === "softmax" || call.outputs.out.shape.length === 2,
  record: (call) => {
    const plan = planVectors(call), { pairs, softmax, length, names, rows } = plan, { n, m } = pairs.layout;
    const { scalar, lanes } = pairs, vectors = Math.ceil(m / lanes), blocks = Math.ceil(n / BLOCK_ROWS);
    const wanted = Math.min(Math.ceil(ITEMS / blocks), Math.ceil(vectors / (2 * TILE_VECTORS)));
    const chunk = Math.max(1, Math.ceil(vectors / Math.max(1, wanted))),
      parts = Math.max(1, Math.ceil(vectors / chunk));
    const scratch = (vectors: number): HostArgument =>
      addressOf(call.temporary({ shape: [vectors * lanes], dtype: scalar }));
    const direct = parts === 1 && !softmax, out = addressOf(call.outputs.out);
    const single = (count: number) => addressOf(call.temporary({ shape: [count], dtype: scalar }));
    const partials: Record<string, HostArgument> = {
      total: direct ? out : single(parts * n * length),
      ...(softmax ? { shift: single(parts * n), weight: single(parts * n) } : {}),
    };
    const work = pairs.work + 2 * length;
    call.launch({
      key: `${softmax}|${rows}|${pairs.key}`,
      args: {
        ...pairs.args,
        ...partials,
        sums: scratch(blocks * BLOCK_ROWS * parts * length),
        tile: scratch(Math.max(1, blocks * parts * names.length * rows * TILE_VECTORS)),
        state: scratch(blocks * BLOCK_ROWS * parts * 2),
        n: { i32: n },
        m: { i32: m },
        vectors: { i32: vectors },
        chunk: { i32: chunk },
        parts: { i32: parts },
      },
      code: (target) => vectorKernel(plan, target),
      count: blocks * parts,
      grain: Math.max(1, Math.floor(GRAIN / (work * Math.min(n, BLOCK_ROWS) * chunk))),
    });
    if (!direct) joinVectors(call, { scalar, softmax, n, length, parts, out }, partials);
  },
};

function planVectors(call: Parameters<typeof pairwiseWasmVector.record>[0]): VectorPlan {
  const softmax = call.params.reduction === "softmax", fresh = freshNames("scalar", call.inputs);
  let term: Expr | undefined, names: string[] = [];
  const pairs = wasmPairs(call, call.params, ({ expr, value, signature, outLength }) => {
    const weight = fresh(0), summed = value ?? expr;
    if (outLength === undefined) {
      // A scalar beside the weight.
      names = [weight, fresh(1)];
      term = { kind: "call", fn: "mul", args: names.map(nameOf) };
      return [expr, summed];
    }
    const split = splitScalars(summed, signature, (k) => fresh(softmax ? k + 1 : k));
    names = [...(softmax ? [weight] : []), ...split.scalars.map((s) => s.name)];
    term = softmax ? { kind: "call", fn: "mul", args: [nameOf(weight), split.term] } : split.term;
    return [...(softmax ? [expr] : []), ...split.scalars.map((s) => s.expr)];
  });
  return { pairs, softmax, term: term!, names, length: pairs.layout.outLength ?? 1, rows: tileOf(pairs).rows };
}

/** Bytes of the two vectors that are kept of a row of `softmax`: the shift of its weights in all lanes, and the weights' sum. */
const STATE = 32;

function vectorKernel(plan: VectorPlan, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { pairs, softmax, term, names, length, rows } = plan, { scalar, lanes } = pairs;
  const module = new WasmModule({ shared: target.shared }), isVector = pairs.layout.outLength !== undefined;
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = floatLanes(fn, scalar);
    const n = args.i32("n"), parts = args.i32("parts"), zero = m.constant(0);
    const step = (address: Value<"i32">, count: Value<"i32">, bytes: number) =>
      i32.add(address, i32.mul(count, i32.const(bytes)));

    fn.for(first, end, 1, (item) => {
      const block = fn.let(i32.divU(item, parts)), part = fn.let(i32.sub(item, i32.mul(block, parts)));
      const from = fn.let(i32.mul(block, i32.const(BLOCK_ROWS)));
      const to = least(fn, i32.add(from, i32.const(BLOCK_ROWS)), n);
      const sums = fn.let(step(args.i32("sums"), item, 16 * BLOCK_ROWS * length));
      const state = fn.let(step(args.i32("state"), item, STATE * BLOCK_ROWS));
      const tile = fn.let(step(args.i32("tile"), item, 16 * names.length * rows * TILE_VECTORS));
      fn.run(fillMemory(sums, i32.const(0), i32.const(16 * BLOCK_ROWS * length)));
      fn.for(i32.const(0), i32.const(softmax ? BLOCK_ROWS : 0), 1, (k) => {
        const kept = fn.let(step(state, k, STATE));
        fn.run(v128.store(kept, m.constant(-LARGEST[scalar])));
        fn.run(v128.store(kept, zero, 16));
      });
      const at = fn.variable(i32.mul(part, args.i32("chunk")));
      const stop = least(fn, i32.add(at, args.i32("chunk")), args.i32("vectors"));
      fn.loop((again) => {
        const start = fn.let(at), last = least(fn, i32.add(at, i32.const(TILE_VECTORS)), stop);
        fn.for(from, to, rows, (row) => {
          // The last tile is moved back into the rows, and computes some of them once more for nothing.
          const i = least(fn, row, i32.sub(n, i32.const(rows))), x = outerRow(fn, pairs, args, i);
          const own = fn.let(i32.sub(i, from)), isNew = (r: number) => i32.geS(i32.add(i, i32.const(r)), row);
          numbersOfTile(x, start, last, tile);
          for (let r = 0; r < (softmax ? rows : 0); r++) {
            fn.if(isNew(r), () => {
              const line = fn.let(i32.add(own, i32.const(r)));
              const place = fn.let(i32.add(tile, i32.const(16 * r * TILE_VECTORS)));
              weigh(place, i32.sub(last, start), fn.let(step(state, line, STATE)), step(sums, line, 16 * length));
            });
          }
          addComponents(x, start, last, tile, fn.let(step(sums, own, 16 * length)), isNew);
        });
        fn.set(at, last);
        fn.br(again, i32.ltS(at, stop));
      });
      finish(from, to, part, sums, state);
    });

    /** The numbers of pairs, by number, row and vector. */
    function numbersOfTile(x: Value<"i32">[], start: Value<"i32">, last: Value<"i32">, tile: Value<"i32">): void {
      if (names.length === 0) return;
      const hoist = fn.section(), vectors = tileOf(pairs).vectors;
      const write = (k: Value<"i32">, vectors: number, mask?: V): void => {
        const y = innerVector(fn, pairs, args, k), to = fn.let(step(tile, i32.sub(k, start), 16));
        writePairs(fn, pairs, args, { x, y, rows, vectors, hoist }).forEach((grid, f) =>
          grid.forEach((line, r) =>
            line.forEach((formula, v) => {
              const value = formula.number(), weight = softmax && f === 0;
              const held = mask && weight ? m.select(mask, value, m.constant(-Infinity)) : value;
              fn.run(v128.store(to, held, 16 * ((f * rows + r) * TILE_VECTORS + v)));
            })
          )
        );
      };
      // What is left has the last vector, which may have lanes without a row.
      const full = least(fn, i32.divS(args.i32("m"), i32.const(lanes)), last);
      const whole = fn.let(i32.sub(full, i32.remS(i32.sub(full, start), i32.const(vectors))));
      fn.for(start, whole, vectors, (k) => write(k, vectors));
      fn.for(
        whole,
        last,
        1,
        (k) => write(k, 1, fn.let(lanesBelow(lanes, i32.mul(k, i32.const(lanes)), args.i32("m")))),
      );
    }

    /** Scores of a row become weights; if one is above the shift so far, all that has been summed is rescaled. */
    function weigh(place: Value<"i32">, count: Value<"i32">, kept: Value<"i32">, sum: Value<"i32">): void {
      const each = (from: Value<"i32">, count: Value<"i32">, use: (address: Value<"i32">, value: V) => void) =>
        fn.for(i32.const(0), count, 1, (k) => {
          const address = fn.let(step(from, k, 16));
          use(address, fn.let(v128.load(address)));
        });
      const shift = fn.variable(v128.load(kept)), total = fn.variable(v128.load(kept, 16));
      const vectors = fn.let(count), top = fn.variable(shift);
      each(place, vectors, (_, score) => fn.set(top, m.pmax(top, score)));
      fn.set(top, m.pmin(top, m.constant(LARGEST[scalar])));
      joinLanes(m, WASM_REDUCERS.max, [top]);
      fn.if(m.any(m.gt(top, shift)), () => {
        const factor = flushedExp(m, m.sub(shift, top));
        fn.set(shift, top);
        fn.set(total, m.mul(total, factor));
        each(fn.let(sum), i32.const(length), (address, value) => fn.run(v128.store(address, m.mul(value, factor))));
      });
      each(place, vectors, (address, score) => {
        const weight = flushedExp(m, m.sub(score, shift));
        fn.run(v128.store(address, weight));
        fn.set(total, m.add(total, weight));
      });
      fn.run(v128.store(kept, shift));
      fn.run(v128.store(kept, total, 16));
    }

    /** Adds the components of a tile's pairs to those of its rows, a few at a time. */
    function addComponents(
      x: Value<"i32">[],
      start: Value<"i32">,
      last: Value<"i32">,
      tile: Value<"i32">,
      sums: Value<"i32">,
      isNew: (r: number) => Value<"i32">,
    ): void {
      const y = innerVector(fn, pairs, args, start);
      const full = least(fn, i32.divS(args.i32("m"), i32.const(lanes)), last);
      const some = (count: number, k: Value<"i32">): void => {
        const movingX = pairs.outer.map((_, q) => fn.let(step(x[q], k, 16 / lanes)));
        const sum = fn.let(step(sums, k, 16));
        const totals = Array.from(
          { length: rows },
          (_, r) => Array.from({ length: count }, (_, c) => fn.variable(v128.load(sum, 16 * (r * length + c)))),
        );
        const add = (v: Value<"i32">, mask?: V): void => {
          const vector = fn.let(i32.sub(v, start));
          const here = pairs.inner.map(({ length = 1 }, q) => fn.let(step(y[q], vector, 16 * length)));
          const moving = { x: movingX, y: here.map((address) => fn.let(step(address, k, 16))) };
          const numbers = fn.let(step(tile, vector, 16));
          const leaves = tileLeaves(
            fn,
            pairs,
            args,
            { x, y: here, rows, vectors: 1 },
            (id, r) => v128.load(numbers, 16 * (names.indexOf(id) * rows + r) * TILE_VECTORS),
          );
          const emit = leaves.emitter(undefined, moving);
          totals.forEach((line, r) => {
            const formula = emit(leaves.rename(term, r, 0));
            line.forEach((total, c) => {
              const component = isVector ? c : undefined;
              fn.set(
                total,
                mask === undefined
                  ? formula.addTo(total, component)
                  : m.add(total, m.select(mask, formula.number(component), zero)),
              );
            });
          });
        };
        fn.for(start, full, 1, (v) => add(v));
        fn.for(full, last, 1, (v) => add(v, fn.let(lanesBelow(lanes, i32.mul(v, i32.const(lanes)), args.i32("m")))));
        totals.forEach((line, r) =>
          fn.if(isNew(r), () => line.forEach((t, c) => fn.run(v128.store(sum, t, 16 * (r * length + c)))))
        );
      };
      const whole = length - length % COMPONENTS;
      fn.for(i32.const(0), i32.const(whole), COMPONENTS, (k) => some(COMPONENTS, k));
      if (whole < length) some(length - whole, fn.let(i32.const(whole)));
    }

    /** Sums over the lanes, for each row and component of this part. */
    function finish(
      from: Value<"i32">,
      to: Value<"i32">,
      part: Value<"i32">,
      sums: Value<"i32">,
      state: Value<"i32">,
    ): void {
      const size = 16 / lanes, line = fn.let(i32.add(i32.mul(part, n), from));
      const store = (address: Value<"i32">, value: V) =>
        fn.run(lanes === 2 ? v128.store64Lane(address, value, 0) : v128.store32Lane(address, value, 0));
      const total = (value: V): V => {
        const sum = fn.variable(value);
        joinLanes(m, WASM_REDUCERS.sum, [sum]);
        return sum;
      };
      const count = fn.let(i32.sub(to, from)), out = fn.let(step(args.i32("total"), line, size * length));
      fn.for(
        i32.const(0),
        i32.mul(count, i32.const(length)),
        1,
        (k) => store(step(out, k, size), total(v128.load(step(sums, k, 16)))),
      );
      if (!softmax) return;
      fn.for(i32.const(0), count, 1, (r) => {
        const kept = fn.let(step(state, r, STATE)), own = i32.add(line, r);
        store(step(args.i32("shift"), own, size), fn.let(v128.load(kept)));
        store(step(args.i32("weight"), own, size), total(v128.load(kept, 16)));
      });
    }
  }, "run");
  return module.bytes();
}
