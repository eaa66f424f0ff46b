import type { Case } from "./define.ts";

type Fill = readonly number[] | "normal" | "ties";

const one = (
  name: string,
  shape: readonly number[],
  rest: { fill?: Fill; layout?: "transposed" | "strided" | "offset" } = {},
) => ({
  name,
  inputs: { a: { shape, ...rest } },
  params: {},
  gradient: false,
});

/** Input sets for `householder`: heights around a workgroup's rows, wide ones, stacks, layouts, graded columns, columns with nothing to do. */
export const householderCases: readonly Case<Record<string, never>>[] = [
  ...[[0, 4], [4, 0], [1, 1], [2, 1], [1, 3], [3, 3], [5, 2], [33, 8], [64, 31], [65, 32], [200, 17], [40, 5]].map((
    shape,
  ) => one(`[${shape}]`, shape)),
  one("wide", [3, 20]),
  one("wide and full", [7, 32]),
  one("a stack", [5, 12, 7]),
  one("stacks of stacks", [2, 3, 19, 3]),
  one("no matrices", [0, 4, 3]),
  one("tall", [3001, 6]),
  one("taller than workgroup memory", [600, 32]),
  one("transposed", [30, 9], { layout: "transposed" }),
  one("every second element", [2, 21, 5], { layout: "strided" }),
  one("offset", [17, 4], { layout: "offset" }),
  one("zero", [9, 4], { fill: [0] }),
  one("columns of zeros", [40, 3], { fill: [0, 0.25, 0] }),
  one("upper triangular already", [4, 4], { fill: [2, 1, 1, 3, 0, -1, 4, 1, 0, 0, 0.5, 1, 0, 0, 0, -3] }),
  one("columns of very different size", [7, 3], {
    fill: [1e4, 2, 3e-4, -2e4, 1, 4e-4, 3e4, -1, 1e-4, 1e4, 5, -2e-4, 5e3, -2, 1e-4, 2e4, 1, 7e-4, -1e4, 3, 1e-4],
  }),
];
