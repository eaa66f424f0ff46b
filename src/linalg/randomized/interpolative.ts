import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type Action, type MatrixLike, singleAction } from "../iterative/action.ts";
import { computed, fromHost, toHost } from "../iterative/vectors.ts";
import { type PivotedQr, pivotedQr } from "../loops/pivoted_qr.ts";
import { picker } from "./low_rank_error.ts";
import { certified, rangeOf, report, requireSketch, type SketchCertificate, type SketchOptions } from "./range.ts";

/** A ≈ A[:, columns]·coefficients, with the error of it. */
export interface Interpolative extends SketchCertificate {
  /** Positions of the columns that stand for all, `[k]` i32, in the order of their pivots. */
  readonly columns: Tensor;
  /** `[k, n]`; at the chosen columns the identity. */
  readonly coefficients: Tensor;
}

/**
 * The column interpolative decomposition of a matrix `[m, n]` or operator: k of its own columns, and the coefficients that make all columns
 * from them. The columns are the pivots of QR with column pivoting of qᵀA, for a basis q of nearly its range, in f64 on the host. With
 * `tolerance` k is the least that the certificate allows, of those that were tried. Columns are positions, and coefficients are computed on the host: they carry no
 * gradient. Source: Cheng, Gimbutas, Martinsson & Rokhlin (2005); Halko, Martinsson & Tropp (2011), section 5.2.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([60, 4], { seed: 1 }).matmul(gpu.random.normal([4, 50], { seed: 2 }));
 * const { columns, coefficients, error } = await linalg.interpolative(a, { rank: 4, seed: 3 });
 * const rebuilt = a.take(columns, 1).matmul(coefficients); // a, up to error
 * ```
 */
export async function interpolative(a: MatrixLike, options: SketchOptions): Promise<Interpolative> {
  const action = singleAction(a, "interpolative"), settings = await requireSketch(action, options, "interpolative");
  const { tolerance } = settings, n = action.columns;
  const { found, width, norm } = await runScope(async () => {
    const { q, norm } = await rangeOf(
      action,
      tolerance === undefined ? settings : { ...settings, tolerance: tolerance / 2 },
    );
    const width = q.shape[1], sketch = await toHost(computed(action.applyTransposed(q)).T);
    return { found: pivotedQr(sketch, width, n), width, norm };
  });
  let rank = settings.rank ?? rankFor(found, width, n, tolerance! / 2 * norm);
  for (let part = 2000;; part++) {
    settings.signal?.throwIfAborted();
    const columns = Tensor.of(action.device, found.order.slice(0, rank), [rank], "i32");
    const coefficients = fromHost(action.device, interpolation(found, rank, n), [rank, n], action.dtype);
    const certificate = await certified(action, { columns, coefficients }, settings, part);
    if (certificate.converged || rank === width) {
      report("interpolative", certificate, settings);
      return { columns, coefficients, ...certificate };
    }
    columns.dispose();
    coefficients.dispose();
    rank = Math.min(width, Math.ceil(1.25 * rank) + 1);
  }
}

/** The least k for which what the pivots leave is below the limit, in the Frobenius norm. */
function rankFor({ r }: PivotedQr, rows: number, n: number, limit: number): number {
  let rest = 0, k = Math.min(rows, n);
  for (; k > 1; k--) {
    for (let j = k - 1; j < n; j++) rest += r[(k - 1) * n + j] ** 2;
    if (Math.sqrt(rest) > limit) break;
  }
  return k;
}

/** [I, R₁₁⁻¹·R₁₂] with the columns where they belong; pivots of rounding size stand for nothing. */
export function interpolation({ order, r }: PivotedQr, k: number, n: number): Float64Array {
  const out = new Float64Array(k * n), x = new Float64Array(k), floor = 4 * n * 2 ** -53 * Math.abs(r[0]);
  for (let j = 0; j < n; j++) {
    x.fill(0);
    if (j < k) x[j] = 1;
    else {
      for (let i = k - 1; i >= 0; i--) {
        let sum = r[i * n + j];
        for (let l = i + 1; l < k; l++) sum -= r[i * n + l] * x[l];
        x[i] = Math.abs(r[i * n + i]) > floor ? sum / r[i * n + i] : 0;
      }
    }
    for (let i = 0; i < k; i++) out[i * n + order[j]] = x[i];
  }
  return out;
}

/** The columns of a matrix at these positions, `[m, k]`. */
export function columnsAt(a: Action, columns: Tensor): Tensor {
  if (a.matrix) return a.matrix.take(columns, 1);
  using pick = picker(a, columns);
  return a.apply(pick);
}
