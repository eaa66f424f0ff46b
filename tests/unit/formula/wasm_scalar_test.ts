import { assertEquals } from "@std/assert";
import { f32, f64, i32, i64, type Value } from "../../../src/formula/wasm/mod.ts";
import { order, real } from "./wasm_operations.ts";
import { evaluate } from "./wasm_runner.ts";

const { fround } = Math;
const numbers = [0, -0, 1.5, -2.5, 0.1, 7, Infinity, NaN];

Deno.test("scalar floating-point instructions do what they are called", () => {
  for (const [type, ops, round] of [["f32", f32, fround], ["f64", f64, (x: number) => x]] as const) {
    const constant = ops.const as (value: number) => Value;
    const apply = (op: string, ...args: number[]) =>
      (ops as unknown as Record<string, (...args: Value[]) => Value>)[op](...args.map(constant)) as Value<"f64">;
    for (const a of numbers) {
      for (const b of numbers) {
        for (const [op, f] of Object.entries(real)) {
          const args = f.length === 1 ? [a] : [a, b];
          const expected = round((f as (...args: number[]) => number)(...args.map(round)));
          assertEquals(evaluate(type as "f64", () => apply(op, ...args)), expected, `${type}.${op}(${args})`);
        }
        for (const [op, f] of Object.entries(order)) {
          const got = evaluate("i32", () => apply(op, a, b) as unknown as Value<"i32">);
          assertEquals(got, Number(f(a, b)), `${type}.${op}(${a}, ${b})`);
        }
      }
    }
    assertEquals(evaluate(type as "f64", () => apply("copysign", 3, -0)), -3);
  }
});

const whole: Record<string, (a: bigint, b: bigint, bits: number) => bigint | boolean> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  divS: (a, b) => a / b,
  divU: (a, b, n) => BigInt.asUintN(n, a) / BigInt.asUintN(n, b),
  remS: (a, b) => a % b,
  remU: (a, b, n) => BigInt.asUintN(n, a) % BigInt.asUintN(n, b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, n) => a << BigInt.asUintN(n, b) % BigInt(n),
  shrS: (a, b, n) => a >> BigInt.asUintN(n, b) % BigInt(n),
  shrU: (a, b, n) => BigInt.asUintN(n, a) >> BigInt.asUintN(n, b) % BigInt(n),
  rotl: (a, b, n) => rotate(a, BigInt.asUintN(n, b) % BigInt(n), n),
  rotr: (a, b, n) => rotate(a, BigInt(n) - BigInt.asUintN(n, b) % BigInt(n), n),
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  ltS: (a, b) => a < b,
  gtS: (a, b) => a > b,
  leS: (a, b) => a <= b,
  geS: (a, b) => a >= b,
  ltU: (a, b, n) => BigInt.asUintN(n, a) < BigInt.asUintN(n, b),
  gtU: (a, b, n) => BigInt.asUintN(n, a) > BigInt.asUintN(n, b),
  leU: (a, b, n) => BigInt.asUintN(n, a) <= BigInt.asUintN(n, b),
  geU: (a, b, n) => BigInt.asUintN(n, a) >= BigInt.asUintN(n, b),
};

function rotate(a: bigint, by: bigint, bits: number): bigint {
  const unsigned = BigInt.asUintN(bits, a);
  return unsigned << by | unsigned >> (BigInt(bits) - by);
}

Deno.test("scalar integer instructions do what they are called", () => {
  const values = [1n, -1n, 7n, 12345n, -98765n, 33n];
  for (const a of values) {
    for (const b of values) {
      for (const [op, f] of Object.entries(whole)) {
        for (const [type, ops, bits] of [["i32", i32, 32], ["i64", i64, 64]] as const) {
          const constant = ops.const as (value: number | bigint) => Value;
          const operand = (x: bigint) => constant(type === "i32" ? Number(x) : x);
          const code = (ops as unknown as Record<string, (...args: Value[]) => Value>)[op](operand(a), operand(b));
          const expected = f(a, b, bits);
          if (typeof expected === "boolean") {
            assertEquals(evaluate("i32", () => code as Value<"i32">), Number(expected), `${type}.${op}(${a}, ${b})`);
          } else {
            const got = evaluate(type as "i32", () => code as Value<"i32">);
            assertEquals(BigInt(got as number), BigInt.asIntN(bits, expected), `${type}.${op}(${a}, ${b})`);
          }
        }
      }
    }
  }
  assertEquals(evaluate("i32", () => i32.clz(i32.const(1))), 31);
  assertEquals(evaluate("i32", () => i32.ctz(i32.const(8))), 3);
  assertEquals(evaluate("i64", () => i64.popcnt(i64.const(-1))), 64n);
  assertEquals(evaluate("i64", () => i64.clz(i64.const(1n << 40n))), 23n);
  assertEquals(evaluate("i32", () => i64.eqz(i64.const(0))), 1);
  assertEquals(evaluate("i32", () => i32.eqz(i32.const(5))), 0);
});

Deno.test("constants of every size survive", () => {
  for (const x of [0, 1, -1, 63, 64, -64, -65, 127, 128, 2 ** 31 - 1, -(2 ** 31), 1e9]) {
    assertEquals(evaluate("i32", () => i32.const(x)), x);
    assertEquals(evaluate("i64", () => i64.const(x)), BigInt(x));
  }
  for (const x of [2n ** 63n - 1n, -(2n ** 63n), 0x0123456789abcdefn]) {
    assertEquals(evaluate("i64", () => i64.const(x)), x);
  }
  for (const x of numbers) assertEquals(evaluate("f64", () => f64.const(x)), x);
});

Deno.test("conversions between scalars", () => {
  assertEquals(evaluate("i32", () => i32.wrap(i64.const(2n ** 32n + 5n))), 5);
  assertEquals(evaluate("i64", () => i64.extendS(i32.const(-1))), -1n);
  assertEquals(evaluate("i64", () => i64.extendU(i32.const(-1))), 2n ** 32n - 1n);
  assertEquals(evaluate("i32", () => i32.truncF32S(f32.const(-3.9))), -3);
  assertEquals(evaluate("i32", () => i32.truncF64S(f64.const(1e20))), 2 ** 31 - 1);
  assertEquals(evaluate("f32", () => f32.convertI32S(i32.const(-3))), -3);
  assertEquals(evaluate("f32", () => f32.convertI32U(i32.const(-1))), 2 ** 32);
  assertEquals(evaluate("f64", () => f64.convertI32S(i32.const(-3))), -3);
  assertEquals(evaluate("f64", () => f64.convertI32U(i32.const(-1))), 2 ** 32 - 1);
  assertEquals(evaluate("f64", () => f64.convertI64S(i64.const(-5))), -5);
  assertEquals(evaluate("f64", () => f64.convertI64U(i64.const(-1))), 2 ** 64);
  assertEquals(evaluate("f32", () => f32.demote(f64.const(0.1))), fround(0.1));
  assertEquals(evaluate("f64", () => f64.promote(f32.const(0.1))), fround(0.1));
  assertEquals(evaluate("i32", () => i32.reinterpret(f32.const(1))), 0x3f800000);
  assertEquals(evaluate("i64", () => i64.reinterpret(f64.const(1))), 0x3ff0000000000000n);
  assertEquals(evaluate("f32", () => f32.reinterpret(i32.const(0x3f800000))), 1);
  assertEquals(evaluate("f64", () => f64.reinterpret(i64.const(0x3ff0000000000000n))), 1);
});
