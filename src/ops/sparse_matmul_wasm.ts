import { byteSize } from "../device/mod.ts";
import { type FunctionBuilder, i32, lanes as laneBytes, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { SparseMatmulParams } from "./sparse_matmul.ts";
import { Arguments } from "./wasm_formula.ts";
import { multiplyLanes } from "./wasm_lanes.ts";
import type { Value as ArrayValue } from "./value.ts";

type Scalar = "f32" | "f64" | "i32" | "u32";

/** Products of two numbers that a thread takes at a time, in rows of vectors and one by one: some 20 µs. */
const GRAIN = 200_000, NARROW_GRAIN = 30_000;
/** Vectors of a row of the output that are summed at once: they and what they need fit into the registers. */
const STRIPS = [12, 4, 2, 1];

/** Rows of the output in WebAssembly: strips of vectors in registers, over the entries of the row; few columns one by one. */
export const sparseMatmulNatives: readonly NativeVariant<SparseMatmulParams>[] = [{
  name: "wasm",
  when: (call) => call.outputs.out.dtype !== "f16",
  record: (call) => {
    const { out } = call.outputs, [rows, p] = out.shape, scalar = out.dtype as Scalar, size = byteSize(scalar);
    const [starts, columns, values] = ["starts", "columns", "values"].map((name) =>
      call.dense(call.inputs[name] as ArrayValue)
    );
    const given = call.inputs.b as ArrayValue, lanes = 16 / size, narrow = p < lanes;
    const b = narrow || given.strides[1] === 1 ? given : call.dense(given);
    const packed = narrow && b.strides[0] === 1;
    call.launch({
      key: `${scalar}|${narrow}|${packed}`,
      args: {
        starts: addressOf(starts),
        columns: addressOf(columns),
        values: addressOf(values),
        b: addressOf(b),
        y: addressOf(out),
        p: { i32: p },
        row_step: { i32: b.strides[0] * size },
        column_step: { i32: b.strides[1] * size },
      },
      code: (target) => narrow ? narrowProduct(scalar, packed, target) : wideProduct(scalar, target),
      count: rows,
      grain: Math.max(1, Math.round((narrow ? NARROW_GRAIN : GRAIN) * rows / Math.max(1, values.shape[0] * p))),
    });
  },
}];

/** A kernel that writes one row after the other. */
function eachRow(
  scalar: Scalar,
  target: HostTarget,
  write: (fn: FunctionBuilder, args: Arguments, row: {
    readonly start: Value<"i32">;
    readonly end: Value<"i32">;
    readonly y: Value<"i32">;
  }) => void,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), size = byteSize(scalar);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target);
    fn.for(first, last, 1, (row) => {
      const at = fn.let(i32.add(args.i32("starts"), i32.shl(row, i32.const(2))));
      const start = fn.let(i32.load(at)), end = fn.let(i32.load(at, 4));
      const y = fn.let(i32.add(args.i32("y"), i32.mul(row, i32.mul(args.i32("p"), i32.const(size)))));
      write(fn, args, { start, end, y });
    });
  }, "run");
  return module.bytes();
}

/** Bytes from the start of an array of `size` bytes each to element k. */
function element(array: Value<"i32">, k: Value<"i32">, size: number): Value<"i32"> {
  return i32.add(array, i32.shl(k, i32.const(Math.log2(size))));
}

/** At least a vector of columns: the last vector of a row is moved back into it, and computes some columns twice. */
function wideProduct(scalar: Scalar, target: HostTarget): Uint8Array<ArrayBuffer> {
  const size = byteSize(scalar), count = 16 / size;
  return eachRow(scalar, target, (fn, args, { start, end, y }) => {
    const l = multiplyLanes(fn, scalar), p = args.i32("p");
    const strip = (vectors: number, column: Value<"i32">) => {
      const offset = fn.let(i32.shl(column, i32.const(Math.log2(size))));
      const b = fn.let(i32.add(args.i32("b"), offset)), zero = l.constant(0);
      const sums = Array.from({ length: vectors }, () => fn.variable(zero));
      fn.for(start, end, 1, (k) => {
        const value = size === 8 ? v128.load64Splat : v128.load32Splat;
        const w = fn.let(value(element(args.i32("values"), k, size)));
        const from = fn.let(
          i32.add(b, i32.mul(i32.load(element(args.i32("columns"), k, 4)), args.i32("row_step"))),
        );
        sums.forEach((sum, v) => fn.set(sum, l.madd(w, v128.load(from, 16 * v), sum)));
      });
      const to = fn.let(i32.add(y, offset));
      sums.forEach((sum, v) => fn.run(v128.store(to, sum, 16 * v)));
    };
    const column = fn.variable(i32.const(0));
    for (const vectors of STRIPS) {
      const width = vectors * count;
      const more = () => i32.leS(i32.add(column, i32.const(width)), p);
      fn.if(more(), () =>
        fn.loop((again) => {
          strip(vectors, column);
          fn.set(column, i32.add(column, i32.const(width)));
          fn.br(again, more());
        }));
    }
    fn.if(i32.ltS(column, p), () => strip(1, fn.let(i32.sub(p, i32.const(count)))));
  });
}

/** Fewer columns than a vector has: each by itself, with entries in the lanes. `packed` says that its elements are neighbours. */
function narrowProduct(scalar: Scalar, packed: boolean, target: HostTarget): Uint8Array<ArrayBuffer> {
  const size = byteSize(scalar), count = 16 / size;
  return eachRow(scalar, target, (fn, args, { start, end, y }) => {
    const l = multiplyLanes(fn, scalar);
    const whole = fn.let(i32.add(start, i32.and(i32.sub(end, start), i32.const(-2 * count))));
    fn.for(i32.const(0), args.i32("p"), 1, (column) => {
      const b = fn.let(i32.add(args.i32("b"), i32.mul(column, args.i32("column_step"))));
      const place = (k: Value<"i32">, q: number) => {
        const row = i32.load(element(args.i32("columns"), k, 4), 4 * q);
        return packed ? element(b, row, size) : i32.add(b, i32.mul(row, args.i32("row_step")));
      };
      const sums = [fn.variable(l.constant(0)), fn.variable(l.constant(0))];
      const zero = size === 8 ? v128.load64Zero : v128.load32Zero;
      fn.for(start, whole, 2 * count, (k) => {
        sums.forEach((sum, half) => {
          const x = fn.variable(zero(place(k, half * count)));
          for (let q = 1; q < count; q++) {
            const load = size === 8 ? v128.load64Lane : v128.load32Lane;
            fn.set(x, load(place(k, half * count + q), x, q));
          }
          const w = v128.load(element(args.i32("values"), k, size), half * 16);
          fn.set(sum, l.madd(w, x, sum));
        });
      });
      // The rest in the first lane: the others add 0 · 0.
      fn.for(whole, end, 1, (k) => {
        fn.set(sums[0], l.madd(zero(element(args.i32("values"), k, size)), zero(place(k, 0)), sums[0]));
      });
      const total = fn.variable(l.add(sums[0], sums[1]));
      for (let far = count / 2; far >= 1; far /= 2) {
        const turned = laneBytes(size as 4 | 8, ...Array.from({ length: count }, (_, q) => (q + far) % count));
        fn.set(total, l.add(total, v128.shuffle(total, total, turned)));
      }
      const store = size === 8 ? v128.store64Lane : v128.store32Lane;
      fn.run(store(element(y, column, size), total, 0));
    });
  });
}
