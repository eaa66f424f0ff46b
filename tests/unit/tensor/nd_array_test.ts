import { assertEquals } from "@std/assert";
import { broadcastTo, build, elementwise, positions, reduce, reshape, slice, stored, transpose } from "./nd_array.ts";

const counting = (...shape: number[]) => {
  let n = 0;
  return build(shape, "f32", () => n++);
};

Deno.test("the plain array slices as Python does", () => {
  // Each line: size, slice, what list(range(size))[slice] gives.
  const known: [number, [number | null, (number | null)?, number?], number[]][] = [
    [5, [null], [0, 1, 2, 3, 4]],
    [5, [1, 4], [1, 2, 3]],
    [5, [-3, null], [2, 3, 4]],
    [5, [null, null, -1], [4, 3, 2, 1, 0]],
    [5, [null, null, -2], [4, 2, 0]],
    [5, [1, 100, 2], [1, 3]],
    [5, [-100, 2], [0, 1]],
    [5, [-100, 4, 3], [0, 3]],
    [5, [100, -100, -3], [4, 1]],
    [5, [3, 1], []],
    [5, [3, -1, -1], []],
    [5, [1, null, -1], [1, 0]],
    [0, [null, null, -1], []],
    [1, [-1, null, 5], [0]],
  ];
  for (const [size, part, expected] of known) {
    assertEquals(positions(part, size), expected, JSON.stringify([size, part]));
  }
});

Deno.test("the plain array transposes, broadcasts, reshapes and reduces", () => {
  const a = counting(2, 3);
  assertEquals(transpose(a, [1, 0]).data, [0, 3, 1, 4, 2, 5]);
  assertEquals(slice(a, [-1]), { shape: [3], dtype: "f32", data: [3, 4, 5] });
  assertEquals(slice(a, [null, [null, null, -2]]), { shape: [2, 2], dtype: "f32", data: [2, 0, 5, 3] });
  assertEquals(broadcastTo(counting(2, 1), [2, 2, 2]).data, [0, 0, 1, 1, 0, 0, 1, 1]);
  assertEquals(reshape(a, [3, 2]).shape, [3, 2]);
  assertEquals(elementwise("f32", (x, y) => x + 10 * y, a, counting(2, 1)).data, [0, 1, 2, 13, 14, 15]);
  const sum = (v: number[]) => v.reduce((s, x) => s + x, 0);
  assertEquals(reduce(a, [0], false, "f32", sum), { shape: [3], dtype: "f32", data: [3, 5, 7] });
  assertEquals(reduce(a, [0, 1], true, "f32", sum), { shape: [1, 1], dtype: "f32", data: [15] });
  assertEquals(reduce(counting(2, 0), [1], false, "f32", sum).data, [0, 0]);
  assertEquals(reduce(counting(), [], false, "f32", sum), { shape: [], dtype: "f32", data: [0] });
});

Deno.test("the plain array stores as each dtype does", () => {
  assertEquals([stored(2 ** 31, "i32"), stored(-1, "u32"), stored(-2.7, "i32")], [-(2 ** 31), 4294967295, -2]);
  assertEquals([stored(NaN, "bool"), stored(0.1, "f32"), stored(2049, "f16"), stored(0.1, "f64")], [
    1,
    Math.fround(0.1),
    2048,
    0.1,
  ]);
});
