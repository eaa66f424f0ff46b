import type { Case } from "./define.ts";

type Params = Record<string, never>;

const shapes = [[1, 1], [2, 2], [5, 3], [3, 5], [16, 16], [17, 17], [33, 33], [64, 64], [65, 65], [90, 40], [40, 90]];

/** Input sets for `luFactor`. */
export const luCases: readonly Case<Params>[] = [
  ...(["f32", "f64"] as const).flatMap((dtype): Case<Params>[] => [
    ...shapes.map((shape): Case<Params> => ({
      name: `${dtype} of shape ${shape}`,
      inputs: { a: { shape, dtype } },
      params: {},
    })),
    { name: `a stack of ${dtype}`, inputs: { a: { shape: [2, 3, 20, 20], dtype } }, params: {} },
    {
      name: `a transposed view of ${dtype}`,
      inputs: { a: { shape: [2, 19, 23], dtype, layout: "transposed" } },
      params: {},
    },
    { name: `an offset view of ${dtype}`, inputs: { a: { shape: [18, 18], dtype, layout: "offset" } }, params: {} },
    {
      name: `singular ${dtype}, and some that are not finite`,
      inputs: {
        a: { shape: [5, 2, 2], dtype, fill: [1, 2, 2, 4, 0, 0, 0, 0, 0, 1, 0, 3, 1, NaN, 2, 3, 4, 1, -Infinity, 2] },
      },
      params: {},
    },
    {
      name: `ties of ${dtype}`,
      inputs: { a: { shape: [4, 4], dtype, fill: [1, 2, 3, 4, -1, 3, 3, 1, 1, 7, 1, 9, -1, 0, 2, 1] } },
      params: {},
    },
  ]),
  ...[1e-38, 1e-30, 1e30, 1e38].map((scale): Case<Params> => ({
    name: `elements about ${scale}`,
    inputs: { a: { shape: [3, 3], fill: [1, 2, 0.5, 1.5, 1, 2.5, 3, 0.25, 1].map((v) => Math.fround(v * scale)) } },
    params: {},
  })),
  { name: "overflow", inputs: { a: { shape: [2, 2], fill: [1, 3e38, -1, 3e38] } }, params: {} },
  { name: "many small ones", inputs: { a: { shape: [700, 3, 3] } }, params: {} },
  { name: "more rows than invocations", inputs: { a: { shape: [700, 20], dtype: "f64" } }, params: {} },
  { name: "more rows than registers", inputs: { a: { shape: [4200, 5] } }, params: {} },
  { name: "two rows for each invocation", inputs: { a: { shape: [2, 300, 37] } }, params: {} },
  { name: "many rows for each invocation", inputs: { a: { shape: [1100, 30], dtype: "f64" } }, params: {} },
  { name: "over two levels of blocks", inputs: { a: { shape: [280, 300], dtype: "f64" } }, params: {} },
  { name: "no elements", inputs: { a: { shape: [3, 0, 2] } }, params: {} },
  { name: "no columns", inputs: { a: { shape: [3, 2, 0] } }, params: {} },
  { name: "no matrices", inputs: { a: { shape: [0, 4, 4] } }, params: {} },
];
