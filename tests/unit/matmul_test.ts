import { assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../src/device/mod.ts";
import { FormulaError } from "../../src/formula/mod.ts";
import { matmul, type MatmulParams } from "../../src/ops/matmul.ts";
import type { ArrayType } from "../../src/ops/value.ts";

const type = (shape: number[], dtype: DType = "f32"): ArrayType => ({ shape, dtype });

function output(inputs: Record<string, ArrayType | null>, params: MatmulParams = {}): ArrayType {
  return matmul.contract(inputs, params).out;
}

Deno.test("matmul broadcasts leading axes and takes transposed operands", () => {
  assertEquals(output({ a: type([4, 1, 3, 5]), b: type([2, 5, 7]) }).shape, [4, 2, 3, 7]);
  const transposed = { transposeA: true, transposeB: true };
  assertEquals(output({ a: type([5, 3]), b: type([6, 7, 5]) }, transposed).shape, [6, 3, 7]);
});

Deno.test("matmul gives the widest dtype of its operands unless told otherwise", () => {
  const of = (a: DType, b: DType, params: MatmulParams = {}) =>
    output({ a: type([2, 3], a), b: type([3, 2], b) }, params).dtype;
  assertEquals(of("f16", "f16"), "f16");
  assertEquals(of("f16", "f32"), "f32");
  assertEquals(of("f32", "f64"), "f64");
  assertEquals(of("i32", "u32"), "i32");
  assertEquals(of("bool", "bool"), "i32");
  assertEquals(of("i32", "i32", { epilogue: "product / 2" }), "f32");
  assertEquals(of("f32", "f32", { epilogue: "product > 0" }), "bool");
  assertEquals(of("f16", "f16", { dtype: "f32" }), "f32");
});

Deno.test("matmul refuses operands that do not fit, in words", () => {
  const a = type([3, 4]), b = type([4, 2]);
  const refuses = (inputs: Record<string, ArrayType | null>, params: MatmulParams, message: string) =>
    assertThrows(() => output(inputs, params), TypeError, message);
  refuses({ a, b: type([5, 2]) }, {}, "Cannot multiply a [3, 4] by b [5, 2]: inner sizes 4 and 5 differ");
  refuses(
    { a, b },
    { transposeA: true },
    "Cannot multiply a [3, 4] transposed by b [4, 2]: inner sizes 3 and 4 differ",
  );
  refuses({ a: type([4]), b }, {}, 'Expected "a" to be a matrix [..., rows, columns], got shape [4]');
  refuses({ a, b: null }, {}, 'Expected "b" to be a matrix [..., rows, columns], got a number');
  refuses({ a }, {}, 'Expected "b" to be a matrix [..., rows, columns], got nothing');
  refuses({ a: type([2, 3, 4]), b: type([3, 4, 2]) }, {}, "sizes 2 and 3");
});

Deno.test("matmul refuses epilogues that do not fit, in words", () => {
  const a = type([3, 4]), b = type([4, 2]);
  const refuses = (extras: Record<string, ArrayType>, epilogue: string | undefined, message: string) =>
    assertThrows(() => output({ a, b, ...extras }, { epilogue }), TypeError, message);
  refuses({ c: type([7, 3, 2]) }, "product + c", "Cannot broadcast c [7, 3, 2] to the product [3, 2]");
  refuses({ c: type([3]) }, "product + c", "sizes 2 and 3");
  refuses({ c: type([2]) }, undefined, 'Input "c" is not used: the epilogue reads product');
  refuses({ product: type([2]) }, "product", 'Cannot call an input "product"');
  const misspelt = { epilogue: "prodct + 1" }, operand = { epilogue: "a + product" };
  assertThrows(() => output({ a, b }, misspelt), FormulaError, 'did you mean "product"?');
  assertThrows(() => output({ a, b }, operand), FormulaError, 'Unknown name "a"');
});
