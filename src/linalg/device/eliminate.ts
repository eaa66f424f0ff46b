import { luFactor } from "../../ops/factor_lu.ts";
import { triangularSolve, type TriangularSolveParams } from "../../ops/factor_triangular.ts";
import { sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import type { Work } from "../place.ts";
import { runOnAdapter } from "../run_on_adapter.ts";

/** Dispatches and steps of an elimination of n columns by panels of 16: four for each panel, and some for the larger blocks. */
export function luWork(a: Tensor): Work {
  const [m, n] = a.shape.slice(-2), k = Math.min(m, n), count = sizeOf(a.shape.slice(0, -2));
  return { flops: count * k * k * (m + n - 4 / 3 * k), dispatches: 8 + k / 4 + k / 16, steps: k, largest: a.size };
}

/** What solutions with a triangle take for `count` times `r` right-hand sides. */
export function triangularWork(n: number, r: number, count: number): Work {
  return { flops: count * n * n * r, dispatches: 6 + n / 32, steps: n / 16, largest: count * n * r };
}

/** The work of both, one after the other. */
export function together(a: Work, b: Work): Work {
  return {
    flops: a.flops + b.flops,
    dispatches: a.dispatches + b.dispatches,
    steps: a.steps + b.steps,
    largest: Math.max(a.largest, b.largest),
    results: b.results ?? b.largest,
  };
}

/** Factors in one tensor, and what belongs to them: see the op. */
export interface Eliminated extends Disposable {
  /** `[..., m, n]`. */
  readonly lu: Tensor;
  /** Rows exchanged with, `[..., k]`, from 0. */
  readonly pivots: Tensor;
  /** Rows of the matrix in the order of the factors, `[..., m]`. */
  readonly order: Tensor;
  /** What was found, `[...]`. */
  readonly info: Tensor;
}

/** Gaussian elimination of a stack of matrices on the adapter, without waiting. */
export function eliminateOnAdapter(a: Tensor): Eliminated {
  const { lu, pivots, order, info } = runOnAdapter(luFactor, { a }, {});
  const dispose = () => [lu, pivots, order, info].forEach((t) => t.dispose());
  return { lu, pivots, order, info, [Symbol.dispose]: dispose };
}

/** Solutions with a triangle, `[..., n, r]`, and what was found, on the adapter, without waiting; see the op. */
export function substituteOnAdapter(
  a: Tensor,
  b: Tensor,
  params: TriangularSolveParams,
  order?: Tensor,
): { x: Tensor; info: Tensor } {
  const { x, info } = runOnAdapter(triangularSolve, { a, b, ...(order ? { order } : {}) }, params);
  return { x, info };
}

const LOWER: TriangularSolveParams = { lower: true, transpose: false, unitDiagonal: true };
const UPPER: TriangularSolveParams = { lower: false, transpose: false, unitDiagonal: false };

/**
 * The solution of l·u·x = b in the factors' order of rows, `[..., n, r]`, and what was found: per matrix of the factors, and per solution. Where
 * one of the latter is not 0 although the matrix has an inverse, numbers left their range.
 */
export async function solveEliminated(
  { lu, order, info }: Eliminated,
  b: Tensor,
): Promise<{ x: Tensor; info: Int32Array; left: boolean }> {
  const lower = substituteOnAdapter(lu, b, LOWER, order);
  using y = lower.x, first = lower.info;
  const { x, info: last } = substituteOnAdapter(lu, y, UPPER);
  using second = last;
  try {
    // One wait for all.
    const found = await Promise.all([info, first, second].map((t) => t.data()));
    return { x, info: found[0] as Int32Array, left: found[1].some((i) => i !== 0) || found[2].some((i) => i !== 0) };
  } catch (error) {
    x.dispose();
    throw error;
  }
}

/** The numbers 0 … n − 1 as i32, of a shape of n elements. */
export function indices(like: Tensor, shape: readonly number[]): Tensor {
  return Tensor.of(like.device, Int32Array.from({ length: sizeOf(shape) }, (_, k) => k), shape, "i32");
}
