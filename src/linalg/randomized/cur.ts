import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type MatrixLike, singleAction, transposedAction } from "../iterative/action.ts";
import { computed, toHost } from "../iterative/vectors.ts";
import { pivotedQr } from "../loops/pivoted_qr.ts";
import { lstsq } from "../lstsq.ts";
import { qr } from "../qr.ts";
import { columnsAt, interpolative } from "./interpolative.ts";
import { certified, report, requireSketch, type SketchCertificate, type SketchOptions } from "./range.ts";

/** A ≈ c·u·r with columns and rows of A itself, and the error of it. */
export interface Cur extends SketchCertificate {
  /** Columns of A, `[m, k]`. */
  readonly c: Tensor;
  /** What joins them, `[k, k]`: c⁺·A·r⁺, the best for these columns and rows. */
  readonly u: Tensor;
  /** Rows of A, `[k, n]`. */
  readonly r: Tensor;
  /** Positions of the columns, `[k]` i32. */
  readonly columns: Tensor;
  /** Positions of the rows, `[k]` i32. */
  readonly rows: Tensor;
}

/**
 * The CUR decomposition of a matrix `[m, n]` or operator: the columns are those of {@linkcode interpolative}, the rows the pivots among the
 * rows of those columns, and u = c⁺·A·r⁺. Gradients with respect to a tensor come through take, qr and lstsq, with the positions as constants. Source: Voronin & Martinsson (2017), Efficient algorithms for CUR and interpolative matrix decompositions; Mahoney & Drineas (2009).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.random.normal([60, 4], { seed: 1 }).matmul(gpu.random.normal([4, 50], { seed: 2 }));
 * const { c, u, r, error } = await linalg.cur(a, { rank: 4, seed: 3 });
 * ```
 */
export async function cur(a: MatrixLike, options: SketchOptions): Promise<Cur> {
  const action = singleAction(a, "cur"),
    settings = await requireSketch(action, options, "cur"),
    { tolerance } = settings;
  const factors = await runScope(async () => {
    // The rows add about as much to the error as the columns.
    const own = tolerance === undefined ? options : { ...options, tolerance: tolerance / 4 };
    const { columns } = await interpolative(a, { ...own, seed: settings.seed }), k = columns.size;
    const c = columnsAt(action, columns), { order } = pivotedQr(await toHost(c.T), k, action.rows);
    const rows = Tensor.of(action.device, order.slice(0, Math.min(k, action.rows)), [Math.min(k, action.rows)], "i32");
    const r = action.matrix ? action.matrix.take(rows, 0) : columnsAt(transposedAction(action), rows).T.slice();
    const left = await qr(c), right = await qr(r.T);
    // c = q·t and rᵀ = p·w, so c⁺·A·r⁺ = t⁺·(qᵀ·A·p)·(wᵀ)⁺; by singular values, as chosen columns can be nearly dependent.
    const core = computed(left.q.T.matmul(computed(action.apply(right.q))));
    const half = (await lstsq(left.r, core)).x;
    const u = (await lstsq(right.r, half.T)).x.T.slice();
    return { c, u, r, columns, rows };
  });
  const certificate = await certified(action, { c: factors.c, u: factors.u, r: factors.r }, settings, 3000);
  report("cur", certificate, settings);
  return { ...factors, ...certificate };
}
