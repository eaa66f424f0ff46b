import type { ConcatenateParams } from "./concatenate.ts";
import type { Case, CaseInput } from "./define.ts";

const along = (name: string, axis: number, parts: readonly CaseInput[], gradient = true): Case<ConcatenateParams> => ({
  name,
  inputs: Object.fromEntries(parts.map((part, k) => [`x${k}`, part])),
  params: { axis },
  gradient,
});

const shapes = (...list: readonly (readonly number[])[]): CaseInput[] => list.map((shape) => ({ shape }));

/** Input sets for `concatenate`: one to many parts, every axis, empty parts, layouts, dtypes. */
export const concatenateCases: readonly Case<ConcatenateParams>[] = [
  along("one array", 0, shapes([5])),
  along("two vectors", 0, shapes([5], [7])),
  along("vectors whose parts are whole vectors of four", 0, shapes([8], [4], [12])),
  along("rows", 0, shapes([2, 3], [1, 3], [4, 3])),
  along("columns", 1, shapes([5, 2], [5, 1], [5, 3])),
  along("wide columns", 1, shapes([3, 8], [3, 4])),
  along("middle axis", 1, shapes([2, 3, 4], [2, 5, 4])),
  along("more parts than one dispatch takes", 0, Array.from({ length: 17 }, (_, k) => ({ shape: [k % 4, 3] }))),
  along("empty parts between", 0, shapes([0, 4], [2, 4], [0, 4], [1, 4])),
  along("only empty parts", 0, shapes([0], [0])),
  along("an empty other axis", 0, shapes([2, 0], [3, 0])),
  along("parts larger than a workgroup", 0, shapes([65], [1009], [64])),
  along("three layouts", 0, [
    { shape: [4, 6], layout: "transposed" },
    { shape: [3, 6], layout: "strided" },
    { shape: [2, 6], layout: "offset" },
  ]),
  along("three layouts of whole vectors of four", 1, [
    { shape: [3, 8] },
    { shape: [3, 4], layout: "offset" },
    { shape: [3, 8], layout: "transposed" },
  ]),
  along("special values", 0, [{ shape: [40], fill: "special" }, { shape: [24], fill: "special" }], false),
  along("integers", 0, [
    { shape: [3], dtype: "i32", fill: [-2147483648, 2147483647, -1] },
    { shape: [2], dtype: "i32", fill: [7, 16777217] },
  ], false),
  along(
    "booleans",
    0,
    [{ shape: [3], dtype: "bool", fill: [1, 0, 1] }, { shape: [2], dtype: "bool", fill: [0, 1] }],
    false,
  ),
  along("half precision", 1, [{ shape: [3, 5], dtype: "f16" }, { shape: [3, 2], dtype: "f16" }], false),
  along("half precision in fours", 0, [{ shape: [2, 8], dtype: "f16" }, { shape: [1, 8], dtype: "f16" }], false),
  along("rows of whole vectors, many of them", 1, shapes([9000, 16], [9000, 32]), false),
  along("rows of two vectors and one, many of them", 1, shapes([30_000, 8], [30_000, 4]), false),
  along("large parts one after the other", 0, shapes([1, 160_000], [1, 160_000]), false),
];
