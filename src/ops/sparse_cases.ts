import type { Case, CaseInput } from "./define.ts";
import { entriesOf, startsOf } from "./csr_cases.ts";
import type { SampledMatmulParams } from "./sparse_sampled.ts";
import type { SegmentReduceParams } from "./sparse_segment.ts";
import type { SparseMatmulParams } from "./sparse_matmul.ts";

/** Entries of each row: a few large rows, many small ones, as in graphs. */
const POWER_LAW = Array.from({ length: 120 }, (_, i) => Math.floor(300 / (1 + (i * 37) % 120)));
/** Rows of all kinds: empty at both ends and between, one dense. */
const MIXED = [0, 3, 1, 0, 0, 40, 7, 8, 9, 2, 16, 0, 5, 0];

interface Pattern {
  /** Entries of each row. */
  readonly lengths: readonly number[];
  /** Columns. */
  readonly m: number;
  /** Room beyond the entries, filled with what must not be read. */
  readonly spare?: number;
}

function pattern({ lengths, m, spare = 0 }: Pattern): { starts: CaseInput; columns: CaseInput; room: number } {
  const room = entriesOf(lengths) + spare;
  return { starts: startsOf(lengths), columns: { shape: [room], dtype: "u32", fill: "index", below: m }, room };
}

const product = (
  name: string,
  given: Pattern,
  p: number,
  { values = {}, b = {}, gradient = true }: { values?: object; b?: object; gradient?: boolean } = {},
): Case<SparseMatmulParams> => {
  const { starts, columns, room } = pattern(given);
  return {
    name,
    inputs: { starts, columns, values: { shape: [room], ...values }, b: { shape: [given.m, p], ...b } },
    params: {},
    gradient,
  };
};

const mixed: Pattern = { lengths: MIXED, m: 40, spare: 3 };

/** Input sets for `sparseMatmul`: widths, empty and long rows, layouts, dtypes. */
export const sparseMatmulCases: readonly Case<SparseMatmulParams>[] = [
  ...[1, 2, 3, 4, 8, 31, 32, 33, 47, 64, 65].map((p) => product(`rows of all kinds times ${p} columns`, mixed, p)),
  product("no columns", mixed, 0),
  product("no rows", { lengths: [], m: 5 }, 4),
  product("one row", { lengths: [9], m: 5 }, 6),
  product("no entries", { lengths: [0, 0, 0], m: 4 }, 5),
  product("no entries and an empty factor", { lengths: [0, 0], m: 0 }, 3),
  product("rows of a power law times a vector", { lengths: POWER_LAW, m: 90 }, 1),
  product("rows of a power law times 36 columns", { lengths: POWER_LAW, m: 90 }, 36),
  product("rows of a power law times 200 columns", { lengths: POWER_LAW, m: 17 }, 200, { gradient: false }),
  product("a dense row of several blocks", { lengths: [3, 2100, 0, 600, 1], m: 50 }, 4, { gradient: false }),
  product("a dense row of several blocks times a vector", { lengths: [3, 2100, 0, 600, 1], m: 50 }, 1),
  product("a dense row of several blocks times 40 columns", { lengths: [700, 0, 1400], m: 50 }, 40, {
    gradient: false,
  }),
  product("a row longer than software adapters loop", { lengths: [5, 70_000, 3], m: 300 }, 6, { gradient: false }),
  product("more rows than workgroups in one dimension", { lengths: Array(70_000).fill(1), m: 30 }, 20, {
    gradient: false,
  }),
  product("a transposed factor", mixed, 33, { b: { layout: "transposed" } }),
  product("every second element of the factor, and of the values", mixed, 8, {
    b: { layout: "strided" },
    values: { layout: "strided" },
  }),
  product("an offset factor and offset values", mixed, 12, { b: { layout: "offset" }, values: { layout: "offset" } }),
  product("a strided vector", mixed, 1, { b: { layout: "strided" } }),
  product("special values", mixed, 5, { values: { fill: "special" }, b: { fill: "special" }, gradient: false }),
  product("special values, many columns", mixed, 68, {
    values: { fill: "special" },
    b: { fill: "special" },
    gradient: false,
  }),
  product("half precision", mixed, 7, { values: { dtype: "f16" }, b: { dtype: "f16" }, gradient: false }),
  product("integers that wrap", mixed, 5, {
    values: { dtype: "i32", fill: [2147483647, -3, 65_537] },
    b: { dtype: "i32", fill: [5, -2147483648, 99_991] },
    gradient: false,
  }),
  product("unsigned integers", mixed, 1, {
    values: { dtype: "u32", fill: [4294967295, 3] },
    b: { dtype: "u32", fill: [7, 4294967290] },
    gradient: false,
  }),
];

const sampled = (
  name: string,
  given: Pattern,
  k: number,
  { epilogue, a = {}, b = {}, extra = {}, gradient = true }: {
    epilogue?: string;
    a?: object;
    b?: object;
    extra?: Record<string, object | number>;
    gradient?: boolean;
  } = {},
): Case<SampledMatmulParams> => {
  const { starts, columns, room } = pattern(given);
  const extras = Object.fromEntries(
    Object.entries(extra).map(([id, x]) => [id, typeof x === "number" ? x : { shape: [room], ...x }]),
  );
  return {
    name,
    inputs: {
      starts,
      columns,
      a: { shape: [given.lengths.length, k], ...a },
      b: { shape: [given.m, k], ...b },
      ...extras,
    },
    params: epilogue === undefined ? {} : { epilogue },
    gradient,
  };
};

/** Input sets for `sampledMatmul`: depths, empty and long rows, epilogues, layouts, dtypes. */
export const sampledCases: readonly Case<SampledMatmulParams>[] = [
  ...[0, 1, 3, 4, 5, 32, 65].map((k) => sampled(`${k} terms`, mixed, k)),
  sampled("no rows", { lengths: [], m: 5 }, 4),
  sampled("no entries", { lengths: [0, 0, 0], m: 4, spare: 4 }, 5),
  sampled("rows of a power law", { lengths: POWER_LAW, m: 90, spare: 70 }, 12),
  sampled("long rows", { lengths: [3, 2100, 0, 600, 1], m: 50 }, 9, { gradient: false }),
  sampled("many empty rows", { lengths: Array.from({ length: 3000 }, (_, i) => i % 300 === 7 ? 50 : 0), m: 9 }, 3, {
    gradient: false,
  }),
  sampled("more terms than software adapters loop", { lengths: [2, 1], m: 2 }, 70_001, { gradient: false }),
  sampled("transposed and strided factors", mixed, 10, { a: { layout: "transposed" }, b: { layout: "strided" } }),
  sampled("offset factors", mixed, 8, { a: { layout: "offset" }, b: { layout: "offset" } }),
  sampled("an epilogue over the values", mixed, 6, { epilogue: "v * tanh(product) + c", extra: { v: {}, c: 0.5 } }),
  sampled("an epilogue over strided values and a scalar array", mixed, 6, {
    epilogue: "exp(-product^2 * s) * v",
    extra: { v: { layout: "strided" }, s: { shape: [], fill: [0.25] } },
  }),
  sampled("a formula of the values alone", mixed, 0, { epilogue: "v * w", extra: { v: {}, w: { fill: "positive" } } }),
  sampled("a constant", mixed, 3, { epilogue: "1", gradient: false }),
  sampled("a comparison", mixed, 3, { epilogue: "product > v", extra: { v: { fill: [1e6, -1e6] } }, gradient: false }),
  sampled("special values", mixed, 3, { a: { fill: "special" }, b: { fill: "special" }, gradient: false }),
  sampled("half precision", mixed, 9, { a: { dtype: "f16" }, b: { dtype: "f16" }, gradient: false }),
];

const segment = (
  name: string,
  reduction: SegmentReduceParams["reduction"],
  given: Pattern,
  values: object = {},
  gradient = true,
): Case<SegmentReduceParams> => {
  const { starts, room } = pattern(given);
  // No differences of −∞, which an empty row gives.
  const smooth = reduction === "sum" || given.lengths.every((length) => length > 0);
  return {
    name: `${reduction}: ${name}`,
    inputs: { starts, values: { shape: [room], ...values } },
    params: { reduction },
    gradient: gradient && smooth,
  };
};

/** Input sets for `segmentReduce`. */
export const segmentCases: readonly Case<SegmentReduceParams>[] = (["sum", "max", "logsumexp"] as const).flatMap((
  r,
) => [
  segment("rows of all kinds", r, mixed),
  segment("rows with entries", r, { lengths: [1, 3, 64, 65, 2], m: 9, spare: 5 }),
  segment("no rows", r, { lengths: [], m: 1 }),
  segment("no entries", r, { lengths: [0, 0], m: 1 }),
  segment("rows of a power law", r, { lengths: POWER_LAW.map((x) => x + 1), m: 1 }),
  segment("long rows", r, { lengths: [3, 2100, 0, 600, 1], m: 1 }),
  segment("a row longer than software adapters loop", r, { lengths: [5, 70_000, 3], m: 1 }, {}, false),
  segment("strided", r, mixed, { layout: "strided" }),
  segment("special values", r, mixed, { fill: "special" }, false),
  segment("minus infinities", r, mixed, { fill: [-Infinity] }, false),
  segment("half precision", r, mixed, { dtype: "f16" }, false),
  ...(r === "logsumexp" ? [] : [
    segment("integers", r, mixed, { dtype: "i32", fill: [2147483647, 5, -2147483648] }, false),
    segment("unsigned integers", r, mixed, { dtype: "u32", fill: [4294967295, 5] }, false),
  ]),
]);
