import type { BroadcastParams } from "./broadcast.ts";
import type { Case, CaseInput } from "./define.ts";

const to = (name: string, shape: readonly number[], x: CaseInput, gradient = true): Case<BroadcastParams> => ({
  name,
  inputs: { x },
  params: { shape },
  gradient,
});

/** Input sets for `broadcast`: whole vectors of four and not, layouts, dtypes, empty arrays. */
export const broadcastCases: readonly Case<BroadcastParams>[] = [
  to("a scalar to a matrix", [7, 9], { shape: [] }),
  to("a scalar to a scalar", [], { shape: [] }),
  to("a row to a matrix", [5, 12], { shape: [12] }),
  to("a row of odd length", [5, 13], { shape: [13] }),
  to("a column to a matrix", [6, 8], { shape: [6, 1] }),
  to("a column to a matrix of odd width", [6, 7], { shape: [6, 1] }),
  to("the same shape", [3, 4], { shape: [3, 4] }),
  to("middle axis", [3, 5, 4], { shape: [3, 1, 4] }),
  to("first and last axis of rank 4", [2, 3, 5, 8], { shape: [1, 3, 5, 1] }),
  to("new axes before a transposed view", [3, 7, 5], { shape: [7, 5], layout: "transposed" }),
  to("every second element", [4, 8], { shape: [1, 8], layout: "strided" }),
  to("offset into a larger block", [5, 8], { shape: [8], layout: "offset" }),
  to("no elements", [0, 3], { shape: [1, 3] }),
  to("an empty axis", [2, 0], { shape: [0] }),
  to("more workgroups than one dimension holds", [65_537, 65], { shape: [65] }, false),
  to("special values", [3, 64], { shape: [64], fill: "special" }, false),
  to("booleans", [3, 5], { shape: [5], dtype: "bool", fill: [1, 0, 0, 1, 1] }, false),
  to("integers", [2, 4], { shape: [4], dtype: "i32", fill: [-2147483648, 2147483647, -1, 0] }, false),
  to("half precision", [3, 8], { shape: [8], dtype: "f16" }, false),
  to("half precision, odd width", [3, 7], { shape: [3, 1], dtype: "f16" }, false),
  to("a row to a large matrix", [5000, 64], { shape: [64] }, false),
  to("a column to a large matrix", [5000, 64], { shape: [5000, 1] }, false),
];
