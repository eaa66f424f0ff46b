import type { Case, CaseInput } from "./define.ts";
import type { CsrFromCooParams } from "./csr_from_coo.ts";
import type { CsrFromDenseParams } from "./csr_from_dense.ts";
import type { CsrRowsParams } from "./csr_rows.ts";
import type { CsrToDenseParams } from "./csr_to_dense.ts";
import type { CsrTransposeParams } from "./csr_transpose.ts";

/** Entries of rows that have so many each. */
export function entriesOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** `starts` of rows with so many entries each. */
export function startsOf(lengths: readonly number[]): CaseInput {
  const fill = [0];
  for (const length of lengths) fill.push(fill[fill.length - 1] + length);
  return { shape: [fill.length], dtype: "u32", fill };
}

const words = (...fill: number[]): CaseInput => ({ shape: [fill.length], dtype: "u32", fill });
const indices = (shape: readonly number[], below: number): CaseInput => ({ shape, dtype: "u32", fill: "index", below });

/** Input sets for `csrRows`. */
export const csrRowsCases: readonly Case<CsrRowsParams>[] = [
  { name: "rows of all kinds", inputs: { starts: startsOf([0, 3, 0, 0, 5, 1, 0]) }, params: { room: 12 } },
  { name: "some of the rows", inputs: { starts: words(2, 2, 5, 7) }, params: { room: 9 } },
  { name: "no rows", inputs: { starts: startsOf([]) }, params: { room: 3 } },
  { name: "no room", inputs: { starts: startsOf([0, 0]) }, params: { room: 0 } },
  { name: "a long row", inputs: { starts: startsOf([1, 5000, 1]) }, params: { room: 5002 } },
  {
    name: "strided starts",
    inputs: { starts: { ...startsOf([2, 0, 3]) as object, layout: "strided" } as CaseInput },
    params: { room: 5 },
  },
];

const entries = (
  name: string,
  lengths: readonly number[],
  m: number,
  columns: readonly number[],
  { values = {}, spare = 0, gradient = true }: { values?: object; spare?: number; gradient?: boolean } = {},
): Case<CsrToDenseParams> => {
  const shape = [columns.length + spare];
  return {
    name,
    inputs: {
      starts: startsOf(lengths),
      columns: { shape, dtype: "u32", fill: [...columns, ...Array(spare).fill(0)] },
      values: { shape, ...values },
    },
    params: { shape: [lengths.length, m] },
    gradient,
  };
};

/** Input sets for `csrToDense`. */
export const csrToDenseCases: readonly Case<CsrToDenseParams>[] = [
  entries("rows of all kinds", [0, 3, 1, 0, 2], 5, [0, 2, 4, 1, 0, 3], { spare: 2 }),
  entries("unsorted columns", [2, 2], 3, [2, 0, 1, 0]),
  entries("no entries", [0, 0], 3, [], { spare: 4 }),
  entries("no room", [0, 0], 3, []),
  entries("no rows", [], 3, []),
  entries("a full matrix", Array(9).fill(70), 70, Array.from({ length: 630 }, (_, k) => k % 70)),
  {
    name: "some of the rows of a larger matrix",
    inputs: { starts: words(3, 5, 5, 9), columns: words(0, 1, 2, 3, 1, 0, 1, 2, 3, 4, 4), values: { shape: [11] } },
    params: { shape: [3, 5] },
  },
  entries("strided values", [1, 2], 4, [3, 0, 2], { values: { layout: "strided" } }),
  entries("special values", [4, 4], 4, [0, 1, 2, 3, 0, 1, 2, 3], { values: { fill: "special" }, gradient: false }),
  entries("booleans", [1, 2], 4, [3, 0, 2], { values: { dtype: "bool", fill: [1, 0, 1] }, gradient: false }),
  entries("half precision", [1, 2], 4, [3, 0, 2], { values: { dtype: "f16" }, gradient: false }),
];

const dense = (name: string, x: CaseInput, room: number, gradient = true): Case<CsrFromDenseParams> => ({
  name,
  inputs: { x },
  params: { room },
  gradient,
});

/** Input sets for `csrFromDense`. The derivative at a zero is not that of differences, which make an entry of it. */
export const csrFromDenseCases: readonly Case<CsrFromDenseParams>[] = [
  dense("a full matrix", { shape: [5, 7] }, 35),
  dense("room to spare", { shape: [3, 4], fill: "ties" }, 20, false),
  dense("too little room", { shape: [6, 5], fill: "ties" }, 8, false),
  dense("no room", { shape: [2, 3] }, 0, false),
  dense("no rows", { shape: [0, 4] }, 2, false),
  dense("no columns", { shape: [4, 0] }, 2, false),
  dense("zeros of both signs, NaN and infinities", { shape: [7, 9], fill: "special" }, 64, false),
  dense("transposed", { shape: [40, 33], fill: "ties", layout: "transposed" }, 1320, false),
  dense("many rows", { shape: [300, 65], fill: [0, 0, 0, 1.5, 0, -2, 0] }, 300 * 65, false),
  dense("integers", { shape: [5, 5], dtype: "i32", fill: "ties" }, 25, false),
  dense("booleans", { shape: [5, 5], dtype: "bool", fill: [1, 0, 0] }, 25, false),
  dense("half precision", { shape: [5, 5], dtype: "f16", fill: [1, 0, -0, 2 ** -24, NaN] }, 25, false),
];

/** Input sets for `csrTranspose`. */
export const csrTransposeCases: readonly Case<CsrTransposeParams>[] = [
  ["rows of all kinds", [0, 3, 1, 0, 40, 7, 0], 13, 3],
  ["no entries", [0, 0], 4, 0],
  ["no entries, but room", [0, 0], 4, 6],
  ["no rows", [], 4, 0],
  ["no columns", [0, 0, 0], 0, 0],
  ["one column", [3, 100, 2], 1, 1],
  ["many entries", [900, 0, 1200, 3000], 700, 0],
].map(([name, lengths, m, spare]) => ({
  name: name as string,
  inputs: {
    starts: startsOf(lengths as number[]),
    columns: indices([entriesOf(lengths as number[]) + (spare as number)], Math.max(1, m as number)),
  },
  params: { columns: m as number },
}));

const triplets = (
  name: string,
  shape: readonly [number, number],
  rows: CaseInput & object,
  columns: CaseInput & object,
  { values = {}, gradient = true }: { values?: object; gradient?: boolean } = {},
): Case<CsrFromCooParams> => ({
  name,
  inputs: { rows, columns, values: { shape: rows.shape, ...values } },
  params: { shape },
  gradient,
});

const random = (name: string, e: number, [n, m]: readonly [number, number], options = {}) =>
  triplets(name, [n, m], indices([e], n) as CaseInput & object, indices([e], m) as CaseInput & object, options);
const list = (...fill: number[]) => words(...fill) as CaseInput & object;

/** Input sets for `csrFromCoo`: order, duplicates, places outside, sizes around tiles and blocks. */
export const csrFromCooCases: readonly Case<CsrFromCooParams>[] = [
  ...[0, 1, 5, 63, 64, 65, 257].map((e) => random(`${e} triplets in any order`, e, [11, 17])),
  triplets("places that repeat", [4, 5], list(3, 0, 3, 0, 3, 1), list(4, 2, 4, 2, 0, 1)),
  triplets("sorted already, rows empty between", [9, 3], list(0, 0, 4, 4, 8), list(0, 2, 0, 1, 2)),
  triplets(
    "places outside of the shape",
    [3, 3],
    { shape: [6], dtype: "i32", fill: [-1, 0, 2, 3, 1, 2] } as CaseInput & object,
    { shape: [6], dtype: "i32", fill: [0, 3, 2, 1, -5, 2] } as CaseInput & object,
  ),
  triplets("no rows", [0, 3], list(0, 1), list(0, 1)),
  triplets(
    "all at one place",
    [2, 2],
    { shape: [1700], dtype: "u32", fill: [1] } as CaseInput & object,
    {
      shape: [1700],
      dtype: "u32",
      fill: [0],
    } as CaseInput & object,
    { values: { fill: "positive" } },
  ),
  random("many at few places", 70_000, [2, 3], { gradient: false }),
  random("wide shapes", 3000, [100_000, 70_000], { gradient: false }),
  triplets(
    "strided",
    [8, 8],
    { ...indices([20], 8) as object, layout: "strided" } as CaseInput & object,
    {
      ...indices([20], 8) as object,
      layout: "offset",
    } as CaseInput & object,
    { values: { layout: "strided" } },
  ),
  random("special values", 200, [9, 9], { values: { fill: "special" }, gradient: false }),
  random("integers that wrap", 90, [3, 3], { values: { dtype: "i32", fill: [2147483647, 5] }, gradient: false }),
  random("half precision", 40, [3, 9], { values: { dtype: "f16" }, gradient: false }),
];
