import { sizeOf } from "../ops/value.ts";
import type { Tensor } from "../tensor/mod.ts";
import { eliminateOnAdapter, luWork, solveEliminated, together, triangularWork } from "./eliminate_on_adapter.ts";
import { SingularMatrixError } from "./errors.ts";
import { eliminate, substitute } from "./loops/elimination.ts";
import {
  lapackWith,
  nth,
  onHost,
  readSystem,
  requireArguments,
  requireSquare,
  requireSystem,
  toSolution,
  transposed,
} from "./matrix_stack.ts";
import { placeOf, type PlaceOptions } from "./place.ts";

/** Refuses a matrix whose elimination met a pivot of zero. */
export function requirePivots(info: number, n: number, which: number, count: number): void {
  if (info <= 0) return;
  throw new SingularMatrixError(
    `${count > 1 ? `Matrix ${which}` : "The matrix"} is singular: pivot ${info} of ${n} is zero`,
  );
}

/**
 * The solution x of A·x = b for each matrix of `[..., n, n]`, in their own precision, by Gaussian elimination with pivoting (LAPACK's
 * `getrf`, `getrs`); without a LAPACK in f64. `b` is a vector `[n]`, or `[..., n, r]` with leading axes broadcast; x is `[..., n]` or `[..., n, r]`. Nearly
 * singular matrices are solved with what accuracy they allow: {@linkcode certificate} measures the backward error. Throws a
 * {@linkcode SingularMatrixError} at a pivot of zero, a `TypeError` for other types than f32 and f64 and shapes that do not fit, and
 * a `RangeError` if an element is not finite.
 *
 * On a hardware adapter large systems and large stacks are solved there; see {@linkcode PlaceOptions}.
 */
export async function solve(a: Tensor, b: Tensor, options: PlaceOptions = {}): Promise<Tensor> {
  requireSquare(a, "solve");
  const { batch, vector } = requireSystem(a, b, "solve"), sides = vector ? 1 : b.shape[b.rank - 1];
  const triangles = triangularWork(a.shape[a.rank - 1], 2 * sides, sizeOf(batch));
  if (placeOf("solve", [a, b], together(luWork(a), triangles), options) === "adapter") {
    const x = await onAdapter(a, b, vector);
    if (x) return x;
  }
  const system = await readSystem(a, b, "solve"), { device, data, rows: n, count } = system.a, r = system.b.columns;
  const pivots = new Int32Array(n), lapack = lapackWith(device, "getrf", "getrs"), solution = system.b.data.slice();
  onHost(device, lapack ? "solve/lapack" : "solve/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n), right = nth(system.b.data, i, n * r), x = nth(solution, i, n * r);
      if (lapack) {
        // By columns this is the transposed matrix, and so is solved with its transpose.
        const info = lapack.getrf(n, n, matrix, pivots);
        requireArguments("getrf", info);
        requirePivots(info, n, i, count);
        transposed(right, n, r, x);
        requireArguments("getrs", lapack.getrs(true, n, r, matrix, pivots, x));
      } else {
        const work = Float64Array.from(matrix), rows = Float64Array.from(right);
        requirePivots(eliminate(work, n, n, pivots), n, i, count);
        exchangeRows(rows, r, pivots);
        substitute(work, n, rows, r, { lower: true, transpose: false, unitDiagonal: true });
        substitute(work, n, rows, r, { lower: false, transpose: false, unitDiagonal: false });
        x.set(transposed(rows, n, r));
      }
    }
  });
  return toSolution(system, solution);
}

/** Undefined if an element of the system or of its solution is not finite: the host says which, or finds another. */
async function onAdapter(a: Tensor, b: Tensor, vector: boolean): Promise<Tensor | undefined> {
  using factors = eliminateOnAdapter(a), columns = vector ? b.expandDims(1) : b.slice();
  const { x, info, left } = await solveEliminated(factors, columns), n = a.shape[a.rank - 1];
  if (!left) {
    if (!vector) return x;
    using solution = x;
    return solution.reshape(x.shape.slice(0, -1));
  }
  x.dispose();
  if (info.every((k) => k >= 0)) info.forEach((k, i) => requirePivots(k, n, i, info.length));
}

/** Exchanges the rows of `b` `[n, r]` as an elimination did. */
export function exchangeRows(b: Float64Array, r: number, pivots: Int32Array): void {
  pivots.forEach((row, i) => {
    const other = row - 1;
    for (let c = 0; c < r && other !== i; c++) [b[i * r + c], b[other * r + c]] = [b[other * r + c], b[i * r + c]];
  });
}
