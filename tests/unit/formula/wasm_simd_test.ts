import { assertEquals } from "@std/assert";
import {
  f32,
  f32x4,
  f64,
  f64x2,
  hasRelaxedSimd,
  i32,
  i32x4,
  i64,
  i64x2,
  lanes,
  v128,
  type Value,
} from "../../../src/formula/wasm/mod.ts";
import { order, real } from "./wasm_operations.ts";
import { evaluate, evaluateVector } from "./wasm_runner.ts";

const { fround } = Math;
const floats = (write: () => Value<"v128">) => [...new Float32Array(evaluateVector(write))];
const doubles = (write: () => Value<"v128">) => [...new Float64Array(evaluateVector(write))];
const integers = (write: () => Value<"v128">) => [...new Int32Array(evaluateVector(write))];
const longs = (write: () => Value<"v128">) => [...new BigInt64Array(evaluateVector(write))];

Deno.test("vector floating-point instructions work on every lane", () => {
  const a = [1.5, -0, NaN, -2.5];
  const b = [-2, 0, 1, 4];
  for (const [op, f] of Object.entries(real)) {
    const g = f as (...args: number[]) => number;
    const code = <T>(ops: T, x: Value, y: Value) =>
      (ops as Record<string, (...args: Value[]) => Value<"v128">>)[op](...f.length === 1 ? [x] : [x, y]);
    assertEquals(
      floats(() => code(f32x4, f32x4.const(...a), f32x4.const(...b))),
      a.map((x, k) => fround(g(x, b[k]))),
      `f32x4.${op}`,
    );
    for (const half of [0, 2]) {
      const [x, y] = [a.slice(half, half + 2), b.slice(half, half + 2)];
      assertEquals(doubles(() => code(f64x2, f64x2.const(...x), f64x2.const(...y))), x.map((v, k) => g(v, y[k])), op);
    }
  }
  for (const [op, f] of Object.entries(order)) {
    const code = <T>(ops: T, x: Value, y: Value) =>
      (ops as Record<string, (...args: Value[]) => Value<"v128">>)[op](x, y);
    assertEquals(
      integers(() => code(f32x4, f32x4.const(...a), f32x4.const(...b))),
      a.map((x, k) => -Number(f(x, b[k])) + 0),
      `f32x4.${op}`,
    );
    assertEquals(
      longs(() => code(f64x2, f64x2.const(1, NaN), f64x2.const(1, 2))),
      [[1, 1], [NaN, 2]].map(([x, y]) => f(x, y) ? -1n : 0n),
      `f64x2.${op}`,
    );
  }
  assertEquals(floats(() => f32x4.pmin(f32x4.const(1, NaN, 1, 3), f32x4.const(2, 1, NaN, 1))), [1, NaN, 1, 1]);
  assertEquals(floats(() => f32x4.pmax(f32x4.const(1, NaN, 1, 3), f32x4.const(2, 1, NaN, 1))), [2, NaN, 1, 3]);
  assertEquals(doubles(() => f64x2.pmin(f64x2.const(1, NaN), f64x2.const(2, 1))), [1, NaN]);
  assertEquals(doubles(() => f64x2.pmax(f64x2.const(1, 5), f64x2.const(2, 1))), [2, 5]);
  if (hasRelaxedSimd()) {
    assertEquals(floats(() => f32x4.relaxedMadd(f32x4.const(2), f32x4.const(3), f32x4.const(1, 2, 3, 4))), [
      7,
      8,
      9,
      10,
    ]);
    assertEquals(floats(() => f32x4.relaxedNmadd(f32x4.const(2), f32x4.const(3), f32x4.const(1))), [-5, -5, -5, -5]);
    assertEquals(doubles(() => f64x2.relaxedMadd(f64x2.const(2), f64x2.const(3), f64x2.const(1, 2))), [7, 8]);
    assertEquals(doubles(() => f64x2.relaxedNmadd(f64x2.const(2), f64x2.const(3), f64x2.const(1))), [-5, -5]);
  }
});

Deno.test("vector integer instructions work on every lane", () => {
  const a = [5, -7, 2 ** 31 - 1, 0];
  const b = [3, 2, -1, -(2 ** 31)];
  const u = (x: number) => x >>> 0;
  const binary: Partial<Record<keyof typeof i32x4, (a: number, b: number) => number | boolean>> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: Math.imul,
    minS: Math.min,
    maxS: Math.max,
    minU: (a, b) => Math.min(u(a), u(b)),
    maxU: (a, b) => Math.max(u(a), u(b)),
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
    ltS: (a, b) => a < b,
    leS: (a, b) => a <= b,
    gtS: (a, b) => a > b,
    geS: (a, b) => a >= b,
    ltU: (a, b) => u(a) < u(b),
    leU: (a, b) => u(a) <= u(b),
    gtU: (a, b) => u(a) > u(b),
    geU: (a, b) => u(a) >= u(b),
  };
  for (const [op, f] of Object.entries(binary)) {
    const code = i32x4[op as "add"](i32x4.const(...a), i32x4.const(...b));
    const expected = a.map((x, k) => f(x, b[k])).map((y) => typeof y === "boolean" ? -Number(y) | 0 : y | 0);
    assertEquals(integers(() => code), expected, `i32x4.${op}`);
  }
  const by = i32.const(4);
  assertEquals(integers(() => i32x4.shl(i32x4.const(...a), by)), a.map((x) => x << 4));
  assertEquals(integers(() => i32x4.shrS(i32x4.const(...a), by)), a.map((x) => x >> 4));
  assertEquals(integers(() => i32x4.shrU(i32x4.const(...a), by)), a.map((x) => x >>> 4));
  assertEquals(integers(() => i32x4.abs(i32x4.const(...a))), a.map(Math.abs));
  assertEquals(integers(() => i32x4.neg(i32x4.const(...a))), a.map((x) => -x | 0));
  const c = [5n, -7n];
  const d = [-3n, -7n];
  const pair = [i64x2.const(...c), i64x2.const(...d)] as const;
  assertEquals(longs(() => i64x2.add(...pair)), [2n, -14n]);
  assertEquals(longs(() => i64x2.sub(...pair)), [8n, 0n]);
  assertEquals(longs(() => i64x2.mul(...pair)), [-15n, 49n]);
  assertEquals(longs(() => i64x2.eq(...pair)), [0n, -1n]);
  assertEquals(longs(() => i64x2.ne(...pair)), [-1n, 0n]);
  assertEquals(longs(() => i64x2.ltS(...pair)), [0n, 0n]);
  assertEquals(longs(() => i64x2.gtS(...pair)), [-1n, 0n]);
  assertEquals(longs(() => i64x2.leS(...pair)), [0n, -1n]);
  assertEquals(longs(() => i64x2.geS(...pair)), [-1n, -1n]);
  assertEquals(longs(() => i64x2.abs(pair[0])), [5n, 7n]);
  assertEquals(longs(() => i64x2.neg(pair[0])), [-5n, 7n]);
  assertEquals(longs(() => i64x2.shl(pair[0], by)), [80n, -112n]);
  assertEquals(longs(() => i64x2.shrS(pair[0], i32.const(1))), [2n, -4n]);
  assertEquals(longs(() => i64x2.shrU(pair[0], i32.const(60))), [0n, 15n]);
  assertEquals(evaluate("i32", () => i32x4.bitmask(i32x4.const(-1, 0, -1, 0))), 5);
  assertEquals(evaluate("i32", () => i64x2.bitmask(pair[0])), 2);
  assertEquals(evaluate("i32", () => i32x4.allTrue(i32x4.const(1, 1, 0, 1))), 0);
  assertEquals(evaluate("i32", () => i64x2.allTrue(pair[0])), 1);
  assertEquals(evaluate("i32", () => v128.anyTrue(i32x4.const(0, 0, 1, 0))), 1);
});

Deno.test("lanes are put in, taken out, moved and converted", () => {
  const v = f32x4.const(1, 2, 3, 4);
  const w = f32x4.const(5, 6, 7, 8);
  assertEquals(floats(() => v128.shuffle(v, w, lanes(4, 0, 4, 3, 7))), [1, 5, 4, 8]);
  assertEquals(floats(() => f32x4.replaceLane(v, 2, f32.const(9))), [1, 2, 9, 4]);
  assertEquals(doubles(() => f64x2.replaceLane(f64x2.const(1, 2), 1, f64.const(9))), [1, 9]);
  assertEquals(integers(() => i32x4.replaceLane(i32x4.const(1), 0, i32.const(9))), [9, 1, 1, 1]);
  assertEquals(longs(() => i64x2.replaceLane(i64x2.const(1n), 0, i64.const(9))), [9n, 1n]);
  assertEquals(evaluate("f32", () => f32x4.extractLane(v, 3)), 4);
  assertEquals(evaluate("f64", () => f64x2.extractLane(f64x2.const(1, 2), 1)), 2);
  assertEquals(evaluate("i32", () => i32x4.extractLane(i32x4.const(1, 2, 3, 4), 1)), 2);
  assertEquals(evaluate("i64", () => i64x2.extractLane(i64x2.const(1n, 2n), 1)), 2n);
  assertEquals(floats(() => f32x4.splat(f32.const(2))), [2, 2, 2, 2]);
  assertEquals(doubles(() => f64x2.splat(f64.const(2))), [2, 2]);
  assertEquals(integers(() => i32x4.splat(i32.const(2))), [2, 2, 2, 2]);
  assertEquals(longs(() => i64x2.splat(i64.const(2))), [2n, 2n]);
  assertEquals(floats(() => f32x4.convertI32x4S(i32x4.const(-1))), [-1, -1, -1, -1]);
  assertEquals(floats(() => f32x4.convertI32x4U(i32x4.const(-1))), [2 ** 32, 2 ** 32, 2 ** 32, 2 ** 32]);
  assertEquals(floats(() => f32x4.demoteF64x2Zero(f64x2.const(0.1, 2))), [fround(0.1), 2, 0, 0]);
  assertEquals(doubles(() => f64x2.promoteLowF32x4(v)), [1, 2]);
  assertEquals(doubles(() => f64x2.convertLowI32x4S(i32x4.const(-1))), [-1, -1]);
  assertEquals(doubles(() => f64x2.convertLowI32x4U(i32x4.const(-1))), [2 ** 32 - 1, 2 ** 32 - 1]);
  assertEquals(integers(() => i32x4.truncSatF32x4S(f32x4.const(1.9, -1.9, NaN, 1e20))), [1, -1, 0, 2 ** 31 - 1]);
  assertEquals(integers(() => i32x4.truncSatF32x4U(f32x4.const(1.9, -1.9, NaN, 1e20))), [1, 0, 0, -1]);
  assertEquals(integers(() => i32x4.truncSatF64x2SZero(f64x2.const(-1.9, 1e20))), [-1, 2 ** 31 - 1, 0, 0]);
  assertEquals(integers(() => i32x4.truncSatF64x2UZero(f64x2.const(-1.9, 1e20))), [0, -1, 0, 0]);
  const shorts = i32x4.const(-65535, 3, 0, -1);
  assertEquals(integers(() => i32x4.extendLowI16x8S(shorts)), [1, -1, 3, 0]);
  assertEquals(integers(() => i32x4.extendLowI16x8U(shorts)), [1, 65535, 3, 0]);
  assertEquals(integers(() => i32x4.extendHighI16x8S(shorts)), [0, 0, -1, -1]);
  assertEquals(integers(() => i32x4.extendHighI16x8U(shorts)), [0, 0, 65535, 65535]);
  assertEquals(longs(() => i64x2.extendLowI32x4S(shorts)), [-65535n, 3n]);
  assertEquals(longs(() => i64x2.extendHighI32x4S(shorts)), [0n, -1n]);
  assertEquals(longs(() => i64x2.extendLowI32x4U(shorts)), [2n ** 32n - 65535n, 3n]);
  assertEquals(longs(() => i64x2.extendHighI32x4U(shorts)), [0n, 2n ** 32n - 1n]);
  const words = i32x4.const(-1, 3, 7, -2);
  assertEquals(longs(() => i64x2.extmulLowI32x4U(words, i32x4.const(-1, 5, 0, 0))), [
    BigInt.asIntN(64, (2n ** 32n - 1n) ** 2n),
    15n,
  ]);
  assertEquals(longs(() => i64x2.extmulHighI32x4U(words, i32x4.const(0, 0, 9, 3))), [63n, 3n * (2n ** 32n - 2n)]);
});

Deno.test("bits are combined", () => {
  const [a, b] = [i32x4.const(12), i32x4.const(10)];
  assertEquals(integers(() => v128.and(a, b))[0], 8);
  assertEquals(integers(() => v128.or(a, b))[0], 14);
  assertEquals(integers(() => v128.xor(a, b))[0], 6);
  assertEquals(integers(() => v128.andnot(a, b))[0], 4);
  assertEquals(integers(() => v128.not(a))[0], ~12);
  assertEquals(integers(() => v128.bitselect(i32x4.const(3), a, b))[0], 8);
});
