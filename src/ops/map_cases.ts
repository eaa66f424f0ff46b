import type { Case, CaseInput } from "./define.ts";
import type { MapParams } from "./map.ts";

const unary = (name: string, formula: string, x: CaseInput, gradient = true): Case<MapParams> => ({
  name,
  inputs: { x },
  params: { out: { formula } },
  gradient,
});

/** Input sets for `map`: sizes around the workgroup's, layouts, broadcasting, dtypes and special values. */
export const mapCases: readonly Case<MapParams>[] = [
  ...[0, 1, 63, 64, 65, 257, 1009].map((n) => unary(`n = ${n}`, "2 * x + sin(x)", { shape: [n] })),
  unary("more workgroups than one dimension holds", "x + 1", { shape: [65_535 * 64 + 77] }, false),
  unary("scalar", "exp(x)", { shape: [] }),
  unary("transposed", "x^2 - 1", { shape: [7, 13], layout: "transposed" }),
  unary("every second element", "tanh(x)", { shape: [5, 9], layout: "strided" }),
  unary("offset into a larger block", "sigmoid(x)", { shape: [37], layout: "offset" }),
  unary("special values", "x", { shape: [64], fill: "special" }, false),
  unary("special values through max", "max(x, 0.5)", { shape: [64], fill: "special" }, false),
  unary("special values compared", "x != x ? 1 : x < 0 ? 2 : 3", { shape: [64], fill: "special" }, false),
  unary("special values through exp", "exp(x)", { shape: [64], fill: "special" }, false),
  unary("special values through log", "log(x)", { shape: [64], fill: "special" }, false),
  {
    name: "broadcast of a row, a column and a number",
    inputs: { a: { shape: [5, 7] }, r: { shape: [7] }, c: { shape: [5, 1] }, s: 0.25 },
    params: { out: { formula: "a * r + c / (s + r^2)" } },
  },
  ...[4, 16, 20].map((row): Case<MapParams> => ({
    name: `broadcast along rows of ${row}`,
    inputs: { a: { shape: [6, row] }, c: { shape: [6, 1] }, r: { shape: [row] }, s: { shape: [1, 1] } },
    params: { out: { formula: "exp(a - c) * r + s" } },
  })),
  {
    name: "broadcast along the long rows of a large output",
    inputs: { a: { shape: [17, 16_384] }, c: { shape: [17, 1] } },
    params: { out: { formula: "a - c" }, flag: { formula: "a > c" } },
    gradient: false,
  },
  {
    name: "a large output that ends within a block",
    inputs: { a: { shape: [300_007] }, b: { shape: [300_007], dtype: "f16" } },
    params: { out: { formula: "a * b" }, half: { formula: "a + b", dtype: "f16" } },
    gradient: false,
  },
  {
    name: "rows in reverse, read as vectors",
    inputs: { a: { shape: [9, 8], layout: "offset" }, b: { shape: [9, 1], layout: "strided" } },
    params: { out: { formula: "a * b" } },
  },
  {
    name: "rank 5 with three layouts",
    inputs: {
      a: { shape: [2, 3, 1, 4, 3] },
      b: { shape: [3, 5, 1, 3], layout: "transposed" },
      c: { shape: [2, 1, 5, 4, 1], layout: "strided" },
    },
    params: { out: { formula: "a * b - c" } },
  },
  {
    name: "two outputs from one reading",
    inputs: { g: { shape: [130] }, m: { shape: [130] } },
    params: { m: { formula: "0.9 * m + 0.1 * g" }, v: { formula: "g * g" } },
  },
  {
    name: "integers stay exact",
    inputs: {
      a: { shape: [50], dtype: "i32", fill: [2147483647, -2147483648, 16777217, -5, 7] },
      b: { shape: [50], dtype: "i32", fill: [1, -1, 3] },
    },
    params: { out: { formula: "a * b + 1" } },
    gradient: false,
  },
  {
    name: "unsigned integers wrap",
    inputs: { a: { shape: [9], dtype: "u32", fill: [4294967295, 0, 5] } },
    params: { out: { formula: "a + 3" } },
    gradient: false,
  },
  {
    name: "integers beside a number with a fraction",
    inputs: { a: { shape: [9], dtype: "i32", fill: [7, -3, 0] }, s: 0.5 },
    params: { out: { formula: "a * s + 1" } },
    gradient: false,
  },
  {
    name: "half precision beside a number with a fraction",
    inputs: { x: { shape: [70], dtype: "f16" }, s: 0.3 },
    params: { out: { formula: "x * s" } },
    gradient: false,
  },
  {
    name: "true division of integers",
    inputs: { a: { shape: [9], dtype: "i32", fill: [7, -3, 0] } },
    params: { out: { formula: "a / 2" } },
    gradient: false,
  },
  {
    name: "booleans as numbers",
    inputs: { a: { shape: [33], dtype: "bool", fill: [1, 0, 0, 1, 1] }, x: { shape: [33] } },
    params: { out: { formula: "a * x" }, flag: { formula: "a && x > 0" } },
    gradient: false,
  },
  {
    name: "half precision",
    inputs: { x: { shape: [131], dtype: "f16" } },
    params: { out: { formula: "x * x + 0.5" }, wide: { formula: "x * x + 0.5", dtype: "f32" } },
    gradient: false,
  },
  {
    name: "signed and unsigned integers together",
    inputs: {
      a: { shape: [8], dtype: "u32", fill: [2147483648, 4294967295, 7, 0] },
      b: { shape: [8], dtype: "i32", fill: [-5, 3] },
    },
    params: { out: { formula: "min(a, b)" }, less: { formula: "a < b" } },
    gradient: false,
  },
  {
    name: "cast beyond the range of integers",
    inputs: { x: { shape: [8], fill: [3e9, -3e9, 1e20, -1e20, 2147483500, Infinity, -Infinity, 5e9] } },
    params: {
      i: { formula: "x", dtype: "i32" },
      u: { formula: "x", dtype: "u32" },
      b: { formula: "x", dtype: "bool" },
    },
    gradient: false,
  },
  {
    name: "NaN is true",
    inputs: { x: { shape: [3], fill: [NaN, 0, -1] } },
    params: { out: { formula: "x", dtype: "bool" } },
    gradient: false,
  },
  {
    name: "cast to integer truncates",
    inputs: { x: { shape: [6], fill: [1.9, -1.9, 0.5, -0.5, 100, -7] } },
    params: { out: { formula: "x", dtype: "i32" } },
    gradient: false,
  },
  {
    name: "an operand called like a keyword",
    inputs: { fn: { shape: [3] }, constructor: { shape: [3] } },
    params: { out: { formula: "fn * constructor" } },
  },
  { name: "a constant", inputs: {}, params: { out: { formula: "pi" } } },
];
