import type { Case, CaseInput } from "./define.ts";
import type { ScatterAddParams } from "./scatter_add.ts";

/** A case with arrays `x` [a, n, b] and `updates` [a, m, b], and what of them is special. */
const add = (
  name: string,
  shape: readonly number[],
  indices: CaseInput & object,
  { axis = 0, x = {}, updates = {}, gradient = true }: {
    axis?: number;
    x?: object;
    updates?: object;
    gradient?: boolean;
  } = {},
): Case<ScatterAddParams> => ({
  name,
  inputs: {
    x: { shape, ...x },
    indices,
    updates: { shape: shape.map((s, k) => k === axis ? indices.shape[0] : s), ...updates },
  },
  params: { axis },
  gradient,
});

const at = (...fill: number[]) => ({ shape: [fill.length], dtype: "i32", fill } as const);
const random = (m: number, below: number) => ({ shape: [m], dtype: "i32", fill: "index", below } as const);

/** Input sets for `scatterAdd`: repeated, impossible and very uneven positions, axes, layouts, dtypes. */
export const scatterAddCases: readonly Case<ScatterAddParams>[] = [
  ...[0, 1, 63, 64, 65, 257].map((m) => add(`${m} updates of a vector`, [17], random(m, 17))),
  add("rows", [5, 3], at(1, 4, 1, 0, 1)),
  add("rows of whole vectors of four", [5, 8], at(1, 4, 1, 0, 1, 4)),
  add("whole vectors of four after a middle axis", [3, 5, 4], random(11, 5), { axis: 1 }),
  add("columns", [4, 5], at(4, 4, 0), { axis: 1 }),
  add("middle axis", [2, 5, 3], random(9, 5), { axis: 1 }),
  add("one row", [1, 4], at(0, 0, 0)),
  add("no rows", [0, 4], { shape: [2], dtype: "i32", fill: [0, -1] }),
  add("rows without width", [3, 0], at(0, 1)),
  add("negative indices", [4, 2], at(-1, -4, 0, -1)),
  add("indices out of range are dropped", [4, 2], at(4, -5, 3, 2147483647, -2147483648, 3)),
  add("unsigned indices", [4], { shape: [5], dtype: "u32", fill: [3, 3, 4, 4294967295, 0] }),
  add("more rows than one digit of the sort", [300, 2], random(500, 300)),
  add("more rows than two digits of the sort", [5000], random(3000, 5000), { gradient: false }),
  add("a power of two of rows", [256], random(700, 256), { gradient: false }),
  add("blocks of one row", [3, 2], { shape: [2000], dtype: "i32", fill: [1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 2] }, {
    gradient: false,
  }),
  add("blocks of one row of whole vectors of four", [3, 4], { shape: [2000], dtype: "i32", fill: [1, 1, 1, 1, 1, 2] }, {
    gradient: false,
  }),
  add("updates longer than a software adapter's loops on one row", [2], { shape: [150_001], dtype: "i32", fill: [1] }, {
    gradient: false,
  }),
  add("many updates all over", [1009], random(100_003, 1009), { gradient: false }),
  add("more workgroups than one dimension holds", [65_535 * 64 + 77], random(1000, 65_535 * 64), { gradient: false }),
  add("a transposed base", [7, 9], random(12, 7), { x: { layout: "transposed" } }),
  add("strided updates", [7, 9], random(12, 7), { updates: { layout: "strided" } }),
  add("transposed updates of a middle axis", [3, 7, 4], random(12, 7), { axis: 1, updates: { layout: "transposed" } }),
  add("offsets into larger blocks", [7, 9], { ...random(12, 7), layout: "offset" }, {
    x: { layout: "offset" },
    updates: { layout: "offset" },
  }),
  add("every second index", [6], { ...random(20, 6), layout: "strided" }),
  add("infinities and NaN", [64], random(64, 64), {
    updates: { fill: [1, Infinity, 2, -Infinity, -0, 3, NaN, 0.5, -1] },
    gradient: false,
  }),
  add("special values in the base", [64, 2], random(20, 64), { x: { fill: "special" }, gradient: false }),
  add("very different magnitudes", [3], random(900, 3), {
    updates: { fill: [1e6, 1e-6, -1e6, 3, 1e-3] },
    gradient: false,
  }),
  add("integers wrap", [3], at(0, 0, 2, 1, 1), {
    x: { dtype: "i32", fill: [2147483647, -2147483648, 5] },
    updates: { dtype: "i32", fill: [1, 2, 3, -1, 4] },
    gradient: false,
  }),
  add("unsigned integers wrap", [3, 2], at(0, 0, 2, -1), {
    x: { dtype: "u32", fill: [4294967295, 7] },
    updates: { dtype: "u32", fill: [1, 4294967295, 2] },
    gradient: false,
  }),
  add("half precision", [9, 4], random(40, 9), {
    x: { dtype: "f16" },
    updates: { dtype: "f16", fill: "uniform" },
    gradient: false,
  }),
];
