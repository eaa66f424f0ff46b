import { assertEquals, assertThrows } from "@std/assert";
import { line, scatter } from "../../../src/plot/mod.ts";
import { toTable } from "../../../src/plot/data.ts";

Deno.test("columns and records give the same rows", () => {
  const records = [{ n: 1, name: "a" }, { n: 2, name: "b" }];
  assertEquals(toTable({ n: [1, 2], name: ["a", "b"] }), toTable(records));
  assertEquals(toTable(records).rows, records);
});

Deno.test("types follow from the values", () => {
  const { types, rows } = toTable({
    count: BigInt64Array.of(1n, 2n),
    day: [new Date(Date.UTC(2024, 0, 1)), null],
    name: ["a", undefined],
    done: [true, false],
  });
  assertEquals([...types], [["count", "quantitative"], ["day", "temporal"], ["name", "nominal"], ["done", "nominal"]]);
  assertEquals(rows, [
    { count: 1, day: "2024-01-01T00:00:00.000Z", name: "a", done: true },
    { count: 2, day: null, name: null, done: false },
  ]);
});

Deno.test("numbers that are not finite become gaps", () => {
  const { rows } = toTable({ value: [1, NaN, Infinity, -Infinity] });
  assertEquals(rows.map(({ value }) => value), [1, null, null, null]);
});

Deno.test("floats are written with the digits that they have", () => {
  const values = [0.1, 1 / 3, 1e-30, 16777217, -2.5];
  const single = Float32Array.from(values);
  const written = toTable({ single }).rows.map(({ single }) => single as number);
  assertEquals(written[0], 0.1);
  assertEquals(Float32Array.from(written), single);
  const half = Float16Array.from([0.1, 2048]);
  const short = toTable({ half }).rows.map(({ half }) => half as number);
  assertEquals(short[0], 0.1);
  assertEquals(Float16Array.from(short), half);
});

Deno.test("a row that lacks a field has a gap there", () => {
  assertEquals(toTable([{ u: 1 }, { v: 2 }]).rows, [{ u: 1, v: null }, { u: null, v: 2 }]);
});

Deno.test("a field that cannot be drawn is left out, and refused by name if it is asked for", () => {
  const data = [{ u: 1, v: 2, plan: new Float32Array(3) }];
  assertEquals(Object.keys(toTable(data).rows[0]), ["u", "v"]);
  assertThrows(
    () => scatter(data, { x: "u", y: "plan" }),
    TypeError,
    'Expected field "plan" to hold numbers, strings, booleans or dates, got Float32Array',
  );
});

Deno.test("a typo in a field is refused with the nearest name", () => {
  const data = { n: [1], time: [2] };
  assertThrows(() => line(data, { x: "n", y: "tme" }), TypeError, 'Unknown field "tme", did you mean "time"?');
  assertThrows(() => line(data, { x: "n", y: "residual" }), TypeError, 'the fields are "n", "time"');
  for (const channel of ["color", "dash", "detail", "order"]) {
    assertThrows(() => line(data, { x: "n", y: "time", [channel]: "tmie" }), TypeError, 'did you mean "time"?');
  }
  assertThrows(() => line(data, { x: "n", y: "time", tooltip: ["tine"] }), TypeError, 'did you mean "time"?');
});

Deno.test("a typo in an option or a channel is refused with the nearest name", () => {
  const data = { n: [1], time: [2] };
  const at = { x: "n", y: "time" };
  assertThrows(
    () => line(data, { ...at, colour: "n" } as never),
    TypeError,
    'Unknown name "colour" in the options of line, did you mean "color"?',
  );
  assertThrows(() => line(data, { x: { field: "n", titel: "size" } as never, y: "time" }), TypeError, '"titel" in "x"');
  assertThrows(
    () => line(data, { x: { field: "n", scale: "logarithmic" as never }, y: "time" }),
    TypeError,
    'Expected "scale" in "x" to be one of linear, log, sqrt, symlog, got "logarithmic"',
  );
  assertThrows(
    () => line(data, { x: "n" } as never),
    TypeError,
    'Expected "y" to be the name of a field or { field }, got undefined',
  );
  assertThrows(() => line(data, undefined as never), TypeError, "Expected the options of line to be an object");
  assertThrows(
    () => line(data, { ...at, width: -3 }),
    RangeError,
    'Expected "width" to be positive and finite, got -3',
  );
});

Deno.test("data that are no table are refused", () => {
  const at = { x: "u", y: "v" };
  assertThrows(() => line([], at), RangeError, "Cannot plot empty data: expected at least one row");
  assertThrows(() => line({ u: [], v: [] }, at), RangeError, "Cannot plot empty data");
  assertThrows(() => line([1, 2] as never, at), TypeError, "got 1 in row 0");
  assertThrows(() => line([[1, 2]], at), TypeError, "got an array in row 0");
  assertThrows(() => line(new Float32Array(2) as never, at), TypeError, "got a typed array");
  assertThrows(
    () => line({ u: [1], v: "2" } as never, at),
    TypeError,
    'Expected column "v" to be an array, got string',
  );
  assertThrows(
    () => line({ u: [1], v: [1, 2] }, at),
    TypeError,
    'Expected columns of one length, got: "u" has 1, "v" has 2',
  );
  assertThrows(
    () => line({ u: [1, "a"], v: [1, 2] }, at),
    TypeError,
    'Expected field "u" to hold values of one kind, got number and string',
  );
  assertThrows(
    () => line({ u: [1, 2], v: [NaN, NaN] }, at),
    RangeError,
    'Cannot plot field "v": expected at least one finite number, got none',
  );
});
