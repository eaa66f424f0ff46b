import type { DType } from "../device/mod.ts";
import type { Case, CaseInput } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";

type Layout = "dense" | "transposed" | "strided" | "offset";

const product = (
  m: number,
  k: number,
  n: number,
  layouts: [Layout, Layout] = ["dense", "dense"],
): Case<MatmulParams> => ({
  name: `[${m}, ${k}] by [${k}, ${n}]${layouts.join() === "dense,dense" ? "" : `, ${layouts.join(" by ")}`}`,
  inputs: { a: { shape: [m, k], layout: layouts[0] }, b: { shape: [k, n], layout: layouts[1] } },
  params: {},
});

const batched = (a: readonly number[], b: readonly number[], layouts: [Layout, Layout]): Case<MatmulParams> => ({
  name: `leading axes [${a.slice(0, -2)}] by [${b.slice(0, -2)}], ${layouts.join(" by ")}`,
  inputs: { a: { shape: a, layout: layouts[0] }, b: { shape: b, layout: layouts[1] } },
  params: {},
});

const typed = (
  name: string,
  [a, b]: [DType, DType],
  params: MatmulParams,
  fills: { a?: readonly number[]; b?: readonly number[] } = {},
): Case<MatmulParams> => ({
  name,
  inputs: {
    a: { shape: [19, 37], dtype: a, fill: fills.a },
    b: { shape: [37, 22], dtype: b, fill: fills.b },
  },
  params,
  gradient: false,
});

const finished = (
  name: string,
  epilogue: string,
  extras: Record<string, CaseInput>,
  gradient = true,
  params: MatmulParams = {},
): Case<MatmulParams> => ({
  name,
  inputs: { a: { shape: [2, 33, 9] }, b: { shape: [9, 37] }, ...extras },
  params: { ...params, epilogue },
  gradient,
});

/**
 * Input sets for `matmul`: sizes around those of the tiles, layouts, transposes, broadcasting, epilogues, dtypes and
 * special values.
 */
export const matmulCases: readonly Case<MatmulParams>[] = [
  product(1, 1, 1),
  product(7, 5, 3),
  product(15, 16, 17),
  product(31, 33, 32),
  product(64, 64, 64),
  product(65, 63, 129),
  product(131, 20, 137),
  product(48, 256, 40),
  product(6, 1200, 5),
  product(0, 4, 3),
  product(3, 4, 0),
  product(5, 0, 6),
  product(1, 0, 1),
  // Few rows or columns.
  product(1, 100, 1),
  product(70, 67, 1),
  product(68, 64, 4),
  product(1, 67, 130),
  product(3, 40, 77),
  product(4, 64, 68, ["dense", "transposed"]),
  product(37, 96, 2, ["transposed", "dense"]),
  product(36, 96, 1, ["transposed", "strided"]),
  product(2, 3000, 2),
  // Longer than the loops of a software adapter.
  { ...product(3, 70_001, 2), gradient: false },
  { ...product(5, 70_001, 6), gradient: false },
  { ...product(16, 66_001, 17, ["transposed", "transposed"]), gradient: false },
  // Layouts.
  product(33, 29, 35, ["transposed", "transposed"]),
  product(36, 32, 40, ["transposed", "dense"]),
  product(36, 32, 40, ["dense", "transposed"]),
  product(21, 22, 23, ["strided", "strided"]),
  product(20, 24, 28, ["offset", "strided"]),
  product(20, 24, 28, ["offset", "offset"]),
  ...([[true, false], [false, true], [true, true]] as const).map(([transposeA, transposeB]): Case<MatmulParams> => ({
    name: `transposed flags ${transposeA} and ${transposeB}`,
    inputs: { a: { shape: transposeA ? [26, 34] : [34, 26] }, b: { shape: transposeB ? [41, 26] : [26, 41] } },
    params: { transposeA, transposeB },
  })),
  {
    name: "transposed flags undo transposed layouts, with leading axes",
    inputs: { a: { shape: [3, 24, 36], layout: "transposed" }, b: { shape: [3, 40, 24], layout: "transposed" } },
    params: { transposeA: true, transposeB: true },
  },
  // Leading axes.
  batched([5, 17, 9], [5, 9, 18], ["dense", "dense"]),
  batched([4, 1, 8, 12], [3, 12, 20], ["dense", "strided"]),
  batched([2, 3, 8, 12], [12, 5], ["transposed", "dense"]),
  batched([12, 4], [2, 1, 4, 33], ["offset", "transposed"]),
  batched([6, 3, 40], [6, 40, 1], ["dense", "dense"]),
  batched([0, 3, 4], [4, 5], ["dense", "dense"]),
  batched([3, 5, 4, 8], [8, 12], ["dense", "dense"]),
  batched([3, 5, 4, 8], [3, 1, 8, 12], ["dense", "transposed"]),
  { ...batched([66_000, 1, 2], [66_000, 2, 5], ["dense", "dense"]), gradient: false },
  { ...batched([66_000, 5, 1], [66_000, 1, 5], ["dense", "dense"]), gradient: false },
  // Epilogues.
  finished("a bias per column", "product + bias", { bias: { shape: [37] } }),
  finished("a bias per row and a scale", "scale * product + bias", {
    bias: { shape: [33, 1], layout: "strided" },
    scale: 0.5,
  }),
  finished("a residual", "0.5 * (x + tanh(product))", { x: { shape: [2, 33, 37], layout: "transposed" } }),
  finished("a gated residual per batch", "x + g * sigmoid(product)", {
    x: { shape: [2, 1, 37] },
    g: { shape: [2, 1, 1] },
  }),
  finished("a rectifier", "relu(product + bias)", { bias: { shape: [37] } }, false),
  finished("a condition", "product > t", { t: 0.25 }, false),
  finished("an epilogue that forgets the product", "x", { x: { shape: [37] } }),
  finished("an integer result", "floor(product * 4)", {}, false, { dtype: "i32" }),
  {
    name: "an epilogue after split sums",
    inputs: { a: { shape: [2, 3, 5000] }, b: { shape: [5000, 6] }, bias: { shape: [2, 1, 6] } },
    params: { epilogue: "(product + bias)^2" },
    gradient: false,
  },
  {
    name: "long rows by a vector",
    inputs: { a: { shape: [2, 19, 100] }, b: { shape: [2, 100, 1] }, y: { shape: [19, 1] } },
    params: { epilogue: "product - y" },
  },
  {
    name: "three vectors by long rows",
    inputs: { a: { shape: [3, 164] }, b: { shape: [21, 164] } },
    params: { transposeB: true },
  },
  {
    name: "few long rows of halves by a vector",
    inputs: { a: { shape: [5, 4096], dtype: "f16" }, b: { shape: [4096, 1], dtype: "f16" } },
    params: {},
    gradient: false,
  },
  {
    name: "an epilogue of a matrix times a vector",
    inputs: { a: { shape: [3, 50, 31] }, b: { shape: [3, 31, 1] }, y: { shape: [50, 1] } },
    params: { epilogue: "(product - y)^2 / 2" },
  },
  // Element types.
  typed("integers wrap", ["i32", "i32"], {}, {
    a: [2147483647, -2147483648, 65537, -3],
    b: [65537, 3, -1, 1 << 20, 7],
  }),
  typed("unsigned integers wrap", ["u32", "u32"], {}, { a: [4294967295, 65537, 3], b: [65537, 0, 4294967295, 2] }),
  typed("integers divided", ["i32", "i32"], { epilogue: "product / 3" }, { a: [1, -2, 3], b: [5, 4, -3, 2] }),
  typed("integers by floats", ["i32", "f32"], {}, { a: [1, -2, 3, 100] }),
  typed("booleans count", ["bool", "bool"], {}, { a: [1, 0, 1], b: [1, 1, 0, 1] }),
  typed("booleans select", ["bool", "f32"], {}, { a: [1, 0, 1] }),
  typed("half precision", ["f16", "f16"], {}),
  typed("half precision to single", ["f16", "f16"], { dtype: "f32" }),
  typed("half by single precision", ["f16", "f32"], {}),
  typed("single to half precision", ["f32", "f32"], { dtype: "f16" }),
  {
    name: "half precision with whole vectors",
    inputs: {
      a: { shape: [40, 32], dtype: "f16" },
      b: { shape: [32, 36], dtype: "f16" },
      c: { shape: [36], dtype: "f16" },
    },
    params: { epilogue: "product + c" },
    gradient: false,
  },
  {
    name: "integers by a vector",
    inputs: {
      a: { shape: [40, 32], dtype: "i32", fill: [3, -5, 1 << 20] },
      b: { shape: [32, 1], dtype: "i32", fill: [7, -1, 2] },
    },
    params: {},
    gradient: false,
  },
  // Special values stay in their rows and columns, whatever the tiles are filled up with.
  {
    name: "infinities and NaN",
    inputs: {
      a: { shape: [34, 30], fill: [1, 0, -2, 0.5, Infinity, 1, 3, NaN, ...new Array(500).fill(0.25), -Infinity] },
      b: { shape: [30, 35], fill: [1, 2, 0, -1, ...new Array(300).fill(0.5), Infinity, NaN] },
    },
    params: {},
    gradient: false,
  },
  {
    name: "infinities and NaN by a vector",
    inputs: {
      a: { shape: [35, 33], fill: [1, 0, Infinity, ...new Array(200).fill(0.5), NaN, 3, -Infinity] },
      b: { shape: [33, 1], fill: [1, 2, 0, -1] },
    },
    params: {},
    gradient: false,
  },
  {
    name: "large and small values",
    inputs: {
      a: { shape: [18, 20], fill: [1e18, -1e-18, 3, 1e10] },
      b: { shape: [20, 21], fill: [1e18, 1e-19, -1e15] },
    },
    params: {},
    gradient: false,
  },
];
