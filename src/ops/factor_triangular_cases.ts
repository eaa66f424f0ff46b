import type { Case } from "./define.ts";
import { triangularFill } from "./factor_cases.ts";
import type { TriangularSolveParams } from "./factor_triangular.ts";

const both = [false, true];
const uses = both.flatMap((lower) =>
  both.flatMap((transpose) => both.map((unitDiagonal): TriangularSolveParams => ({ lower, transpose, unitDiagonal })))
);
const lower: TriangularSolveParams = { lower: true, transpose: false, unitDiagonal: false };
const upper: TriangularSolveParams = { lower: false, transpose: false, unitDiagonal: false };

/** Input sets for `triangularSolve`. */
export const triangularCases: readonly Case<TriangularSolveParams>[] = [
  ...(["f32", "f64"] as const).flatMap((dtype): Case<TriangularSolveParams>[] => [
    ...uses.map((params): Case<TriangularSolveParams> => ({
      name: `${dtype}, lower ${params.lower}, transpose ${params.transpose}, unit diagonal ${params.unitDiagonal}`,
      inputs: {
        a: { shape: [2, 75, 75], dtype, fill: triangularFill(75, 2) },
        b: { shape: [2, 75, 3], dtype },
      },
      params,
    })),
    ...[1, 2, 15, 16, 17, 31, 64, 65, 131].flatMap((n) =>
      [lower, upper].map((params): Case<TriangularSolveParams> => ({
        name: `${dtype} of size ${n}, lower ${params.lower}`,
        inputs: { a: { shape: [n, n], dtype, fill: triangularFill(n) }, b: { shape: [n, n % 7 + 1], dtype } },
        params,
      }))
    ),
    {
      name: `many right-hand sides of ${dtype}`,
      inputs: { a: { shape: [140, 140], dtype, fill: triangularFill(140) }, b: { shape: [140, 150], dtype } },
      params: upper,
    },
    {
      name: `one matrix of ${dtype} for a stack of right-hand sides`,
      inputs: { a: { shape: [21, 21], dtype, fill: triangularFill(21) }, b: { shape: [3, 2, 21, 4], dtype } },
      params: lower,
    },
    {
      name: `a stack of ${dtype} for one right-hand side`,
      inputs: { a: { shape: [3, 2, 21, 21], dtype, fill: triangularFill(21, 6) }, b: { shape: [21, 4], dtype } },
      params: upper,
    },
    {
      name: `right-hand sides of ${dtype} in another order`,
      inputs: {
        a: { shape: [2, 19, 19], dtype, fill: triangularFill(19, 2) },
        b: { shape: [3, 1, 19, 4], dtype, layout: "transposed" },
        order: { shape: [2, 19], dtype: "i32", fill: Array.from({ length: 38 }, (_, k) => k * 7 % 19) },
      },
      params: lower,
    },
    {
      name: `views of ${dtype}`,
      inputs: {
        a: { shape: [3, 30, 30], dtype, fill: triangularFill(30, 3), layout: "strided" },
        b: { shape: [3, 30, 5], dtype, layout: "transposed" },
      },
      params: lower,
    },
    {
      name: `${dtype} at an offset`,
      inputs: {
        a: { shape: [30, 30], dtype, fill: triangularFill(30), layout: "offset" },
        b: { shape: [30, 5], dtype, layout: "offset" },
      },
      params: { lower: false, transpose: true, unitDiagonal: false },
    },
    {
      name: `singular ${dtype}, and some that are not finite`,
      inputs: {
        a: {
          shape: [6, 2, 2],
          dtype,
          fill: [1, 2, 3, 4, 0, 5, 1, 0, 1, 1, 1, 0, 1, NaN, 0, 2, 3, 0, 1, Infinity, 2, 1, 0, 2],
        },
        b: { shape: [6, 2, 1], dtype, fill: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NaN, 12] },
      },
      params: upper,
    },
  ]),
  {
    name: "many right-hand sides over two levels of blocks",
    inputs: {
      a: { shape: [290, 290], dtype: "f64", fill: triangularFill(290) },
      b: { shape: [290, 140], dtype: "f64" },
    },
    params: lower,
  },
  {
    name: "elements near the ends of the range, and beyond",
    inputs: {
      a: { shape: [4, 2, 2], fill: [1e38, 0, 1e38, 3e38, 1e-37, 0, 1e-37, 2e-37, 1e30, 0, 2, 1e-30, 1e-30, 0, 0, 1] },
      b: { shape: [4, 2, 1], fill: [1e38, 2e38, 1e-37, 2e-37, 1, 1e-30, 1e30, 1] },
    },
    params: lower,
  },
  {
    name: "no right-hand sides",
    inputs: { a: { shape: [4, 4], fill: triangularFill(4) }, b: { shape: [4, 0] } },
    params: lower,
  },
  { name: "no elements", inputs: { a: { shape: [3, 0, 0] }, b: { shape: [0, 2] } }, params: lower },
];
