import type { Expr, Scalar, Signature } from "../../../src/formula/mod.ts";
import {
  emitWasm,
  type FunctionBuilder,
  i32,
  v128,
  type Value,
  type ValueType,
  WasmModule,
} from "../../../src/formula/wasm/mod.ts";

const arrays = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u32: Uint32Array };
const START = 65536;

/** Instantiates a module over a memory of so many bytes after the first page. */
export function instantiate(module: WasmModule, bytes = 0) {
  const memory = new WebAssembly.Memory({ initial: 1 + Math.ceil(bytes / START) });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { env: { memory } });
  return { buffer: memory.buffer as ArrayBuffer, run: exports.run as (...args: unknown[]) => unknown };
}

/** The value of code without arguments. */
export function evaluate<T extends Exclude<ValueType, "v128">>(
  type: T,
  write: (fn: FunctionBuilder<readonly []>) => Value<T>,
): unknown {
  const module = new WasmModule();
  module.function([] as const, type as ValueType, write as never, "run");
  return instantiate(module).run();
}

/** The 16 bytes of a vector. */
export function evaluateVector(
  write: (fn: FunctionBuilder<readonly []>) => Value<"v128">,
  relaxed = true,
): ArrayBuffer {
  const module = new WasmModule({ relaxed });
  module.function([] as const, undefined, (fn) => fn.run(v128.store(i32.const(0), write(fn), START)), "run");
  const { buffer, run } = instantiate(module, 16);
  run();
  return buffer.slice(START, START + 16);
}

/** A formula of plain inputs as SIMD code over columns of numbers, one for each name. */
export function wasmFunction(expr: Expr, names: readonly string[], scalar: Scalar, relaxed = true) {
  const size = scalar === "f64" ? 8 : 4;
  const count = 16 / size;
  const module = new WasmModule({ relaxed });
  const signature: Signature = Object.fromEntries(names.map((name) => [name, { kind: "plain" } as const]));
  module.function(["i32", "i32"], undefined, (fn) => {
    const [rows, stride] = fn.params;
    const columns = [...names, ""].map((_, k) => fn.let(i32.mul(stride, i32.const(k))));
    fn.for(i32.const(0), rows, count, (row) => {
      const offset = fn.let(i32.mul(row, i32.const(size)));
      const name = (n: string) => v128.load(i32.add(columns[names.indexOf(n)], offset), START);
      const formula = emitWasm(expr, { name, element: notRead }, { fn, scalar, signature });
      fn.run(v128.store(i32.add(columns.at(-1)!, offset), formula.number(), START));
    });
  }, "run");
  return (...columns: ArrayLike<number>[]): number[] => {
    const rows = columns[0].length;
    const stride = Math.ceil(rows / count) * 16;
    const { buffer, run } = instantiate(module, stride * (names.length + 1));
    columns.forEach((column, k) => new arrays[scalar](buffer, START + k * stride, rows).set(column));
    run(rows, stride);
    return [...new arrays[scalar](buffer, START + names.length * stride, rows)];
  };
}

function notRead(): never {
  throw new TypeError("There are no rows");
}

/** Data of one input: numbers row by row, or one number. */
export type Inputs = Readonly<Record<string, { data: readonly number[]; width: number } | number>>;

/**
 * A formula of rows at (i, j), all its components: `j` runs over lanes, `i` is fixed in an outer loop as in a pairwise
 * reduction. Returns `[row i, row j, component]` flat.
 */
export function wasmPairs(expr: Expr, signature: Signature, inputs: Inputs, scalar: "f32" | "f64", hoisted: boolean) {
  const size = scalar === "f64" ? 8 : 4;
  const count = 16 / size;
  const module = new WasmModule();
  const names = Object.keys(inputs);
  const width = (name: string) => typeof inputs[name] === "number" ? 1 : inputs[name].width;
  const rowsOf = Math.max(...names.map((n) => typeof inputs[n] === "number" ? 0 : inputs[n].data.length / width(n)));
  const values = names.flatMap((n) => inputs[n] as number | { data: number[] }).map((v) =>
    typeof v === "number" ? [v] : v.data
  );
  const starts = values.map((_, k) => START + size * values.slice(0, k).reduce((sum, v) => sum + v.length, 0));
  const start = (name: string) => starts[names.indexOf(name)];
  const output = START + 16 + size * values.reduce((sum, v) => sum + v.length, 0);
  const splat = scalar === "f64" ? v128.load64Splat : v128.load32Splat;
  const lane = scalar === "f64" ? v128.load64Lane : v128.load32Lane;
  const store = scalar === "f64" ? v128.store64Lane : v128.store32Lane;
  const bytes = (n: number | Value<"i32">) => i32.mul(typeof n === "number" ? i32.const(n) : n, i32.const(size));
  let length = 1;
  module.function([], undefined, (fn) => {
    fn.for(i32.const(0), i32.const(rowsOf), 1, (i) => {
      const section = fn.section();
      fn.for(i32.const(0), i32.const(rowsOf), count, (j) => {
        const target = {
          name: (n: string) => splat(i32.const(start(n))),
          element(n: string, index: "i" | "j", component: Value<"i32"> | number = 0) {
            const at = (row: Value<"i32">) => i32.add(bytes(i32.mul(row, i32.const(width(n)))), bytes(component));
            if (index === "i") return splat(at(i), start(n));
            let vector = splat(at(j), start(n));
            for (let k = 1; k < count; k++) vector = lane(at(i32.add(j, i32.const(k))), vector, k, start(n));
            return vector;
          },
        };
        const leaves = new Set(names.map((n) => typeof inputs[n] === "number" ? n : `${n}[i]`));
        const options = { fn, scalar, signature, ...(hoisted ? { hoist: { section, leaves } } : {}) };
        const formula = emitWasm(expr, target, options);
        length = formula.length ?? 1;
        const write = (component: Value<"i32"> | undefined) => {
          const value = fn.let(formula.number(component));
          for (let k = 0; k < count; k++) {
            const row = i32.add(i32.mul(i, i32.const(rowsOf)), i32.add(j, i32.const(k)));
            const place = i32.add(i32.mul(row, i32.const(length)), component ?? i32.const(0));
            fn.run(store(bytes(place), value, k, output));
          }
        };
        if (formula.length === undefined) write(undefined);
        else fn.for(i32.const(0), i32.const(length), 1, write);
      });
    });
  }, "run");
  const { buffer, run } = instantiate(module, output + size * rowsOf * rowsOf * length);
  values.forEach((v, k) => fill(buffer, scalar, starts[k], v));
  run();
  return Array.from(
    { length: rowsOf * rowsOf * length },
    (_, k) => read(buffer, scalar, output + k * size),
  );
}

function fill(buffer: ArrayBuffer, scalar: "f32" | "f64", start: number, values: readonly number[]): void {
  const view = new DataView(buffer);
  values.forEach((value, k) => {
    if (scalar === "f64") view.setFloat64(start + 8 * k, value, true);
    else view.setFloat32(start + 4 * k, value, true);
  });
}

function read(buffer: ArrayBuffer, scalar: "f32" | "f64", address: number): number {
  const view = new DataView(buffer);
  return scalar === "f64" ? view.getFloat64(address, true) : view.getFloat32(address, true);
}
