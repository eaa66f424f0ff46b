import type { Case } from "./define.ts";
import type { SortParams } from "./sort.ts";

const one = (
  name: string,
  shape: readonly number[],
  { x = {}, descending, gradient = true }: { x?: object; descending?: boolean; gradient?: boolean } = {},
): Case<SortParams> => ({ name, inputs: { x: { shape, ...x } }, params: { descending }, gradient });

/** Distinct numbers, far enough from each other that small changes keep the order. */
const spaced = { x: { fill: Array.from({ length: 257 }, (_, k) => ((k * 37 + 11) % 257) / 16 - 8) } };

const plain = { gradient: false } as const;

/** Input sets for `sort`: lengths around tiles and powers of two, both directions, layouts, dtypes, ties, special values. */
export const sortCases: readonly Case<SortParams>[] = [
  ...[0, 1, 2, 3, 31, 33, 64, 257].map((n) => one(`${n} elements`, [n], spaced)),
  ...[1023, 1024, 1025, 2048, 3000, 5000].map((n) => one(`${n} elements`, [n], plain)),
  one("descending", [77], { ...spaced, descending: true }),
  one("descending, over several tiles", [2500], { descending: true, gradient: false }),
  one("rows", [5, 19], spaced),
  one("rows over several tiles", [3, 1500], plain),
  one("rows of rows, descending", [2, 3, 9], { ...spaced, descending: true }),
  one("no rows", [0, 7]),
  one("rows without elements", [4, 0]),
  one("many short rows", [5000, 3], plain),
  one("rows of one", [70, 1]),
  one("transposed", [9, 70], { x: { layout: "transposed" }, gradient: false }),
  one("every second element", [4, 130], { x: { layout: "strided" }, gradient: false }),
  one("offset", [3, 20], { x: { ...spaced.x, layout: "offset" }, descending: true }),
  one("ties keep their order", [200], { x: { fill: "ties" }, gradient: false }),
  one("ties keep their order, descending", [3, 1100], { x: { fill: "ties" }, descending: true, gradient: false }),
  one("zeros of both signs are equal", [40], { x: { fill: [0, -0, -0, 1e-30, 0, -1e-30] }, gradient: false }),
  one("special values", [8, 60], { x: { fill: "special" }, gradient: false }),
  one("special values, descending", [2, 1300], { x: { fill: "special" }, descending: true, gradient: false }),
  one("nothing but NaN", [35], { x: { fill: [NaN] }, gradient: false }),
  one("in order already", [1100], { x: { fill: Array.from({ length: 1100 }, (_, k) => k - 500) }, gradient: false }),
  one("in the opposite order", [1100], {
    x: { fill: Array.from({ length: 1100 }, (_, k) => 500 - k) },
    gradient: false,
  }),
  one("integers", [1500], { x: { dtype: "i32", fill: [2147483647, -5, 0, -2147483648, 7, -1, 256] }, gradient: false }),
  one("integers, descending", [3, 70], {
    x: { dtype: "i32", fill: [-2147483648, 2147483647, -1, 0, 1] },
    descending: true,
    gradient: false,
  }),
  one("unsigned integers", [300], {
    x: { dtype: "u32", fill: [4294967295, 0, 3, 2147483648, 65536] },
    gradient: false,
  }),
  one("booleans", [100], { x: { dtype: "bool", fill: "ties" }, gradient: false }),
  one("half precision", [3, 40], {
    x: { dtype: "f16", fill: [1, -2, 0.5, NaN, -Infinity, 3, 0, -0] },
    gradient: false,
  }),
  one("a long line", [70_000], plain),
];
