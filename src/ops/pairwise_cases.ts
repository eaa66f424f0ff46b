import type { Case, CaseInput } from "./define.ts";
import type { PairReduction, PairwiseParams } from "./pairwise.ts";

const KINDS: readonly Exclude<PairReduction, "softmax">[] = ["sum", "logsumexp", "max", "min", "argmax", "argmin"];
const points = (n: number, d?: number): CaseInput => ({ shape: d === undefined ? [n] : [n, d] });

/** The half-step of log-domain Sinkhorn, the formula this family exists for. */
const sinkhorn = "(g[j] - sqdist(x[i], y[j])) / eps";

const sized = (n: number, m: number, d: number, reduction: PairReduction, gradient = true): Case<PairwiseParams> => ({
  name: `${reduction} of ${n} × ${m} points in ${d} dimensions`,
  inputs: { x: points(n, d), y: points(m, d), g: points(m), eps: 0.5 },
  params: { reduction, formula: sinkhorn },
  gradient,
});

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
  {
    name: "condition",
    inputs: { x: points(20), y: points(21) },
    params: { reduction: "sum", formula: "x[i] < y[j]" },
    gradient: false,
  },
];
