import type { Case } from "./define.ts";
import type { SoftmaxParams } from "./softmax.ts";

/** Input sets for `softmax`. */
export const softmaxCases: readonly Case<SoftmaxParams>[] = [
  ...[false, true].flatMap((log): Case<SoftmaxParams>[] => {
    const of = log ? "log-softmax" : "softmax";
    return [
      { name: `${of} of rows`, inputs: { x: { shape: [37, 65] } }, params: { formula: "x", axis: 1, log } },
      { name: `${of} of rows of vectors`, inputs: { x: { shape: [19, 36] } }, params: { formula: "x", axis: 1, log } },
      { name: `${of} of columns`, inputs: { x: { shape: [65, 37] } }, params: { formula: "x", axis: 0, log } },
      {
        name: `${of} of a middle axis of a transposed view`,
        inputs: { x: { shape: [5, 6, 7], layout: "transposed" } },
        params: { formula: "x", axis: 1, log },
      },
      {
        name: `${of} with special values`,
        inputs: { x: { shape: [40, 8], fill: "special" } },
        params: { formula: "x", axis: 1, log },
        gradient: false,
      },
      {
        name: `${of} with special values in columns`,
        inputs: { x: { shape: [6, 41], fill: "special" } },
        params: { formula: "x", axis: 0, log },
        gradient: false,
      },
      {
        name: `${of} of all −∞, some −∞ and +∞`,
        inputs: {
          x: {
            shape: [3, 4],
            fill: [-Infinity, -Infinity, -Infinity, -Infinity, 1, -Infinity, 2, 3, 1, Infinity, 2, -Infinity],
          },
        },
        params: { formula: "x", axis: 1, log },
        gradient: false,
      },
      {
        name: `${of} of large values`,
        inputs: { x: { shape: [5, 12], fill: [1000, 999, -1000, 88, 3e38, -3e38, 1001] } },
        params: { formula: "x", axis: 1, log },
        gradient: false,
      },
      {
        name: `${of} of scores with a mask`,
        inputs: {
          s: { shape: [2, 3, 9, 16] },
          m: { shape: [9, 16], fill: "uniform" },
          r: { shape: [3, 1, 16] },
          c: 0.25,
        },
        params: { formula: "s * c + m - r", axis: 3, log },
      },
      {
        name: `${of} along an axis that an input does not have`,
        inputs: { x: { shape: [6, 1] }, y: { shape: [8] } },
        params: { formula: "x * y", axis: 1, log },
      },
      {
        name: `${of} longer than a software adapter's loops`,
        inputs: { x: { shape: [300_007] } },
        params: { formula: "x", axis: 0, log },
        gradient: false,
      },
    ];
  }),
  {
    name: "large rows",
    inputs: { x: { shape: [33, 60_004] } },
    params: { formula: "x", axis: 1 },
    gradient: false,
  },
  { name: "rows of one element", inputs: { x: { shape: [5, 1] } }, params: { formula: "x", axis: 1 } },
  { name: "no rows", inputs: { x: { shape: [0, 3] } }, params: { formula: "x", axis: 1 } },
  { name: "rows without elements", inputs: { x: { shape: [3, 0] } }, params: { formula: "x", axis: 1 } },
  {
    name: "half precision",
    inputs: { x: { shape: [20, 100], dtype: "f16" } },
    params: { formula: "x", axis: 1 },
    gradient: false,
  },
  {
    name: "integers",
    inputs: { x: { shape: [9, 7], dtype: "i32", fill: [5, -3, 2, 7, 7, 90] } },
    params: { formula: "x", axis: 1 },
    gradient: false,
  },
  {
    name: "offset rows",
    inputs: { x: { shape: [17, 8], layout: "offset" } },
    params: { formula: "2 * x", axis: 1 },
  },
  ...[false, true].flatMap((log): Case<SoftmaxParams>[] => [
    {
      name: `f64, log ${log}`,
      inputs: { x: { shape: [13, 21], dtype: "f64" } },
      params: { formula: "x", axis: 1, log },
    },
    {
      name: `special values of f64, log ${log}`,
      inputs: { x: { shape: [40, 8], dtype: "f64", fill: "special" } },
      params: { formula: "x", axis: 1, log },
      gradient: false,
    },
  ]),
];
