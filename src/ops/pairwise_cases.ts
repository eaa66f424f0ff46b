import type { Case, CaseInput } from "./define.ts";
import type { PairReduction, PairwiseParams } from "./pairwise.ts";

const KINDS: readonly Exclude<PairReduction, "softmax">[] = ["sum", "logsumexp", "max", "min", "argmax", "argmin"];
const points = (n: number, d?: number): CaseInput => ({ shape: d === undefined ? [n] : [n, d] });

const double = (n: number, d: number): CaseInput => ({ shape: [n, d], dtype: "f64" });

/** The half-step of log-domain Sinkhorn, the formula this family exists for. */
const sinkhorn = "(g[j] - sqdist(x[i], y[j])) / eps";

const sized = (n: number, m: number, d: number, reduction: PairReduction, gradient = true): Case<PairwiseParams> => ({
  name: `${reduction} of ${n} × ${m} points in ${d} dimensions`,
  inputs: { x: points(n, d), y: points(m, d), g: points(m), eps: 0.5 },
  params: { reduction, formula: sinkhorn },
  gradient,
});

/** Folds in folds, over long vectors and short ones, of one row and of both. */
const nested = "sum(square(x[i] * norm(y[j]) - y[j] * dist(a[i], b[j]))) + maxdist(x[i] * norm(a[i]), y[j])";

/** Input sets for `pairwise`. */
export const pairwiseCases: readonly Case<PairwiseParams>[] = [
  ...KINDS.map((kind) => sized(37, 41, 2, kind)),
  ...([[1, 1], [1, 300], [300, 1], [64, 64], [65, 63], [129, 127]] as const).map(([n, m]) =>
    sized(n, m, 3, "logsumexp")
  ),
  ...[1, 4, 7, 8, 9, 31, 100].map((d) => sized(9, 11, d, "logsumexp")),
  sized(3, 5, 1000, "sum", false),
  sized(5, 0, 2, "sum", false),
  sized(5, 0, 2, "logsumexp", false),
  sized(0, 5, 2, "sum", false),
  ...(["sum", "logsumexp", "argmin"] as const).map((reduction): Case<PairwiseParams> => ({
    name: `${reduction} over more terms than a software adapter's loops`,
    inputs: { x: points(2), y: { shape: [300_007], fill: "uniform" } },
    params: { reduction, formula: "abs(x[i] - y[j])" },
    gradient: false,
  })),
  {
    name: "large d over more terms than a software adapter's loops",
    inputs: { x: points(2, 200), y: points(1500, 200) },
    params: { reduction: "min", formula: "sqdist(x[i], y[j])" },
    gradient: false,
  },
  ...KINDS.map((reduction): Case<PairwiseParams> => ({
    name: `${reduction} with special values`,
    inputs: { x: { shape: [9], fill: "special" }, g: { shape: [24], fill: "special" } },
    params: { reduction, formula: "x[i] + g[j]" },
    gradient: false,
  })),
  ...(["max", "argmax", "argmin"] as const).map((reduction): Case<PairwiseParams> => ({
    name: `${reduction} with ties`,
    inputs: { x: { shape: [7], fill: [0] }, g: { shape: [50], fill: "ties" } },
    params: { reduction, formula: "x[i] + g[j]" },
    gradient: false,
  })),
  {
    name: "sum of a vector: plan times points",
    inputs: { f: points(13), g: points(17), x: points(13, 2), y: points(17, 2), v: points(17, 5), eps: 0.8 },
    params: { reduction: "sum", formula: "exp((f[i] + g[j] - sqdist(x[i], y[j])) / eps) * v[j]" },
  },
  ...[3, 33, 70].map((d): Case<PairwiseParams> => ({
    name: `softmax: attention with values of length ${d}`,
    inputs: { q: points(11, 6), k: points(19, 6), v: points(19, d), scale: 0.4 },
    params: { reduction: "softmax", formula: "dot(q[i], k[j]) * scale", value: "v[j]" },
  })),
  {
    name: "softmax with long keys and a scalar value",
    inputs: { q: points(5, 40), k: points(300, 40), v: points(300) },
    params: { reduction: "softmax", formula: "dot(q[i], k[j]) / 6", value: "v[j]" },
  },
  {
    name: "softmax with masked pairs and large scores",
    inputs: { q: points(5), k: { shape: [40], fill: [1000, -1000, -Infinity, 999] }, v: points(40, 2) },
    params: { reduction: "softmax", formula: "q[i] + k[j]", value: "v[j]" },
    gradient: false,
  },
  {
    name: "softmax over more terms than a software adapter's loops",
    inputs: { q: points(3), k: points(70_001), v: points(70_001, 2) },
    params: { reduction: "softmax", formula: "q[i] * k[j]", value: "v[j]" },
    gradient: false,
  },
  ...(["argmax", "logsumexp", "min"] as const).map((reduction): Case<PairwiseParams> => ({
    name: `${reduction} of cosines of long rows in several tiles`,
    inputs: { x: points(67, 21), y: points(201, 21), g: points(201), s: 3 },
    params: { reduction, formula: "g[j] + s * dot(x[i], y[j]) / (norm(x[i]) * norm(y[j]))" },
    gradient: false,
  })),
  {
    name: "a long sum of terms that are not 0 at 0",
    inputs: { x: points(5, 9), y: points(70, 9) },
    params: { reduction: "sum", formula: "sum((x[i] - 0.5) * abs(y[j] - 2))" },
    gradient: false,
  },
  {
    name: "long rows with special values",
    inputs: { x: { shape: [9, 12], fill: "special" }, y: { shape: [40, 12] } },
    params: { reduction: "max", formula: "sqdist(x[i], y[j])" },
    gradient: false,
  },
  {
    name: "folds in folds over long rows",
    inputs: { x: points(6, 19), y: points(13, 19), a: points(6, 3), b: points(13, 3) },
    params: { reduction: "logsumexp", formula: nested },
    gradient: false,
  },
  ...(["sum", "max"] as const).map((reduction): Case<PairwiseParams> => ({
    name: `${reduction} of long distances over many blocks`,
    inputs: { x: points(7, 18), y: points(1999, 18) },
    params: { reduction, formula: "l1dist(x[i], y[j]) - maxdist(x[i], y[j])" },
    gradient: false,
  })),
  {
    name: "logsumexp of points over many blocks",
    inputs: { x: points(9, 2), y: points(9001, 2), g: points(9001) },
    params: { reduction: "logsumexp", formula: "g[j] - 9 * sqdist(x[i], y[j])" },
    gradient: false,
  },
  {
    name: "sum of a vector over many blocks",
    inputs: { x: points(35, 3), y: points(700, 3) },
    params: { reduction: "sum", formula: "exp(-sqdist(x[i], y[j])) * (x[i] - y[j])" },
    gradient: false,
  },
  {
    name: "sum of a vector over no rows",
    inputs: { x: points(3, 2), y: points(0, 2) },
    params: { reduction: "sum", formula: "x[i] - y[j]" },
    gradient: false,
  },
  {
    name: "attention over many blocks",
    inputs: { q: points(38, 12), k: points(1501, 12), v: points(1501, 5) },
    params: { reduction: "softmax", formula: "dot(q[i], k[j])", value: "v[j] + q[i, 0]" },
    gradient: false,
  },
  {
    name: "l1 and Chebyshev distances",
    inputs: { x: points(6, 3), y: points(7, 3) },
    params: { reduction: "sum", formula: "l1dist(x[i], y[j]) + maxdist(x[i], y[j])" },
  },
  {
    name: "components by number",
    inputs: { x: points(6, 3), y: points(7, 2) },
    params: { reduction: "sum", formula: "x[i, 2] * y[j, 0] + sin(y[j, 1])" },
  },
  {
    name: "an input against itself",
    inputs: { x: points(23, 2) },
    params: { reduction: "logsumexp", formula: "-dist(x[i], x[j])" },
    gradient: false,
  },
  {
    name: "scalar array as a plain operand",
    inputs: { x: points(8), y: points(9), s: { shape: [] } },
    params: { reduction: "sum", formula: "s * x[i] * y[j]" },
  },
  {
    name: "strided views",
    inputs: {
      x: { shape: [12, 3], layout: "transposed" },
      y: { shape: [14, 3], layout: "strided" },
      g: { shape: [14], layout: "offset" },
    },
    params: { reduction: "logsumexp", formula: "g[j] - sqdist(x[i], y[j])" },
  },
  {
    name: "gradient that misses one index",
    inputs: { x: points(6), y: points(7) },
    params: { reduction: "sum", formula: "x[i] + y[j]" },
  },
  ...KINDS.map((reduction): Case<PairwiseParams> => ({
    name: `f64 ${reduction}`,
    inputs: { x: double(21, 3), y: double(47, 3), g: points(47), eps: 0.5 },
    params: { reduction, formula: sinkhorn },
    gradient: false,
  })),
  {
    name: "f64 sums of vectors beside other dtypes",
    inputs: { x: double(5, 11), y: { shape: [9, 11], dtype: "f16" }, w: { shape: [9], dtype: "i32", fill: [3, -2] } },
    params: { reduction: "sum", formula: "w[j] * x[i] * dot(x[i], y[j])" },
    gradient: false,
  },
  {
    name: "f64 softmax over many blocks",
    inputs: { q: double(6, 9), k: double(611, 9), v: double(611, 3) },
    params: { reduction: "softmax", formula: "dot(q[i], k[j])", value: "v[j]" },
    gradient: false,
  },
  {
    name: "condition",
    inputs: { x: points(20), y: points(21) },
    params: { reduction: "sum", formula: "x[i] < y[j]" },
    gradient: false,
  },
];
