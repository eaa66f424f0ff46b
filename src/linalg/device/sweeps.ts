import { jacobi, type JacobiParams, PAIR } from "../../ops/jacobi.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { ConvergenceError } from "../errors.ts";
import { runOnAdapter } from "../run_on_adapter.ts";
import { joined, zerosLike } from "./parts.ts";

/** Most sweeps within one pair of blocks, where there is but one. */
const INNER = 16;
/** Sweeps between two looks, and the most of all. */
const MORE = 2, MOST = 60;

/**
 * Sweeps before the first look. A look costs as much as many sweeps, so it should find that they were enough: random matrices of 64 rows
 * take 6 in f32 and 7 in f64, and one more for each doubling.
 */
export function firstSweeps(rows: number, dtype: string): number {
  return Math.max(6, Math.floor(Math.log2(rows))) + Number(dtype === "f64");
}

/** Rows with which Jacobi sweeps can be done, of at least n. */
export function jacobiRows(n: number): number {
  return n <= PAIR ? n + n % 2 : PAIR * Math.ceil(n / PAIR);
}

/** Jacobi sweeps over stacks `a` `[count, rows, c]` until `isDone` says that they are, with `v` beside them; takes both over. */
export async function sweepUntil(
  { a, v, level, of }: { a: Tensor; v: Tensor; level: Tensor; of: JacobiParams["of"] },
  what: string,
  isDone: (a: Tensor) => Promise<boolean>,
): Promise<{ a: Tensor; v: Tensor }> {
  const alone = a.shape[1] <= PAIR, inner = alone ? INNER : 1;
  // What one pair of blocks leaves of symmetric matrices are rounding errors; products of rows are found anew from what became of them.
  const first = !alone ? firstSweeps(a.shape[1], a.dtype) : of === "rows" ? 4 : 1;
  for (let sweeps = first, done = 0;; sweeps = alone ? 1 : MORE) {
    const next = runOnAdapter(jacobi, { a, v, level }, { of, sweeps, inner });
    a.dispose();
    v.dispose();
    [a, v] = [next.a, next.v];
    done += sweeps;
    if (await isDone(a)) return { a, v };
    if (done >= MOST) throw new ConvergenceError(`The ${what} did not converge in ${done} sweeps`);
  }
}

/** With rows of zeros, and as many columns of them for square matrices, which sweeps leave alone. */
export function padded(x: Tensor, rows: number, columns: number): Tensor {
  const [count, n, m] = x.shape;
  const wide = columns === m ? x : joined([x, zerosLike(x, [count, n, columns - m])], 2);
  return rows === n ? wide.slice() : joined([wide, zerosLike(x, [count, rows - n, columns])], 1);
}
