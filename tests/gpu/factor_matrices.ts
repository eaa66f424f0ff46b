import type { Gpu, Tensor } from "../../mod.ts";

/** Types of the tests, with their unit roundoffs and the decades over which graded matrices go. */
export const FLOATS = [{ dtype: "f32", u: 2 ** -24, decades: 6 }, { dtype: "f64", u: 2 ** -53, decades: 12 }] as const;

export type Float = typeof FLOATS[number];

/** A matrix from a function of its indices, rounded to the type. */
export function made(
  gpu: Gpu,
  { dtype }: Float,
  shape: readonly number[],
  at: (i: number, j: number) => number,
): Tensor {
  const [m, n] = shape.slice(-2), count = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: count * m * n }, (_, k) => at(Math.floor(k / n) % Math.max(1, m), k % n));
  return gpu.tensor(data, { shape, dtype });
}

/** Normal numbers. */
export function normal(gpu: Gpu, { dtype }: Float, shape: number[], seed = 1): Tensor {
  return gpu.random.normal(shape, { seed }).astype(dtype);
}

/** Columns (in no order) from size 1 down to 10^-decades, well conditioned but for that. */
export function graded(gpu: Gpu, float: Float, m: number, n: number): Tensor {
  const size = (j: number) => 10 ** (-float.decades * ((7 * j) % n) / Math.max(1, n - 1));
  return normal(gpu, float, [m, n], 5).mul(made(gpu, float, [1, n], (_, j) => size(j)));
}

/** Rectangular matrices that are hard in one way or another. */
export function hardMatrices(gpu: Gpu, float: Float): [string, Tensor][] {
  return [
    ["rank 5", normal(gpu, float, [40, 5], 2).matmul(normal(gpu, float, [5, 30], 3))],
    ["equal elements", made(gpu, float, [50, 40], () => 1)],
    ["zero", made(gpu, float, [33, 20], () => 0)],
    ["columns of zeros", normal(gpu, float, [20, 18]).mul(made(gpu, float, [1, 18], (_, j) => j % 3))],
    ["identity", made(gpu, float, [40, 40], (i, j) => Number(i === j))],
    ["Hilbert", made(gpu, float, [20, 20], (i, j) => 1 / (i + j + 1))],
    ["graded columns", graded(gpu, float, 45, 40)],
    ["graded rows", graded(gpu, float, 45, 40).T],
    ["very large", normal(gpu, float, [9, 7]).mul(float.dtype === "f32" ? 1e37 : 1e300)],
    ["very small", normal(gpu, float, [9, 7]).mul(float.dtype === "f32" ? 1e-30 : 1e-290)],
    ["one large element", made(gpu, float, [34, 34], (i, j) => i === 3 && j === 30 ? 1e10 : Math.cos(i * j + 1))],
  ];
}

/** Symmetric matrices that are hard in one way or another. */
export function hardSymmetric(gpu: Gpu, float: Float): [string, Tensor][] {
  const n = 40, hilbert = made(gpu, float, [20, 20], (i, j) => 1 / (i + j + 1));
  // A reflection I − 2 v vᵀ turns a diagonal into a full matrix with known eigenvalues.
  const v = Array.from({ length: n }, (_, k) => Math.sin(k + 1)), square = v.reduce((sum, x) => sum + x * x, 0);
  const turned = (values: (k: number) => number) => {
    const mean = v.reduce((sum, x, k) => sum + x * x * values(k), 0) / square;
    return made(
      gpu,
      float,
      [n, n],
      (i, j) => (i === j ? values(i) : 0) - 2 / square * v[i] * v[j] * (values(i) + values(j) - 2 * mean),
    );
  };
  return [
    ["two eigenvalues, many times", turned((k) => k % 2)],
    ["clusters", turned((k) => 1 + Math.floor(k / 10) + 1e-3 * float.u * (k % 10))],
    ["pairs of either sign", turned((k) => (k % 2 ? 1 : -1) * (1 + Math.floor(k / 2)))],
    ["graded", turned((k) => 10 ** (-float.decades * k / n))],
    ["zero", made(gpu, float, [n, n], () => 0)],
    ["equal elements", made(gpu, float, [n, n], () => 1)],
    ["identity", made(gpu, float, [n, n], (i, j) => Number(i === j))],
    ["diagonal, in no order", made(gpu, float, [n, n], (i, j) => i === j ? (i * 17) % n : 0)],
    ["Hilbert", hilbert],
    ["second differences", made(gpu, float, [65, 65], (i, j) => i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)],
    ["Wilkinson's", made(gpu, float, [21, 21], (i, j) => i === j ? Math.abs(i - 10) : Number(Math.abs(i - j) === 1))],
    ["very large", hilbert.mul(float.dtype === "f32" ? 1e38 : 1e305)],
    ["very small", hilbert.mul(float.dtype === "f32" ? 1e-30 : 1e-290)],
  ];
}
