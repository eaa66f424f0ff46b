import { byteSize } from "../device/mod.ts";
import { defineOp, type HostArray, hostTypes, type InputTypes } from "./define.ts";
import { factorLayout } from "./factor_layout.ts";
import { lowerInverse, magnitudes, type Matrix, matrixOf, times } from "./factor_matrix.ts";
import { type FactorScalar, NOT_FINITE, OUT_OF_RANGE } from "./factor_passes.ts";
import { triangularCases } from "./factor_triangular_cases.ts";
import { triangularKernels } from "./factor_triangular_kernels.ts";
import { broadcastIndex } from "./reference_index.ts";
import { broadcastShapes, showShape, sizeOf } from "./value.ts";

/** Which triangle is read, and how. */
export interface TriangularSolveParams {
  /** The lower triangle, else the upper one. */
  readonly lower: boolean;
  /** Whether its transpose is meant. */
  readonly transpose: boolean;
  /** Whether the diagonal is all ones, whatever is stored there. */
  readonly unitDiagonal: boolean;
}

/**
 * The solution x `[..., n, r]` of t·x = b for a triangle t of `a` `[..., n, n]` and `b` `[..., n, r]`, with leading axes broadcast; with
 * `order` `[..., n]` (i32), which has the leading axes of `a`, row i of the right-hand sides is row `order[..., i]` of b. `info`
 * `[...]` is 0; or the number from 1 of the first element of the diagonal that is zero; or {@linkcode NOT_FINITE} if an element of either
 * input is not finite, of whichever triangle; or {@linkcode OUT_OF_RANGE} if one of x is not. x is NaN where it is not 0.
 */
export const triangularSolve = defineOp<TriangularSolveParams>({
  name: "triangularSolve",

  contract(inputs) {
    const { batch, n, r, dtype } = systemLayout(inputs);
    return { x: { shape: [...batch, n, r], dtype }, info: { shape: batch, dtype: "i32" } };
  },

  reference({ a, b, order }, params, { x, info }) {
    const [n, r] = x.shape.slice(-2), batch = info.shape;
    const rows = (a as HostArray).data, sides = (b as HostArray).data, data = rowsAt(a as HostArray, batch);
    const atB = rowsAt(b as HostArray, batch), { unitDiagonal } = params;
    for (let q = 0; q < info.data.length; q++) {
      const own = rows.subarray(data(q), data(q) + n * n), y = x.data.subarray(q * n * r, (q + 1) * n * r);
      for (let i = 0; i < n; i++) {
        const row = atB(q) + (order ? (order as HostArray).data[data(q) / n + i] : i) * r;
        y.set(sides.subarray(row, row + r), i * r);
      }
      if (!own.every(Number.isFinite) || !y.every(Number.isFinite)) info.data[q] = NOT_FINITE;
      else {
        for (let i = 0; i < n && !unitDiagonal && info.data[q] === 0; i++) {
          if (own[i * n + i] === 0) info.data[q] = i + 1;
        }
        if (info.data[q] === 0) substitute(effective(own, n, params), y, r, params);
        if (!y.every((v) => isFinite(x.dtype === "f32" ? Math.fround(v) : v))) info.data[q] = OUT_OF_RANGE;
      }
      if (info.data[q] !== 0) y.fill(NaN);
    }
  },

  kernels: triangularKernels,

  cost(inputs) {
    const { count, n, r, dtype, a } = systemLayout(inputs);
    return { flops: count * n * n * r, bytes: byteSize(dtype) * (a * n * n / 2 + 2 * count * n * r) };
  },

  /**
   * Substitution in whatever order solves (t + Δ) x̂ = b with |Δ| ≤ γ |t|, γ = n u, for each column (Higham 2002, Theorem 8.5), and a driver's
   * quotients err by a few u: to first order |x̂ − x| ≤ γ |t⁻¹||t||x|.
   */
  error(inputs, params, { x, info }, u) {
    const { n, r, batch } = systemLayout(hostTypes(inputs)), a = inputs.a as HostArray, at = rowsAt(a, batch);
    const bounds = new Float64Array(sizeOf(x.shape));
    for (let q = 0; q < info.data.length; q++) {
      if (info.data[q] !== 0) continue;
      const t = effective(a.data.subarray(at(q), at(q) + n * n), n, params),
        forward = params.lower !== params.transpose;
      const mirror = (m: Matrix) => matrixOf(n, n, (i, j) => m.data[(n - 1 - i) * n + n - 1 - j]);
      const inverse = forward ? lowerInverse(t) : mirror(lowerInverse(mirror(t)));
      const y = magnitudes(matrixOf(n, r, (i, j) => x.data[q * n * r + i * r + j]));
      const bound = times(magnitudes(inverse), times(magnitudes(t), y)).data;
      for (let k = 0; k < n * r; k++) bounds[q * n * r + k] = 2 * (n + 16) * u * bound[k];
    }
    return { x: bounds, info: info.data.map(() => 0) };
  },

  cases: triangularCases,
});

/** Shapes and types of a system. */
export function systemLayout(
  inputs: InputTypes,
): { batch: number[]; count: number; a: number; n: number; r: number; dtype: FactorScalar } {
  const a = factorLayout(inputs, "a", true), b = factorLayout(inputs, "b", false);
  if (a.n !== b.m || a.dtype !== b.dtype) {
    const show = (name: string) => `${inputs[name]!.dtype} ${showShape(inputs[name]!.shape)}`;
    throw new TypeError(`Cannot solve a ${show("a")} for b ${show("b")}: rows or element types differ`);
  }
  const { order } = inputs, wanted = [...a.batch, a.n];
  if (order !== undefined && (order?.dtype !== "i32" || order.shape.join() !== wanted.join())) {
    const got = order ? `${order.dtype} ${showShape(order.shape)}` : "a number";
    throw new TypeError(`Expected "order" to be i32 ${showShape(wanted)}, got ${got}`);
  }
  const batch = broadcastShapes({ "the leading axes of a": a.batch, "those of b": b.batch });
  return { batch, count: sizeOf(batch), a: a.count, n: a.n, r: b.n, dtype: a.dtype };
}

/** Where the elements of matrix number q of a broadcast stack begin. */
function rowsAt({ shape, dtype }: HostArray, batch: readonly number[]): (q: number) => number {
  const own = shape.slice(0, -2), size = sizeOf(shape.slice(-2));
  const starts = Float64Array.from({ length: sizeOf(own) }, (_, q) => q * size);
  return broadcastIndex({ shape: own, dtype, data: starts }, batch);
}

/** The triangle that is meant, with zeros elsewhere. */
function effective(a: Float64Array, n: number, { lower, transpose, unitDiagonal }: TriangularSolveParams): Matrix {
  return matrixOf(n, n, (i, j) => {
    const [row, column] = transpose ? [j, i] : [i, j];
    return i === j ? unitDiagonal ? 1 : a[i * n + i] : (row > column) === lower ? a[row * n + column] : 0;
  });
}

function substitute(t: Matrix, y: Float64Array, r: number, { lower, transpose }: TriangularSolveParams): void {
  const n = t.rows, forward = lower !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    for (let c = 0; c < r; c++) {
      let rest = y[i * r + c];
      for (let k = forward ? 0 : i + 1; k < (forward ? i : n); k++) rest -= t.data[i * n + k] * y[k * r + c];
      y[i * r + c] = rest / t.data[i * n + i];
    }
  }
}
