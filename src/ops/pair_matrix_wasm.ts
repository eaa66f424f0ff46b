import { byteSize } from "../device/mod.ts";
import { type FunctionBuilder, i32, type V, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { PairMatrixParams } from "./pair_matrix.ts";
import { blockVectors, least, tileOf } from "./pairwise_wasm.ts";
import { type WasmPairs, wasmPairs } from "./pairwise_wasm_inputs.ts";
import { innerVector, outerRow, writePairs } from "./pairwise_wasm_tile.ts";
import { Arguments } from "./wasm_formula.ts";

/** Operations that a thread does at a time, roughly. */
const GRAIN = 500_000;
/** Rows i of a work item, which meet a block of rows j while it is in the cache. */
const BLOCK_ROWS = 32;

/** `pairMatrix` in WebAssembly: tiles of pairs as in `pairwise`. */
export const pairMatrixWasm: NativeVariant<PairMatrixParams> = {
  name: "wasm",
  record: (call) => {
    const pairs = wasmPairs(call, { reduction: "sum", formula: call.params.formula });
    const { n, m, outLength: length = 1 } = pairs.layout, vectors = Math.ceil(m / pairs.lanes);
    const tile = tileOf(pairs), block = blockVectors(pairs, tile.vectors), blocks = Math.ceil(vectors / block);
    call.launch({
      key: `${tile.rows}|${pairs.key}`,
      args: {
        ...pairs.args,
        out: addressOf(call.outputs.out),
        n: { i32: n },
        m: { i32: m },
        vectors: { i32: vectors },
        blocks: { i32: blocks },
        block: { i32: block },
      },
      code: (target) => matrixKernel(pairs, length, target),
      count: Math.ceil(n / BLOCK_ROWS) * blocks,
      grain: Math.max(
        1,
        Math.floor(GRAIN / (pairs.work * length * Math.min(n, BLOCK_ROWS) * Math.min(m, block * pairs.lanes))),
      ),
    });
  },
};

/** An item is a block of rows i and a block of rows j. */
function matrixKernel(pairs: WasmPairs, length: number, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { scalar, lanes } = pairs, tile = tileOf(pairs), size = byteSize(scalar);
  const isVector = pairs.layout.outLength !== undefined, module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const n = args.i32("n"), m = args.i32("m");
    fn.for(first, end, 1, (item) => {
      const rows = fn.let(i32.divU(item, args.i32("blocks")));
      const from = fn.let(i32.mul(rows, i32.const(BLOCK_ROWS)));
      const to = least(fn, i32.add(from, i32.const(BLOCK_ROWS)), n);
      const start = fn.let(i32.mul(i32.sub(item, i32.mul(rows, args.i32("blocks"))), args.i32("block")));
      const last = least(fn, i32.add(start, args.i32("block")), args.i32("vectors"));
      const full = least(fn, i32.divS(m, i32.const(lanes)), last);
      const whole = fn.let(i32.sub(full, i32.remS(i32.sub(full, start), i32.const(tile.vectors))));
      fn.for(from, to, tile.rows, (row) => {
        // The last tile is moved back into the rows, and writes some of them twice.
        const i = least(fn, row, i32.sub(n, i32.const(tile.rows)));
        const x = outerRow(fn, pairs, args, i), hoist = fn.section();
        const write = (k: Value<"i32">, vectors: number, left?: Value<"i32">): void => {
          const y = innerVector(fn, pairs, args, k);
          const [grid] = writePairs(fn, pairs, args, { x, y, rows: tile.rows, vectors, hoist });
          const lines = grid.map((_, r) => {
            const at = i32.add(i32.mul(i32.add(i, i32.const(r)), m), i32.mul(k, i32.const(lanes)));
            return fn.let(i32.add(args.i32("out"), i32.mul(at, i32.const(size * length))));
          });
          const store = (component?: Value<"i32">): void =>
            grid.forEach((formulas, r) => {
              const own = component === undefined ? lines[r] : i32.add(lines[r], i32.mul(component, i32.const(size)));
              const address = fn.let(own);
              formulas.forEach((formula, v) => {
                storePairs(fn, address, formula.number(component), {
                  lanes,
                  step: size * length,
                  first: v * lanes,
                  left,
                });
              });
            });
          if (isVector) fn.for(i32.const(0), i32.const(length), 1, store);
          else store();
        };
        fn.for(start, whole, tile.vectors, (k) => write(k, tile.vectors));
        fn.for(whole, last, 1, (k) => write(k, 1, fn.let(i32.sub(m, i32.mul(k, i32.const(lanes))))));
      });
    });
  }, "run");
  return module.bytes();
}

/** Stores a vector of pairs `first`, `first + 1`, … that are `step` bytes apart, those below `left` if it is given. */
function storePairs(
  fn: FunctionBuilder,
  address: Value<"i32">,
  value: V,
  { lanes, step, first, left }: { lanes: number; step: number; first: number; left?: Value<"i32"> },
): void {
  if (left === undefined && step === 16 / lanes) return fn.run(v128.store(address, value, step * first));
  const store = lanes === 2 ? v128.store64Lane : v128.store32Lane;
  for (let lane = 0; lane < lanes; lane++) {
    const put = () => fn.run(store(address, value, lane, step * (first + lane)));
    if (left === undefined) put();
    else fn.if(i32.gtS(left, i32.const(first + lane)), put);
  }
}
