/**
 * WebAssembly written from TypeScript: a small assembler, and formulas as SIMD code.
 *
 * A `Value` is code that computes something; `fn.let` runs it and names the result. Kernels import their memory as
 * `env.memory`. The same code serves what is left over at the end of a row: it reads one element and stores one lane.
 *
 * V8 runs a function in its baseline code, which is ten times slower, until it has been called for a while, and changes to
 * the optimized code only between calls: give long work out in pieces, not in one call.
 *
 * ```ts
 * import { emitWasm, f32x4, i32, v128, WasmModule } from "denovo/formula/wasm/mod.ts";
 * import { parse } from "denovo/formula/mod.ts";
 *
 * // out[k] = a[k] * exp(-b[k]) for k from first to last - 1; the argument block holds the three addresses.
 * const module = new WasmModule();
 * module.function(["i32", "i32", "i32"], undefined, (fn) => {
 *   const [first, last, args] = fn.params;
 *   const [a, b, out] = [0, 4, 8].map((offset) => fn.let(i32.load(args, offset)));
 *   const signature = { a: { kind: "plain" }, b: { kind: "plain" } } as const;
 *   const formula = parse("a * exp(-b)");
 *   const whole = fn.let(i32.sub(last, i32.const(3)));
 *   fn.for(first, whole, 4, (k) => {
 *     const offset = fn.let(i32.shl(k, i32.const(2)));
 *     const read = (name: string) => v128.load(i32.add(name === "a" ? a : b, offset));
 *     const { value } = emitWasm(formula, { name: read, element: read }, { fn, scalar: "f32", signature });
 *     fn.run(v128.store(i32.add(out, offset), value()));
 *   });
 *   const rest = i32.add(first, i32.and(i32.sub(last, first), i32.const(-4)));
 *   fn.for(rest, last, 1, (k) => {
 *     const offset = fn.let(i32.shl(k, i32.const(2)));
 *     const read = (name: string) => v128.load32Zero(i32.add(name === "a" ? a : b, offset));
 *     const { value } = emitWasm(formula, { name: read, element: read }, { fn, scalar: "f32", signature });
 *     fn.run(v128.store32Lane(i32.add(out, offset), value(), 0));
 *   });
 * }, "run");
 *
 * const memory = new WebAssembly.Memory({ initial: 1 });
 * const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { env: { memory } });
 * new Float32Array(memory.buffer, 1024, 5).set([1, 2, 3, 4, 5]);
 * new Uint32Array(memory.buffer, 0, 3).set([1024, 1044, 1064]);
 * (exports.run as (first: number, last: number, args: number) => void)(0, 5, 0);
 * new Float32Array(memory.buffer, 1064, 5); // [1, 2, 3, 4, 5], since b is 0
 * ```
 *
 * @module
 */
export { call, callStatement, WasmModule } from "./module_builder.ts";
export type { FunctionReference, ModuleOptions } from "./module_builder.ts";
export { FunctionBuilder } from "./function_builder.ts";
export type { Label, Section, Variable } from "./function_builder.ts";
export type { Statement, Value, ValueType } from "./value.ts";
export type { Code } from "./code.ts";
export type { Load, Store } from "./memory_access.ts";
export { copyMemory, f32, f64, fillMemory, i32, i64, select } from "./scalar.ts";
export { f32x4, f64x2, i32x4, i64x2, lanes, v128 } from "./simd.ts";
export { hasRelaxedSimd } from "./relaxed.ts";
export { emitWasm, wasmEmitter } from "./emit_wasm.ts";
export type { WasmFormula, WasmOptions, WasmTarget } from "./wasm_target.ts";
export { floatLanes } from "./float_lanes.ts";
export { integerLanes } from "./integer_lanes.ts";
export type { FloatLanes, IntegerLanes, Lanes, V } from "./lanes.ts";
export { exp, exp2, expm1, expOfNegative, flushedExp } from "./math/exponential.ts";
export { log, log10, log1p, log2 } from "./math/logarithm.ts";
