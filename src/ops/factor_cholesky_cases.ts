import type { Case } from "./define.ts";
import { positiveFill } from "./factor_cases.ts";

type Params = Record<string, never>;

const sizes = [1, 2, 15, 16, 17, 33, 63, 64, 65, 97, 150];

/** Input sets for `choleskyFactor`. */
export const choleskyCases: readonly Case<Params>[] = [
  ...(["f32", "f64"] as const).flatMap((dtype): Case<Params>[] => [
    ...sizes.map((n): Case<Params> => ({
      name: `${dtype} of size ${n}`,
      inputs: { a: { shape: [n, n], dtype, fill: positiveFill(n) } },
      params: {},
    })),
    {
      name: `a stack of ${dtype}`,
      inputs: { a: { shape: [2, 3, 20, 20], dtype, fill: positiveFill(20, 6) } },
      params: {},
    },
    {
      name: `graded ${dtype}`,
      inputs: { a: { shape: [40, 40], dtype, fill: positiveFill(40, 1, 1e-6, 1e6) } },
      params: {},
    },
    {
      name: `a strided view of ${dtype}`,
      inputs: { a: { shape: [3, 37, 37], dtype, fill: positiveFill(37, 3), layout: "strided" } },
      params: {},
    },
    {
      name: `an offset view of ${dtype}`,
      inputs: { a: { shape: [18, 18], dtype, fill: positiveFill(18), layout: "offset" } },
      params: {},
    },
    {
      name: `${dtype} that are not positive definite, or not finite`,
      inputs: {
        a: {
          shape: [6, 2, 2],
          dtype,
          fill: [1, 7, 2, 3, 4, 0, 2, 1, 0, 0, 0, 1, -1, 0, 0, -1, 1, NaN, 0, 1, -1, 0, Infinity, 1],
        },
      },
      params: {},
    },
  ]),
  ...[1e-30, 1e18].map((scale): Case<Params> => ({
    name: `elements about ${scale}`,
    inputs: { a: { shape: [21, 21], fill: positiveFill(21, 1, Math.sqrt(scale), Math.sqrt(scale)) } },
    params: {},
  })),
  { name: "many small ones", inputs: { a: { shape: [700, 3, 3], fill: positiveFill(3, 700) } }, params: {} },
  {
    name: "over two levels of blocks",
    inputs: { a: { shape: [300, 300], dtype: "f64", fill: positiveFill(300) } },
    params: {},
  },
  { name: "no elements", inputs: { a: { shape: [3, 0, 0] } }, params: {} },
  { name: "no matrices", inputs: { a: { shape: [0, 4, 4] } }, params: {} },
];
