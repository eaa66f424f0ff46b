import type { Case, CaseInput } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";

const named = (
  name: string,
  inputs: Record<string, CaseInput>,
  params: MatmulParams = {},
  gradient = true,
): Case<MatmulParams> => ({ name: `f64 ${name}`, inputs, params, gradient });

const double = (shape: readonly number[], layout: "dense" | "transposed" | "strided" | "offset" = "dense") =>
  ({ shape, dtype: "f64", layout }) as const;

/** Input sets for `matmul` in double precision. */
export const matmulDoubleCases: readonly Case<MatmulParams>[] = [
  ...([[1, 1, 1], [7, 5, 6], [32, 32, 32], [65, 67, 66], [40, 300, 36]] as const).map(([m, k, n]) =>
    named(`[${m}, ${k}] by [${k}, ${n}]`, { a: double([m, k]), b: double([k, n]) }, {}, m < 60)
  ),
  named("one row and one column", { a: double([1, 200]), b: double([200, 70]) }),
  named("by a vector, transposed", { a: double([70, 200], "transposed"), b: double([200, 1]) }),
  named("longer than the loops of a software adapter", { a: double([5, 70_001]), b: double([70_001, 6]) }, {}, false),
  named("both transposed", { a: double([33, 29], "transposed"), b: double([29, 35], "transposed") }),
  named("strided by offset", { a: double([20, 24], "strided"), b: double([24, 28], "offset") }),
  named("leading axes", { a: double([4, 1, 8, 12]), b: double([3, 12, 20]) }),
  named(
    "split sums and an epilogue",
    {
      a: double([2, 3, 5000]),
      b: double([5000, 6]),
      bias: double([2, 1, 6]),
      scale: 0.1,
    },
    { epilogue: "exp(scale * product / 50) + bias" },
    false,
  ),
  named("a rectifier", { a: double([33, 20]), b: double([20, 37]) }, { epilogue: "relu(product)" }, false),
  named("by single precision", { a: double([36, 32]), b: { shape: [32, 40] } }, {}, false),
  named("by integers", { a: { shape: [19, 37], dtype: "i32", fill: [7, -2, 100] }, b: double([37, 22]) }, {}, false),
  named("to single precision", { a: double([36, 32]), b: double([32, 40]) }, { dtype: "f32" }, false),
  named(
    "infinities and NaN",
    {
      a: { ...double([34, 30]), fill: [1, 0, -2, Infinity, 3, NaN, ...new Array(500).fill(0.25), -Infinity] },
      b: { ...double([30, 35]), fill: [1, 2, 0, -1, ...new Array(300).fill(0.5), Infinity, NaN] },
    },
    {},
    false,
  ),
  named(
    "values beyond single precision",
    {
      a: { ...double([18, 20]), fill: [1e150, -1e-160, 3, 1e10] },
      b: { ...double([20, 21]), fill: [1e150, 1e-170, -1e100] },
    },
    {},
    false,
  ),
];
