import { byteSize } from "../device/mod.ts";
import {
  fillMemory,
  type FloatLanes,
  floatLanes,
  i32,
  lanes as laneBytes,
  select,
  type V,
  v128,
  type Value,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import { PRODUCT, type SampledMatmulParams, sampledPlan } from "./sparse_sampled.ts";
import { typesOf } from "./types_of.ts";
import type { Value as ArrayValue } from "./value.ts";
import { loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import { Arguments, type WasmInputs, wasmInputs, writeFormulas } from "./wasm_formula.ts";

/** Products of two numbers that a thread takes at a time: some 20 µs. */
const GRAIN = 150_000;

/** Rows of the pattern in WebAssembly: as many entries at once as a vector has lanes, for which the epilogue is evaluated together. */
export const sampledNatives: readonly NativeVariant<SampledMatmulParams>[] = [{
  name: "wasm",
  when: (call) => {
    const { dtype } = call.inputs.a as ArrayValue, { plan } = sampledPlan(typesOf(call.inputs), call.params);
    return dtype !== "f16" && plan.scalar === dtype;
  },
  record: (call) => {
    const { out } = call.outputs, prepared = prepare(call), { a, b, scalar, inputs, walks } = prepared;
    const [starts, columns] = ["starts", "columns"].map((name) => call.dense(call.inputs[name] as ArrayValue));
    const rows = starts.shape[0] - 1, depth = a.shape[1], room = out.shape[0];
    call.launch({
      key: `${scalar}|${inputs.key}|${walks}|${out.dtype}`,
      args: {
        ...inputs.args,
        starts: addressOf(starts),
        columns: addressOf(columns),
        a: addressOf(a),
        b: addressOf(b),
        y: addressOf(out),
        rows: { i32: rows },
        depth: { i32: depth },
        room: { i32: room },
      },
      code: (target) => code(prepared, target),
      // The last item is the room beyond the entries.
      count: rows + 1,
      grain: Math.max(1, Math.round(GRAIN * rows / Math.max(1, room * (depth + 8)))),
    });
  },
}];

function prepare(call: HostCall<SampledMatmulParams>) {
  const { out } = call.outputs, { plan } = sampledPlan(typesOf(call.inputs), call.params);
  const a = call.dense(call.inputs.a as ArrayValue), b = call.dense(call.inputs.b as ArrayValue);
  const given: Record<string, ArrayValue | number> = Object.create(null);
  for (const name of plan.names) {
    const x = call.inputs[name];
    // The product takes part as an array that is read from a register.
    if (name === PRODUCT) given[name] = { ...out, dtype: a.dtype };
    else given[name] = typeof x === "number" || isOne(x) ? x : call.dense(x);
  }
  const inputs: WasmInputs = wasmInputs(given, [plan]);
  return {
    a,
    b,
    plan,
    inputs,
    out,
    scalar: a.dtype as "f32" | "f64",
    /** Whether one element stands for all entries. */
    walks: inputs.arrays.map(({ value }) => isOne(value)),
  };
}

function isOne({ shape, strides }: ArrayValue): boolean {
  return shape.length === 0 || shape[0] === 1 || strides[0] === 0;
}

function code(
  { plan, inputs, out, scalar, walks }: ReturnType<typeof prepare>,
  target: HostTarget,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), size = byteSize(scalar), count = 16 / size;
  const stored = byteSize(out.dtype);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target), l = floatLanes(fn, scalar);
    const element = (array: string, k: Value<"i32">, bytes: number) =>
      i32.add(args.i32(array), i32.mul(k, i32.const(bytes)));
    const depth = args.i32("depth");
    const row_bytes = fn.let(i32.mul(depth, i32.const(size)));
    const whole = fn.let(i32.and(row_bytes, i32.const(-16)));
    const single = size === 8 ? v128.load64Zero : v128.load32Zero;
    fn.for(first, last, 1, (row) => {
      const start = fn.let(i32.load(element("starts", row, 4)));
      fn.if(i32.eq(row, args.i32("rows")), () => {
        const bytes = i32.mul(i32.sub(args.i32("room"), start), i32.const(stored));
        fn.run(fillMemory(element("y", start, stored), i32.const(0), bytes));
      }, () => {
        const end = fn.let(i32.load(element("starts", row, 4), 4));
        const own = fn.let(i32.add(args.i32("a"), i32.mul(row, row_bytes)));
        fn.for(start, end, count, (k) => {
          // Lanes beyond the row repeat its last entry, and are not stored.
          const rows = Array.from({ length: count }, (_, q) => {
            const at = fn.let(i32.add(k, i32.const(q))), back = i32.sub(end, i32.const(1));
            const column = i32.load(element("columns", select(i32.ltS(at, end), at, back), 4));
            return fn.let(i32.add(args.i32("b"), i32.mul(column, row_bytes)));
          });
          const sums = rows.map(() => fn.variable(l.constant(0)));
          const add = (offset: Value<"i32">, load: (address: Value<"i32">) => V) => {
            const x = fn.let(load(i32.add(own, offset)));
            rows.forEach((b, q) => fn.set(sums[q], l.madd(x, load(i32.add(b, offset)), sums[q])));
          };
          fn.for(i32.const(0), whole, 16, (offset) => add(offset, v128.load));
          fn.for(whole, row_bytes, size, (offset) => add(offset, single));
          const product = acrossLanes(l, sums);
          const read = (q: number, type: typeof plan.scalar): V => {
            const { name, value } = inputs.arrays[q];
            if (name === PRODUCT) return product;
            if (walks[q]) return loadSplat(fn, type, value.dtype, args.i32(`x${q}`));
            return loadLanes(fn, type, value.dtype, element(`x${q}`, k, byteSize(value.dtype)));
          };
          const [formula] = writeFormulas(fn, [plan], inputs, args, read);
          const result = fn.variable(formula.number());
          fn.if(
            i32.leS(i32.add(k, i32.const(count)), end),
            () => storeLanes(fn, scalar, out.dtype, fn.let(element("y", k, stored)), result),
            () =>
              fn.for(k, end, 1, (at) => {
                storeLanes(fn, scalar, out.dtype, fn.let(element("y", at, stored)), result, "first");
                const next = laneBytes(size as 4 | 8, ...Array.from({ length: count }, (_, q) => (q + 1) % count));
                fn.set(result, v128.shuffle(result, result, next));
              }),
          );
        });
      });
    });
  }, "run");
  return module.bytes();
}

/** The sum of the lanes of each of as many vectors as there are lanes, side by side. */
function acrossLanes(l: FloatLanes, sums: readonly V[]): V {
  const { fn } = l;
  const pair = (a: V, b: V, even: number[], odd: number[], size: 4 | 8) =>
    l.add(fn.let(v128.shuffle(a, b, laneBytes(size, ...even))), fn.let(v128.shuffle(a, b, laneBytes(size, ...odd))));
  if (l.count === 2) return pair(sums[0], sums[1], [0, 2], [1, 3], 8);
  const [left, right] = [0, 2].map((q) => pair(sums[q], sums[q + 1], [0, 1, 4, 5], [2, 3, 6, 7], 4));
  return pair(left, right, [0, 2, 4, 6], [1, 3, 5, 7], 4);
}
