import type { Case } from "./define.ts";
import type { MapParams } from "./map.ts";
import type { ReduceParams } from "./reduce.ts";
import type { Reduction } from "./reducers.ts";

const ALL: readonly Reduction[] = ["sum", "mean", "prod", "max", "min", "argmax", "argmin", "logsumexp", "any", "all"];

/** Input sets for `map` in double precision, which the CPU device alone has. */
export const mapDoubleCases: readonly Case<MapParams>[] = [
  ...[1, 2, 3, 65, 4099].map((n): Case<MapParams> => ({
    name: `f64, n = ${n}`,
    inputs: { x: { shape: [n], dtype: "f64" }, a: 0.1 },
    params: { out: { formula: "a * exp(x) + x" } },
  })),
  {
    name: "f64 beside every other dtype, in rows and columns",
    inputs: {
      x: { shape: [21, 18], dtype: "f64", layout: "transposed" },
      y: { shape: [18], dtype: "f32" },
      i: { shape: [21, 1], dtype: "i32", fill: [2147483647, -3, 5] },
      u: { shape: [21, 18], dtype: "u32", fill: [4294967295, 7], layout: "strided" },
      h: { shape: [18], dtype: "f16" },
      b: { shape: [21, 18], dtype: "bool", fill: [1, 0, 0] },
    },
    params: { out: { formula: "x * y + i + u * h - b" }, flag: { formula: "x > y" } },
    gradient: false,
  },
  {
    name: "f64 stored as every other dtype",
    inputs: { x: { shape: [37], dtype: "f64" } },
    params: {
      f32: { formula: "100 * x", dtype: "f32" },
      f16: { formula: "100 * x", dtype: "f16" },
      i32: { formula: "100 * x", dtype: "i32" },
      u32: { formula: "abs(100 * x)", dtype: "u32" },
      bool: { formula: "x > 0 ? x : 0", dtype: "bool" },
    },
    gradient: false,
  },
  {
    name: "f64 vectors across short rows",
    inputs: { x: { shape: [11, 3], dtype: "f64" }, c: { shape: [3], dtype: "f64" } },
    params: { out: { formula: "(x - c)^2" } },
  },
  {
    name: "f64 special values",
    inputs: { x: { shape: [64], dtype: "f64", fill: "special" } },
    params: { out: { formula: "x" }, top: { formula: "max(x, 0.5)" }, e: { formula: "exp(x)" } },
    gradient: false,
  },
];

/** Input sets for `reduce` in double precision, and in blocks that are joined. */
export const reduceDoubleCases: readonly Case<ReduceParams>[] = [
  ...ALL.flatMap((reduction): Case<ReduceParams>[] => [
    ...([[1], [0], undefined] as const).map((axes): Case<ReduceParams> => ({
      name: `f64 ${reduction} over axes ${axes ?? "all"}`,
      inputs: { x: { shape: [37, 66], dtype: "f64" } },
      params: { reduction, formula: "x", axes },
      gradient: false,
    })),
    {
      name: `f64 ${reduction} with special values`,
      inputs: { x: { shape: [40, 6], dtype: "f64", fill: "special" } },
      params: { reduction, formula: "x", axes: [1] },
      gradient: false,
    },
    {
      name: `${reduction} of long columns`,
      inputs: { x: { shape: [700, 1031] } },
      params: { reduction, formula: "x", axes: [0] },
      gradient: false,
    },
    {
      name: `${reduction} of long rows in segments`,
      inputs: { x: { shape: [3, 2, 9001], layout: "strided" } },
      params: { reduction, formula: "x", axes: [0, 2] },
      gradient: false,
    },
    {
      name: `${reduction} of columns with special values`,
      inputs: { x: { shape: [300, 7], fill: "special" } },
      params: { reduction, formula: "x", axes: [0] },
      gradient: false,
    },
    {
      name: `${reduction} of the lowest values`,
      inputs: { x: { shape: [5, 9000], fill: [-Infinity] } },
      params: { reduction, formula: "x", axes: [1] },
      gradient: false,
    },
  ]),
  {
    name: "counts of conditions in columns, f64 and f32",
    inputs: { x: { shape: [301, 9], dtype: "f64" } },
    params: { reduction: "sum", formula: "x > 0", axes: [0] },
    gradient: false,
  },
  {
    name: "counts of conditions in columns",
    inputs: { x: { shape: [301, 9] } },
    params: { reduction: "sum", formula: "x > 0", axes: [0] },
    gradient: false,
  },
];
