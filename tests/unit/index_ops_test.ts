import { assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../src/device/mod.ts";
import { broadcast } from "../../src/ops/broadcast.ts";
import { concatenate } from "../../src/ops/concatenate.ts";
import type { HostArray, OpDefinition } from "../../src/ops/define.ts";
import { gather } from "../../src/ops/gather.ts";
import { scatterAdd } from "../../src/ops/scatter_add.ts";
import { type ArrayType, sizeOf } from "../../src/ops/value.ts";
import { load, type Nested } from "../oracle/fixtures.ts";

const type = (shape: readonly number[], dtype: DType = "f32"): ArrayType => ({ shape, dtype });

const flatten = (v: Nested): number[] => typeof v === "number" ? [v] : v.flatMap(flatten);
const shapeOf = (v: Nested): number[] => typeof v === "number" ? [] : [v.length, ...shapeOf(v[0])];

function host(value: Nested, dtype: DType = "f64"): HostArray {
  return { shape: shapeOf(value), dtype, data: Float64Array.from(flatten(value)) };
}

function evaluate<P>(op: OpDefinition<P>, inputs: Record<string, HostArray>, params: P): HostArray {
  const { out } = op.contract(inputs, params), result = { ...out, data: new Float64Array(sizeOf(out.shape)) };
  op.reference(inputs, params, { out: result });
  return result;
}

Deno.test("gather and scatterAdd agree with NumPy", () => {
  const { cases } = load("index");
  assertEquals(new Set(cases.map(({ op }) => op)), new Set(["take", "scatterAdd"]));
  for (const { op, name, x, axis, indices, updates, result } of cases) {
    const arrays = { x: host(x), indices: host(indices, "i32") };
    const found = op === "take"
      ? evaluate(gather, arrays, { axis })
      : evaluate(scatterAdd, { ...arrays, updates: host(updates!) }, { axis });
    assertEquals(found.shape, shapeOf(result), name);
    assertEquals([...found.data], flatten(result), name);
  }
});

Deno.test("broadcast refuses shapes that do not fit", () => {
  const refuse = (x: ArrayType | null, shape: number[], kind: typeof TypeError | typeof RangeError, message: string) =>
    assertThrows(() => broadcast.contract({ x }, { shape }), kind, message);
  refuse(type([3, 4]), [2, 5], TypeError, "Cannot broadcast x [3, 4] to [2, 5]");
  refuse(type([3, 4]), [4], TypeError, "Cannot broadcast x [3, 4] to [4]");
  refuse(type([1]), [2.5], RangeError, 'Expected "shape" to be whole sizes from 0, got [2.5]');
  refuse(null, [2], TypeError, 'Expected "x" to be an array, got a number');
});

Deno.test("gather refuses positions that are no integers and axes that are not there", () => {
  const refuse = (indices: ArrayType, params: { axis: number; fill?: number }, x: ArrayType, message: string) =>
    assertThrows(() => gather.contract({ x, indices }, params), Error, message);
  refuse(type([2]), { axis: 0 }, type([3]), 'Expected "indices" to be i32 or u32, got f32');
  refuse(type([2], "i32"), { axis: 1 }, type([3]), 'Expected "axis" to be an axis of the shape [3], got 1');
  refuse(type([2], "i32"), { axis: -1 }, type([3]), 'Expected "axis" to be an axis of the shape [3], got -1');
  refuse(
    type([2], "i32"),
    { axis: 0, fill: 0.5 },
    type([3], "u32"),
    'Expected "fill" to be a whole number for u32, got 0.5',
  );
  assertThrows(
    () => gather.contract({ x: type([3]) }, { axis: 0 }),
    TypeError,
    'Expected "indices" to be an array, got nothing',
  );
});

Deno.test("scatterAdd refuses updates that do not fit", () => {
  const refuse = (x: ArrayType, indices: ArrayType, updates: ArrayType, message: string) =>
    assertThrows(() => scatterAdd.contract({ x, indices, updates }, { axis: 0 }), TypeError, message);
  const i = type([2], "i32");
  refuse(type([3, 4]), i, type([3, 4]), "expected updates [2, 4]");
  refuse(type([3, 4]), i, type([2]), "Cannot add updates [2] to x [3, 4] at 2 positions of axis 0");
  refuse(type([3]), type([1, 2], "i32"), type([2]), 'Expected "indices" to be a vector [m], got shape [1, 2]');
  refuse(type([3]), i, type([2], "i32"), "Cannot add updates i32 to x f32: dtypes differ");
  refuse(type([3], "bool"), i, type([2], "bool"), "Cannot add to x of dtype bool");
});

Deno.test("concatenate refuses arrays that differ beside the axis", () => {
  const refuse = (parts: ArrayType[], axis: number, kind: typeof TypeError | typeof RangeError, message: string) =>
    assertThrows(
      () => concatenate.contract(Object.fromEntries(parts.map((part, k) => [`x${k}`, part])), { axis }),
      kind,
      message,
    );
  refuse([], 0, TypeError, "Cannot concatenate nothing");
  refuse(
    [type([2, 3]), type([2, 4])],
    0,
    TypeError,
    "Cannot concatenate x0 [2, 3] and x1 [2, 4] along axis 0: other axes differ",
  );
  refuse([type([2]), type([2, 1])], 0, TypeError, "other axes differ");
  refuse([type([2]), type([2], "i32")], 0, TypeError, "Cannot concatenate x0 f32 and x1 i32: dtypes differ");
  refuse([type([2])], 1, RangeError, 'Expected "axis" to be an axis of the shape [2], got 1');
  assertThrows(
    () => concatenate.contract({ x1: type([2]) }, { axis: 0 }),
    TypeError,
    'Expected "x0" to be an array, got nothing',
  );
});
