import { roundoff } from "../../device/mod.ts";
import { sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { frobenius, hostMatrix, multiply } from "../host_product.ts";
import { nth } from "../matrix_stack.ts";
import type { Action } from "./action.ts";
import { computed, drawn, fromHost, toHost } from "./vectors.ts";

/** b − A·x, computed anew, and what is known of its error: one number for each column of each matrix. */
export interface TrueResidual {
  /** The residual `[..., m, k]`, rounded to the type of the vectors. */
  readonly r: Tensor;
  /** Norms of its columns. */
  readonly norms: Float64Array;
  /** What the norms may be wrong by. */
  readonly errors: Float64Array;
  /** Norms of Aᵀr − damp²x and what they may be wrong by, where they were asked for. */
  readonly normal?: { readonly norms: Float64Array; readonly errors: Float64Array };
}

/** Computes residuals of one system. */
export type Residual = (x: Tensor) => Promise<TrueResidual>;

/** Elements of a stored matrix up to which it is copied to the host, for residuals in f64. */
const EXACT = 2 ** 24;

/**
 * How residuals of A·x = b are computed. With a stored matrix in f64 on the host: what is claimed of a solution in f32 is then as good as
 * exact. With an operator on its device, and the rounding error of that is measured: x = y + z, with z = x − y exact (Sterbenz)
 * for a random y between x/2 and 3x/2, so that A·x − A·y − A·z is made of three products' rounding errors and nothing else.
 */
export async function residualOf(a: Action, b: Tensor, normal?: { damp: number }): Promise<Residual> {
  const { matrix } = a;
  if (matrix && matrix.size <= EXACT) return onHost(a, await toHost(matrix), await toHost(b), b.shape, normal);
  return byProducts(a, b, normal);
}

function onHost(
  { rows: m, columns: n, batch, device, dtype }: Action,
  matrices: Float64Array<ArrayBuffer>,
  right: Float64Array<ArrayBuffer>,
  shape: readonly number[],
  normal?: { damp: number },
): Residual {
  const k = shape[shape.length - 1], count = sizeOf(batch), u = roundoff("f64");
  const matrixNorms = Array.from({ length: count }, (_, q) => frobenius(nth(matrices, q, m * n)));
  return async (x) => {
    const solution = await toHost(x), r = new Float64Array(count * m * k);
    const norms = new Float64Array(count * k),
      errors = norms.slice(),
      second = { norms: norms.slice(), errors: norms.slice() };
    for (let q = 0; q < count; q++) {
      const matrix = hostMatrix(m, n, nth(matrices, q, m * n)), xs = hostMatrix(n, k, nth(solution, q, n * k));
      const bs = nth(right, q, m * k), size = matrixNorms[q], rest = nth(r, q, m * k);
      const product = multiply(device, matrix, xs).data;
      for (let i = 0; i < rest.length; i++) rest[i] = bs[i] - product[i];
      const turned = normal && multiply(device, matrix, hostMatrix(m, k, rest), { transposeA: true }).data;
      if (turned) { for (let i = 0; i < turned.length; i++) turned[i] -= normal.damp ** 2 * xs.data[i]; }
      for (let c = 0; c < k; c++) {
        const at = q * k + c, xNorm = columnNorm(xs.data, n, k, c);
        norms[at] = columnNorm(rest, m, k, c);
        // ‖fl(A·x) − A·x‖ ≤ n·u‖|A||x|‖, and √n·u with errors that are independent (Higham & Mary 2019).
        errors[at] = 2 * u * (Math.sqrt(n) * size * xNorm + columnNorm(bs, m, k, c));
        if (!turned) continue;
        second.norms[at] = columnNorm(turned, n, k, c);
        second.errors[at] = size * errors[at] +
          2 * u * (Math.sqrt(m) * size * norms[at] + normal.damp ** 2 * xNorm);
      }
    }
    return { r: fromHost(device, r, shape, dtype), norms, errors, ...(normal && { normal: second }) };
  };
}

function byProducts(a: Action, b: Tensor, normal?: { damp: number }): Residual {
  const parts = (x: Tensor, seed: number): [Tensor, Tensor] => {
    // Any seed will do: what is measured is rounding.
    const factor = drawn(a.device, "uniform", x.shape, seed, a.dtype);
    const y = computed(Tensor.map("(0.5 + f) * x", { f: factor, x }));
    return [y, computed(Tensor.map("x - y", { x, y }))];
  };
  return (x) =>
    runScope(async () => {
      const u = roundoff(a.dtype), [y, z] = parts(x, 1), product = a.apply(x);
      const r = computed(Tensor.map("b - p", { b, p: product }));
      const apart = Tensor.map("p - y - z", { p: product, y: a.apply(y), z: a.apply(z) });
      const [norms, spread, bs] = await Promise.all([r, apart, b].map(hostNorms));
      // Twice what was seen, and the rounding of the differences.
      const errors = spread.map((e, c) => 2 * (e + u * (bs[c] + norms[c])));
      if (!normal) return { r, norms, errors };
      const d2 = normal.damp ** 2, [v, w] = parts(r, 2), turned = a.applyTransposed(r);
      const g = d2 === 0 ? turned : Tensor.map("g - d2 * x", { g: turned, d2, x });
      const off = Tensor.map("g - v - w", { g: turned, v: a.applyTransposed(v), w: a.applyTransposed(w) });
      const found = await Promise.all([g, off, a.applyTransposed(computed(apart)), x].map(hostNorms));
      const [gs, offs, carried, xs] = found;
      return {
        r,
        norms,
        errors,
        normal: { norms: gs, errors: offs.map((e, c) => 2 * (e + carried[c] + u * (gs[c] + d2 * xs[c]))) },
      };
    });
}

async function hostNorms(t: Tensor): Promise<Float64Array> {
  const data = await toHost(t), [rows, k] = t.shape.slice(-2);
  return Float64Array.from({ length: data.length / Math.max(1, rows) }, (_, at) => {
    const matrix = Math.floor(at / k);
    return columnNorm(data.subarray(matrix * rows * k, (matrix + 1) * rows * k), rows, k, at % k);
  });
}

function columnNorm(data: ArrayLike<number>, rows: number, k: number, c: number): number {
  const column = new Float64Array(rows);
  for (let i = 0; i < rows; i++) column[i] = data[i * k + c];
  return frobenius(column);
}
