import type { Case } from "./define.ts";
import type { PairMatrixParams } from "./pair_matrix.ts";

/** Input sets for `pairMatrix`: sizes around those of the tiles, long rows, vectors, components, special values. */
export const pairMatrixCases: readonly Case<PairMatrixParams>[] = [
  ...[[0, 4], [1, 1], [7, 9], [33, 31], [65, 130]].map(([n, m]) => ({
    name: `squared distances ${n} × ${m}`,
    inputs: { x: { shape: [n, 3] }, y: { shape: [m, 3] } },
    params: { formula: "sqdist(x[i], y[j])" },
  })),
  {
    name: "differences: a vector per pair",
    inputs: { x: { shape: [5, 4] }, y: { shape: [6, 4], layout: "strided" as const }, s: 0.5 },
    params: { formula: "s * (x[i] - y[j])" },
  },
  {
    name: "long rows and scalars",
    inputs: { x: { shape: [4, 37] }, y: { shape: [5, 37] }, f: { shape: [4] }, g: { shape: [5] } },
    params: { formula: "exp((f[i] + g[j] - dist(x[i], y[j])) / 7)" },
  },
  ...["sqdist(x[i], y[j])", "dot(x[i], y[j]) / (norm(x[i]) * norm(y[j]))"].map((formula) => ({
    name: `long rows in several tiles: ${formula}`,
    inputs: { x: { shape: [70, 37] }, y: { shape: [131, 37] } },
    params: { formula },
    gradient: false,
  })),
  {
    name: "long differences: more components than are written out, over several tiles",
    inputs: { x: { shape: [7, 19] }, y: { shape: [41, 19] } },
    params: { formula: "x[i] * y[j]" },
    gradient: false,
  },
  {
    name: "one input in f64",
    inputs: { x: { shape: [6, 9], dtype: "f64" as const }, y: { shape: [7, 9], layout: "transposed" as const } },
    params: { formula: "l1dist(x[i], y[j]) + exp(x[i, 8])" },
    gradient: false,
  },
  {
    name: "special values",
    inputs: { x: { shape: [12], fill: "special" as const }, y: { shape: [13], fill: "special" as const } },
    params: { formula: "x[i] * y[j]" },
    gradient: false,
  },
  {
    name: "components by number",
    inputs: { x: { shape: [6, 3] }, y: { shape: [7, 2] } },
    params: { formula: "x[i, 2] * sin(y[j, 1])" },
  },
];
