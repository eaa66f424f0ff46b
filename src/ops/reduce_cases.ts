import type { Case } from "./define.ts";
import type { ReduceParams } from "./reduce.ts";
import type { Reduction } from "./reducers.ts";

const ALL: readonly Reduction[] = ["sum", "mean", "prod", "max", "min", "argmax", "argmin", "logsumexp", "any", "all"];

/** Input sets for `reduce`. */
export const reduceCases: readonly Case<ReduceParams>[] = [
  ...ALL.flatMap((reduction): Case<ReduceParams>[] => [
    {
      name: `${reduction} of rows`,
      inputs: { x: { shape: [37, 65] } },
      params: { reduction, formula: "x", axes: [1] },
    },
    {
      name: `${reduction} of columns`,
      inputs: { x: { shape: [67, 31] } },
      params: { reduction, formula: "x", axes: [0] },
    },
    { name: `${reduction} of everything`, inputs: { x: { shape: [3, 5, 7] } }, params: { reduction, formula: "x" } },
    {
      name: `${reduction} with special values`,
      inputs: { x: { shape: [40, 6], fill: "special" } },
      params: { reduction, formula: "x", axes: [1] },
      gradient: false,
    },
    {
      name: `${reduction} with ties`,
      inputs: { x: { shape: [9, 33], fill: "ties" } },
      params: { reduction, formula: "x", axes: [1] },
      gradient: reduction === "sum" || reduction === "mean" || reduction === "logsumexp",
    },
    {
      name: `${reduction} of rows of whole vectors, with special values and ties`,
      inputs: { x: { shape: [9, 36], fill: "special" }, c: { shape: [36], fill: "ties" } },
      params: { reduction, formula: "x + c", axes: [1] },
      gradient: false,
    },
    {
      name: `${reduction} of blocks of columns`,
      inputs: { x: { shape: [3, 21, 16] } },
      params: { reduction, formula: "x", axes: [1] },
    },
    {
      name: `${reduction} of one element`,
      inputs: { x: { shape: [4, 1] } },
      params: { reduction, formula: "x", axes: [1] },
    },
  ]),
  ...(["sum", "max", "argmax", "logsumexp"] as const).map((reduction): Case<ReduceParams> => ({
    name: `${reduction} longer than a software adapter's loops`,
    inputs: { x: { shape: [300_007] } },
    params: { reduction, formula: "x" },
    gradient: false,
  })),
  ...(["sum", "argmin", "logsumexp"] as const).flatMap((reduction): Case<ReduceParams>[] => [
    {
      name: `${reduction} of large rows and a column`,
      inputs: { x: { shape: [5, 60_004] }, c: { shape: [5, 1] } },
      params: { reduction, formula: "x + 2 * c", axes: [1] },
      gradient: false,
    },
    {
      name: `${reduction} of large columns`,
      inputs: { x: { shape: [16_389, 24] }, c: { shape: [16_389, 1] }, r: { shape: [24] } },
      params: { reduction, formula: "x * c + r", axes: [0] },
      gradient: false,
    },
  ]),
  {
    name: "blocks of columns over two axes, one of them apart",
    inputs: { x: { shape: [3, 5, 4, 8] }, c: { shape: [3, 1, 4, 1] } },
    params: { reduction: "sum", formula: "x * c", axes: [0, 2] },
  },
  {
    name: "columns of booleans and halves",
    inputs: { x: { shape: [50, 8], dtype: "f16" }, b: { shape: [50, 8], dtype: "bool", fill: [1, 0, 0, 1, 1] } },
    params: { reduction: "sum", formula: "x * b", axes: [0] },
    gradient: false,
  },
  {
    name: "sum of zero elements",
    inputs: { x: { shape: [3, 0] } },
    params: { reduction: "sum", formula: "x", axes: [1] },
  },
  {
    name: "logsumexp of zero elements",
    inputs: { x: { shape: [2, 0] } },
    params: { reduction: "logsumexp", formula: "x", axes: [1] },
    gradient: false,
  },
  {
    name: "sum of a product of broadcast operands",
    inputs: { a: { shape: [6, 1, 9] }, b: { shape: [5, 1] }, s: 1.5 },
    params: { reduction: "sum", formula: "s * a * b^2", axes: [0, 2], keepDims: true },
  },
  {
    name: "middle axis of a transposed view",
    inputs: { x: { shape: [5, 6, 7], layout: "transposed" } },
    params: { reduction: "max", formula: "x", axes: [1] },
  },
  {
    name: "two separate axes of a strided view",
    inputs: { x: { shape: [4, 5, 6], layout: "strided" } },
    params: { reduction: "logsumexp", formula: "2 * x", axes: [0, 2] },
  },
  {
    name: "logsumexp of large values",
    inputs: { x: { shape: [5, 9], fill: [1000, 999, -1000, 88, 3e38, -3e38, 1001] } },
    params: { reduction: "logsumexp", formula: "x", axes: [1] },
    gradient: false,
  },
  {
    name: "product with zeros",
    inputs: { x: { shape: [3, 4], fill: [1, 2, 0, 3, 2, -1, 4, 5, 0, 0, 2, 1] } },
    params: { reduction: "prod", formula: "x", axes: [1] },
  },
  {
    name: "sum of integers",
    inputs: { x: { shape: [100], dtype: "i32", fill: [2147483647, 5, -3] } },
    params: { reduction: "sum", formula: "x" },
    gradient: false,
  },
  {
    name: "maximum of unsigned integers",
    inputs: { x: { shape: [10, 10], dtype: "u32", fill: [4294967295, 7, 0] } },
    params: { reduction: "max", formula: "x", axes: [0] },
    gradient: false,
  },
  {
    name: "count of a condition",
    inputs: { x: { shape: [1000] } },
    params: { reduction: "sum", formula: "x > 0" },
    gradient: false,
  },
  {
    name: "half precision",
    inputs: { x: { shape: [20, 100], dtype: "f16", fill: "uniform" } },
    params: { reduction: "mean", formula: "x", axes: [1] },
    gradient: false,
  },
];
