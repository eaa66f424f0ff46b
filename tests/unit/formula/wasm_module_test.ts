import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  call,
  callStatement,
  copyMemory,
  f32,
  f32x4,
  f64,
  fillMemory,
  hasRelaxedSimd,
  i32,
  i32x4,
  i64,
  select,
  v128,
  WasmModule,
} from "../../../src/formula/wasm/mod.ts";
import { evaluateVector, instantiate } from "./wasm_runner.ts";

Deno.test("memory is read and written at addresses with offsets", () => {
  const module = new WasmModule();
  module.function([], undefined, (fn) => {
    const at = (address: number) => i32.const(address);
    fn.run(v128.store(at(32), v128.load(at(0), 1), 16));
    fn.run(f32.store(at(64), f32.load(at(0))));
    fn.run(f64.store(at(72), f64.load(at(8))));
    fn.run(i32.store(at(80), i32.load8S(at(255))));
    fn.run(i32.store(at(84), i32.load8U(at(255))));
    fn.run(i32.store(at(88), i32.load16S(at(254))));
    fn.run(i32.store(at(92), i32.load16U(at(254))));
    fn.run(i32.store8(at(96), i32.const(0x1234)));
    fn.run(i32.store16(at(98), i32.const(0x12345)));
    fn.run(i64.store(at(104), i64.load(at(0))));
    fn.run(v128.store(at(112), v128.load32Splat(at(0), 4)));
    fn.run(v128.store(at(128), v128.load64Splat(at(0), 8)));
    fn.run(v128.store(at(144), v128.load32Zero(at(4))));
    fn.run(v128.store(at(160), v128.load64Zero(at(4))));
    fn.run(v128.store(at(176), v128.load32Lane(at(4), i32x4.const(0), 3)));
    fn.run(v128.store(at(192), v128.load64Lane(at(0), i32x4.const(0), 1, 4)));
    fn.run(v128.store32Lane(at(208), v128.load(at(0)), 1, 4));
    fn.run(v128.store64Lane(at(216), v128.load(at(0)), 1));
    fn.run(v128.store16Lane(at(224), v128.load(at(0)), 3));
    fn.run(v128.store(at(272), v128.load16Splat(at(0))));
    fn.run(v128.store(at(288), v128.load16x4U(at(0))));
    fn.run(copyMemory(at(304), at(0), at(16)));
    fn.run(fillMemory(at(320), i32.const(7), at(8)));
  }, "run");
  const { buffer, run } = instantiate(module);
  const bytes = new Uint8Array(buffer);
  for (let k = 0; k < 24; k++) bytes[k] = 16 * k + k % 5;
  bytes[254] = bytes[255] = 0xff;
  run();
  const part = (start: number, length: number) => [...bytes.slice(start, start + length)];
  const ints = new Int32Array(buffer);
  assertEquals(part(48, 16), part(1, 16));
  assertEquals(part(64, 4), part(0, 4));
  assertEquals(part(72, 8), part(8, 8));
  assertEquals([...ints.slice(20, 24)], [-1, 255, -1, 65535]);
  assertEquals(part(96, 4), [0x34, 0, 0x45, 0x23]);
  assertEquals(part(104, 8), part(0, 8));
  for (let lane = 0; lane < 4; lane++) assertEquals(part(112 + 4 * lane, 4), part(4, 4));
  assertEquals(part(128, 16), [...part(8, 8), ...part(8, 8)]);
  assertEquals(part(144, 16), [...part(4, 4), ...Array(12).fill(0)]);
  assertEquals(part(160, 16), [...part(4, 8), ...Array(8).fill(0)]);
  assertEquals(part(176, 16), [...Array(12).fill(0), ...part(4, 4)]);
  assertEquals(part(192, 16), [...Array(8).fill(0), ...part(4, 8)]);
  assertEquals(part(212, 4), part(4, 4));
  assertEquals(part(216, 8), part(8, 8));
  assertEquals(part(224, 2), part(6, 2));
  for (let lane = 0; lane < 8; lane++) assertEquals(part(272 + 2 * lane, 2), part(0, 2));
  for (let lane = 0; lane < 4; lane++) assertEquals(part(288 + 4 * lane, 4), [...part(2 * lane, 2), 0, 0]);
  assertEquals(part(304, 16), part(0, 16));
  assertEquals(part(320, 9), [...Array(8).fill(7), 0]);
});

Deno.test("blocks, loops, branches and calls", () => {
  const module = new WasmModule();
  const square = module.function(["i32"], "i32", (fn) => i32.mul(fn.params[0], fn.params[0]));
  const note = module.function(["i32"], undefined, (fn) => fn.run(i32.store(i32.const(8), fn.params[0])));
  module.function(["i32"], "i32", (fn) => {
    const [n] = fn.params;
    const sum = fn.variable(i32.const(0));
    // Squares of the odd numbers below n, up to the first above 50.
    fn.block((end) => {
      fn.for(i32.const(0), n, 1, (k) => {
        fn.if(i32.and(k, i32.const(1)), () => {
          const s = fn.let(call(square, k));
          fn.br(end, i32.gtS(s, i32.const(50)));
          fn.set(sum, i32.add(sum, s));
        }, () => fn.run(callStatement(note, k)));
      });
    });
    fn.if(i32.eqz(n), () => fn.return(i32.const(-1)));
    return select(i32.gtS(sum, i32.const(1000)), i32.const(1000), sum);
  }, "run");
  const { buffer, run } = instantiate(module);
  assertEquals([0, 1, 2, 4, 100].map((n) => run(n)), [-1, 0, 1, 10, 84]);
  assertEquals(new Int32Array(buffer)[2], 8);
});

Deno.test("switch runs one case, the last for all other numbers", () => {
  const module = new WasmModule();
  module.function(["i32"], "i32", (fn) => {
    const result = fn.local("i32");
    fn.switch(fn.params[0], [10, 20, 30].map((value) => () => fn.set(result, i32.const(value))));
    return result;
  }, "run");
  const { run } = instantiate(module);
  assertEquals([0, 1, 2, 3, -1].map((k) => run(k)), [10, 20, 30, 30, 30]);
});

Deno.test("a section takes code that is written later, also from inside a loop", () => {
  const module = new WasmModule();
  module.function([], "i32", (fn) => {
    const early = fn.section();
    const sum = fn.variable(i32.const(0));
    fn.for(i32.const(0), i32.const(4), 1, () => {
      const two = fn.within(early, () => {
        const value = fn.variable(i32.const(1));
        fn.block((end) => {
          fn.br(end, i32.eqz(value));
          fn.set(value, i32.const(2));
        });
        return value;
      });
      fn.set(sum, i32.add(sum, two));
    });
    return sum;
  }, "run");
  assertEquals(instantiate(module).run(), 8);
});

Deno.test("mistakes are told when code is written", () => {
  assertThrows(() => i32.add(f32.const(1) as never, i32.const(1)), TypeError, "Operand 0 must be of type i32, got f32");
  const module = new WasmModule();
  module.function([], undefined, (fn) => {
    assertThrows(
      () => fn.set(fn.local("i32"), f32.const(1) as never),
      TypeError,
      "Cannot set a local of type i32 to f32",
    );
  });
  assertThrows(
    () => module.function([], "i32", () => f32.const(1) as never),
    TypeError,
    "Expected a result of type i32",
  );
  assertThrows(() => f32x4.const(1, 2), TypeError, "Cannot make a vector of 2 values: expected 1 or 4");
});

Deno.test("a module imports a shared memory if it is made for one", () => {
  const module = new WasmModule({ shared: true });
  module.function(["i32"], "i32", (fn) => i32.load(fn.params[0]), "run");
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { env: { memory } });
  new Int32Array(memory.buffer)[3] = 42;
  assertEquals((exports.run as (address: number) => number)(12), 42);
});

Deno.test("whether relaxed SIMD exists agrees with the engine", () => {
  const write = () => f32x4.relaxedMadd(f32x4.const(2), f32x4.const(3), f32x4.const(1));
  if (hasRelaxedSimd()) assertEquals(new Float32Array(evaluateVector(write))[0], 7);
  else assertThrows(() => evaluateVector(write), WebAssembly.CompileError);
  assert(typeof hasRelaxedSimd() === "boolean");
});
