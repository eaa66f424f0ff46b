import type { Case, CaseInput } from "./define.ts";
import type { GatherParams } from "./gather.ts";

const take = (
  name: string,
  x: CaseInput,
  indices: CaseInput,
  params: GatherParams = { axis: 0 },
  gradient = true,
): Case<GatherParams> => ({ name, inputs: { x, indices }, params, gradient });

const at = (...fill: number[]): CaseInput => ({ shape: [fill.length], dtype: "i32", fill });
const random = (shape: readonly number[], below: number): CaseInput => ({ shape, dtype: "i32", fill: "index", below });

/** Input sets for `gather`: axes, shapes of the indices, negative and impossible positions, layouts, dtypes. */
export const gatherCases: readonly Case<GatherParams>[] = [
  ...[0, 1, 63, 64, 65, 257].map((m) => take(`${m} positions of a vector`, { shape: [37] }, random([m], 37))),
  take("rows, several times", { shape: [7, 5] }, at(3, 0, 3, 6, 3)),
  take("rows of whole vectors of four", { shape: [9, 8] }, random([13], 9)),
  take("columns", { shape: [5, 6] }, at(5, 0, 0, 2), { axis: 1 }),
  take("middle axis", { shape: [2, 6, 3] }, random([4], 6), { axis: 1 }),
  take("middle axis before whole vectors of four", { shape: [3, 5, 4] }, random([7], 5), { axis: 1 }),
  take("indices of rank 2", { shape: [6, 3] }, random([4, 5], 6)),
  take("indices of rank 3 at the last axis", { shape: [2, 6] }, random([2, 3, 2], 6), { axis: 1 }),
  take("a scalar index", { shape: [4, 3] }, { shape: [], dtype: "i32", fill: [2] }),
  take("a scalar index of a vector", { shape: [4] }, { shape: [], dtype: "u32", fill: [3] }),
  take("negative indices", { shape: [5, 2] }, at(-1, -5, 0, -2)),
  take("indices out of range", { shape: [5, 2] }, at(5, -6, 4, 2147483647, -2147483648), { axis: 0 }, false),
  take("indices out of range, rows of four", { shape: [5, 4] }, at(5, -6, 4, 2147483647), { axis: 0 }, false),
  take("indices out of range with a fill", { shape: [5, 3] }, at(5, -6, 4, 1000), { axis: 0, fill: 0.5 }),
  take("unsigned indices out of range", { shape: [5] }, { shape: [3], dtype: "u32", fill: [4294967295, 4, 5] }, {
    axis: 0,
  }, false),
  take("rows of an empty array", { shape: [0, 3] }, at(0, -1), { axis: 0, fill: 7 }),
  take("no rows of empty width", { shape: [4, 0] }, at(0, 1)),
  take("a transposed array", { shape: [7, 9], layout: "transposed" }, random([11], 7)),
  take("every second element", { shape: [6, 8], layout: "strided" }, random([5], 6)),
  take("offset into a larger block", { shape: [6, 8], layout: "offset" }, random([5], 6)),
  take(
    "strided and transposed indices",
    { shape: [30] },
    { ...random([4, 5], 30) as object, layout: "transposed" } as CaseInput,
  ),
  take("every second index", { shape: [8, 4] }, { ...random([9], 8) as object, layout: "strided" } as CaseInput),
  take(
    "more workgroups than one dimension holds",
    { shape: [100] },
    random([65_535 * 64 + 77], 100),
    { axis: 0 },
    false,
  ),
  take("special values", { shape: [64], fill: "special" }, random([70], 64), { axis: 0 }, false),
  take("integers", { shape: [4], dtype: "i32", fill: [-2147483648, 2147483647, -1, 16777217] }, at(3, 0, 4, 1), {
    axis: 0,
  }, false),
  take("integers with a negative fill", { shape: [4, 4], dtype: "i32", fill: [5, 6, 7] }, at(3, 4), {
    axis: 0,
    fill: -9,
  }, false),
  take("booleans", { shape: [3], dtype: "bool", fill: [1, 0, 1] }, at(2, 1, 0, 3), { axis: 0 }, false),
  take("half precision", { shape: [5, 3], dtype: "f16" }, at(2, -1, 9), { axis: 0 }, false),
  take(
    "half precision in fours with a fill",
    { shape: [5, 4], dtype: "f16" },
    at(2, -1, 9),
    { axis: 0, fill: 1.5 },
    false,
  ),
  take("rows of whole vectors, many of them", { shape: [2000, 16] }, random([20_000], 2001), { axis: 0 }, false),
  take("rows of two vectors, many of them", { shape: [3, 500, 8] }, random([20_000], 500), { axis: 1 }, false),
];
