import { type FloatArray, integer, letter, precisionOf, PRECISIONS, result, subroutine } from "./fortran.ts";
import type { NativeFunction, NativeSymbols } from "./native_library.ts";

/** The subroutines that are asked of a library beside `getrf` and `gemm`. */
export const BLOCKED_FUNCTIONS: Readonly<Record<string, NativeFunction>> = Object.fromEntries(
  Object.keys(PRECISIONS).flatMap((p) => [
    [`${p}trsm`, subroutine(`${p}trsm`, 11, 4)],
    [`${p}laswp`, subroutine(`${p}laswp`, 7, 0)],
  ]),
);

/** Columns of a panel. */
const PANEL = 128;
/** Elements of a matrix that is too small for threads or a recursion. */
const SMALL = 10_000;

/**
 * `getrf` by panels, with the threads in the products between them (Golub & Van Loan, Matrix Computations, §3.2.11). OpenBLAS's own
 * threaded elimination takes half a megabyte of the stack for each level of its recursion, which is more than the threads have on
 * which tests and workers run. `serially` runs its work on one thread.
 */
export function blockedGetrf(
  symbols: NativeSymbols,
  serially: (work: () => void) => void,
  [m, n]: readonly [number, number],
  a: FloatArray,
  pivots: Int32Array,
): number {
  const p = precisionOf(a), step = integer(Math.max(1, m)), k = Math.min(m, n), one = PRECISIONS[p].of(1);
  const at = (i: number, j: number) => a.subarray(i + j * m);
  let info = 0;
  for (let j = 0; j < k; j += PANEL) {
    const width = Math.min(PANEL, k - j), next = j + width, rest = n - next, own = result();
    const chosen = pivots.subarray(j, next);
    const eliminate = () => symbols[`${p}getrf`]!(integer(m - j), integer(width), at(j, j), step, chosen, own);
    if (m * n < SMALL) eliminate();
    else serially(eliminate);
    if (own[0] < 0) return own[0];
    if (own[0] > 0) info ||= own[0] + j;
    for (let q = 0; q < width; q++) chosen[q] += j;
    const exchange = (columns: number, from: FloatArray) =>
      columns > 0 &&
      symbols[`${p}laswp`]!(integer(columns), from, step, integer(j + 1), integer(next), pivots, integer(1));
    exchange(j, a);
    exchange(rest, at(0, next));
    if (rest <= 0) continue;
    const [left, lower, plain, unit] = ["L", "L", "N", "U"].map(letter), size = integer(width), columns = integer(rest);
    symbols[`${p}trsm`]!(left, lower, plain, unit, size, columns, one, at(j, j), step, at(j, next), step, 1, 1, 1, 1);
    if (next >= m) continue;
    const minus = PRECISIONS[p].of(-1), panel = at(next, j), row = at(j, next), below = integer(m - next);
    symbols[`${p}gemm`]!(
      plain,
      plain,
      below,
      columns,
      size,
      minus,
      panel,
      step,
      row,
      step,
      one,
      at(next, next),
      step,
      1,
      1,
    );
  }
  return info;
}
